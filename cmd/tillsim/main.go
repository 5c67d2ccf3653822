// Command tillsim is a whole till without hardware: simulated peripherals on
// real pseudo-terminals and TCP ports, a broker, the cloud's half of the
// contract, and the real tilld as a child process.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type cli struct {
	Demo      demoCmd      `cmd:"" help:"A whole till in the browser. Runs until ^C."`
	Sale      saleCmd      `cmd:"" help:"Scripted sales from scan to cloud ack, every step checked."`
	Incidents incidentsCmd `cmd:"" help:"What goes wrong in a shop, one thing after the other, and what has to come of it."`
	Journey   journeyCmd   `cmd:"" help:"The shopper journeys J1 to J16, each end to end, each fact checked."`
	Load      loadCmd      `cmd:"" help:"Peak days: many times the normal traffic and a flood of junk requests; nothing lost, reordered or slowed."`
	Devices   devicesCmd   `cmd:"" help:"The peripherals alone, for a tilld of your own."`
	Cloud     cloudCmd     `cmd:"" help:"The cloud's side alone, against any MQTT 3.1.1 broker."`
	Fleet     fleetCmd     `cmd:"" help:"Load: many tills' links and queues against one broker and one cloud."`
	firmwareCommands
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(command(ctx, os.Args[1:]))
}

// command runs one command line: 0 all is well, 1 a check failed or something
// broke, 2 usage.
func command(ctx context.Context, args []string) int {
	var c cli
	parser, err := kong.New(&c, kong.Name("tillsim"), kong.Description("A whole till without hardware."),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.BindTo(ctx, (*context.Context)(nil)))
	if err != nil {
		panic(err) // the struct tags above
	}
	line, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "tillsim: %v (tillsim --help lists what there is)\n", err)
		return 2
	}
	if err := line.Run(); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(os.Stderr, "tillsim: %v\n", err)
		return 1
	}
	return 0
}
