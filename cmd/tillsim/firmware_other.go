//go:build !unix

package main

// firmwareCommands are the commands about updates. Their story needs kill -9
// and signals.
type firmwareCommands struct{}
