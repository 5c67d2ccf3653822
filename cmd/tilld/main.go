// Command tilld is the agent of one checkout: it reads the scanners, drives the
// customer's display and the receipt printer, keeps every transaction, forwards
// it to the cloud and takes the cloud's commands.
package main

import (
	"errors"
	"fmt"
	"os"

	_ "time/tzdata" // store time zones also where the system has none

	"github.com/alecthomas/kong"

	"tilld/internal/lang"
)

// Set by the build: -ldflags "-X main.version=… -X main.commit=…".
var (
	version = "dev"
	commit  = "unknown"
)

// Exit codes (contract).
const (
	exitStopped = 0
	exitFailed  = 1
	exitUsage   = 2
)

// exitError carries an exit code; its text has been printed already when quiet.
type exitError struct {
	code  int
	quiet bool
	err   error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

type cli struct {
	Run       runCmd       `cmd:"" help:"Run the agent."`
	Check     checkCmd     `cmd:"" help:"Check a configuration without opening hardware."`
	Verify    verifyCmd    `cmd:"" help:"Check the data directory: file, records, sequence, hash chain. The agent must be stopped."`
	Update    updateCmd    `cmd:"" help:"Check an update repository and stage the new agent from it."`
	Kiosk     kioskCmd     `cmd:"" help:"Print (or --run) the browser command of the customer screen on the second monitor."`
	Detect    detectCmd    `cmd:"" help:"List the hardware that is plugged in, as configuration lines."`
	Version   versionCmd   `cmd:"" help:"Print the version."`
	Install   installCmd   `cmd:"" help:"Install the agent as a system service."`
	Uninstall uninstallCmd `cmd:"" help:"Remove the system service."`
}

func main() { os.Exit(command(os.Args[1:])) }

func command(args []string) int {
	var c cli
	parser, err := kong.New(&c, kong.Name("tilld"), kong.Description("The agent of one checkout."),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		panic(err) // the struct tags above
	}
	ctx, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "tilld: %v (tilld --help lists what there is)\n", err)
		return exitUsage
	}
	err = ctx.Run()
	if err == nil {
		return exitStopped
	}
	code, quiet := exitFailed, false
	if e, ok := errors.AsType[*exitError](err); ok {
		code, quiet = e.code, e.quiet
	}
	if !quiet {
		fmt.Fprintf(os.Stderr, "tilld: %v\n", err)
	}
	return code
}

// speech is the language of the terminal's user.
func speech() lang.Tag {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			if len(v) >= 2 && v[:2] == "zh" {
				return lang.ZH
			}
			return lang.EN
		}
	}
	return lang.EN
}
