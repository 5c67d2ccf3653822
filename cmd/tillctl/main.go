// Command tillctl is the operator's tool: it asks a running tilld over its
// local API. Results go to stdout, trouble to stderr; with --json the answer of
// the API is printed as it came. Exit codes: 0 done, 1 failed, 2 wrong usage.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

type cli struct {
	URL       string `help:"Address of the agent." default:"http://127.0.0.1:7780" env:"TILLCTL_URL" placeholder:"U"`
	TokenFile string `help:"File with the API token." default:"/var/lib/tilld/api-token" env:"TILLCTL_TOKEN_FILE" placeholder:"FILE"`
	JSON      bool   `help:"Print the answer as JSON." name:"json"`

	Status        statusCmd  `cmd:"" help:"How the till stands."`
	Devices       devicesCmd `cmd:"" help:"Devices and their states."`
	Test          testCmd    `cmd:"" help:"Run a device's harmless self-test."`
	Trace         traceCmd   `cmd:"" help:"Record the bytes on a device's wire; what scanners read is masked."`
	Detect        detectCmd  `cmd:"" help:"What is plugged in, with configuration lines for it."`
	Queue         queueCmd   `cmd:"" help:"The queue: depth, oldest, acked; records set aside."`
	Sales         salesCmd   `cmd:"" help:"Search sales."`
	Receipt       receiptCmd `cmd:"" help:"A sale's receipt: outcome, picture, marked copy."`
	Journal       journalCmd `cmd:"" help:"Events as they were written; export them with their proof, check an export."`
	Settle        settleCmd  `cmd:"" help:"Compare the brand's view of the sales with the mall's, and explain every difference."`
	SupportBundle bundleCmd  `cmd:"" help:"Write a zip for support; it holds no secrets."`
	Watch         watchCmd   `cmd:"" help:"Follow what happens at the till until ^C."`
	Update        updateCmd  `cmd:"" help:"Versions in the slots and what the guard made of them."`
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, out, errs io.Writer) int {
	var c cli
	usage := false
	parser, err := kong.New(&c, kong.Name("tillctl"), kong.Description("Operator's tool of a till."),
		kong.Writers(out, errs), kong.Exit(func(int) { usage = true }), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		panic(err) // the struct tags above
	}
	ctx, err := parser.Parse(args)
	if usage {
		return 0 // --help
	}
	if err != nil {
		fmt.Fprintf(errs, "tillctl: %v (tillctl --help lists what there is)\n", err)
		return 2
	}
	s := &session{out: out, json: c.JSON}
	if !offline(ctx.Command()) {
		s.api, err = newAPI(c.URL, c.TokenFile)
	}
	if err == nil {
		err = ctx.Run(s)
	}
	if err != nil {
		fmt.Fprintf(errs, "tillctl: %v\n", err)
		return 1
	}
	return 0
}

// offline reports whether a command needs files only: an auditor has no till.
func offline(command string) bool {
	return strings.HasPrefix(command, "journal verify") || strings.HasPrefix(command, "settle")
}

// session is what every command works with.
type session struct {
	api  *api
	out  io.Writer
	json bool
}

// show decodes the answer of a GET into v and prints it: as it came with
// --json, else by text.
func (s *session) show(path string, v any, text func()) error {
	body, err := s.api.get(path)
	if err != nil {
		return err
	}
	return s.print(body, v, text)
}

func (s *session) print(body []byte, v any, text func()) error {
	if s.json {
		_, err := fmt.Fprintf(s.out, "%s\n", body)
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("the answer is not understood (is tillctl as new as tilld?): %w", err)
	}
	text()
	return nil
}
