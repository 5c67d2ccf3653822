//go:build !unix

package main

// again ends the agent with the failure code, so that the service manager
// starts it again.
func again() error { return errRestart }
