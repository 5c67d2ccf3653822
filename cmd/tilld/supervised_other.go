//go:build !windows

package main

// supervised is for Windows: elsewhere the service manager starts the guard itself.
func supervised(string, string) (done bool, err error) { return false, nil }
