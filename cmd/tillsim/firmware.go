package main

// firmwareCommands are the commands about updates.
type firmwareCommands struct{}
