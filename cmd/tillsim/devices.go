package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"tilld/internal/sim"
)

// devicesCmd is `tillsim devices`.
type devicesCmd struct {
	Dir     string   `help:"Where the serial lines appear; else a temporary directory." type:"path"`
	Printer string   `help:"What the printers understand: escpos, starprnt or star-line." enum:"escpos,starprnt,star-line" default:"escpos"`
	Display []string `help:"Further displays: cd5220, epson, dsp800, utc, led8, qrscreen; may be repeated." sep:","`
}

// Run plugs the peripherals in, prints where they are, and obeys lines typed at
// the terminal.
func (c *devicesCmd) Run(ctx context.Context) error { return c.run(ctx, os.Stdin, os.Stdout) }

const devicesHelp = `type a barcode to scan it, or
  :paper-out :near-end :cover :cutter :hot :broken :silent :garbage :off :deaf   flip a switch of both printers
  :slow N      print N dots a second (0: as fast as possible)
  :baud N      the line takes N bits a second (0: as fast as bytes come)
  :cut N       drop the printer's connection after N more bytes
  :tear        take the paper that hangs out
  :unplug NAME / :plug NAME    scanner, printer, pole
  :status      how everything stands
`

func (c *devicesCmd) run(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	s := &shop{dir: c.Dir, cancel: cancel}
	if c.Dir == "" {
		dir, err := os.MkdirTemp("", "tillsim-")
		if err != nil {
			return err
		}
		s.dir, s.own = dir, true
	}
	if err := s.devices(ctx, c.Printer); err != nil {
		cancel()
		return err
	}
	extra, err := s.plugDisplays(c.Display)
	if err != nil {
		cancel()
		return errors.Join(err, s.close())
	}
	fmt.Fprintf(out, `devices:
  - {name: scanner-1, kind: scanner, driver: line, address: %q, options: {suffix: cr}}
  - {name: printer-lan, kind: printer, %s, address: "tcp://127.0.0.1:%d"}
  - {name: printer-serial, kind: printer, %s, address: %q}
  - {name: pole-1, kind: display, driver: cd5220, address: %q}
%s
%s`, s.scanner.Address(9600), printerDriver(c.Printer), s.lanPort, printerDriver(c.Printer), s.cable.Address(115200), s.poleway.Address(9600), lines(extra), devicesHelp)
	for _, d := range extra {
		s.part(func() error { return watchDisplay(ctx, out, d) })
	}
	for name, pr := range map[string]*sim.Printer{"printer-lan": s.lan, "printer-serial": s.serial} {
		s.part(func() error { return watchPaper(ctx, out, name, pr) })
	}
	s.part(func() error { return watchPole(ctx, out, s.pole) })
	lines := make(chan string)
	go func() {
		defer close(lines)
		for sc := bufio.NewScanner(in); sc.Scan(); {
			select {
			case lines <- sc.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return s.close()
		case line, ok := <-lines:
			if !ok { // no terminal: stay until ^C
				lines = nil
				continue
			}
			if err := s.obey(out, strings.TrimSpace(line)); err != nil {
				fmt.Fprintln(out, err)
			}
		}
	}
}

// obey does what one typed line says.
func (s *shop) obey(out io.Writer, line string) error {
	word, rest, _ := strings.Cut(line, " ")
	if word == "" {
		return nil
	}
	if !strings.HasPrefix(word, ":") {
		return s.scanner.Scan(line)
	}
	var n int
	if _, err := fmt.Sscan(rest, &n); err != nil && slices.Contains([]string{":slow", ":cut"}, word) {
		return fmt.Errorf("%s needs a number", word)
	}
	switch word {
	case ":unplug", ":plug":
		cable, ok := map[string]*sim.Cable{"scanner": s.scanner.Cable, "printer": s.cable, "pole": s.poleway}[rest]
		if !ok {
			return fmt.Errorf("%s scanner, printer or pole", word)
		}
		if word == ":plug" {
			return cable.Plug()
		}
		return cable.Unplug()
	case ":cut":
		s.lan.CutAfter(int64(n))
		s.serial.CutAfter(int64(n))
	case ":tear":
		s.lan.Tear()
		s.serial.Tear()
	case ":status":
		for name, pr := range map[string]*sim.Printer{"printer-lan": s.lan, "printer-serial": s.serial} {
			fmt.Fprintf(out, "%-15s %+v\n%15s %+v\n", name, pr.Stats(), "", pr.Switches())
		}
	default:
		flip, ok := printerSwitch(strings.TrimPrefix(word, ":"), n)
		if !ok {
			return fmt.Errorf("no %s; %s", word, devicesHelp)
		}
		s.lan.Set(flip)
		s.serial.Set(flip)
	}
	return nil
}

// printerSwitch finds a switch by the name people see. Those without a number
// are flipped over.
func printerSwitch(name string, n int) (func(*sim.Switches), bool) {
	flips := map[string]func(*sim.Switches){
		"paper-out": func(s *sim.Switches) { s.PaperOut = !s.PaperOut },
		"near-end":  func(s *sim.Switches) { s.NearEnd = !s.NearEnd },
		"cover":     func(s *sim.Switches) { s.CoverOpen = !s.CoverOpen },
		"cutter":    func(s *sim.Switches) { s.CutterError = !s.CutterError },
		"hot":       func(s *sim.Switches) { s.HeadHot = !s.HeadHot },
		"broken":    func(s *sim.Switches) { s.Broken = !s.Broken },
		"silent":    func(s *sim.Switches) { s.Silent = !s.Silent },
		"garbage":   func(s *sim.Switches) { s.Garbage = !s.Garbage },
		"baud":      func(s *sim.Switches) { s.Baud = n },
		"off":       func(s *sim.Switches) { s.Off = !s.Off },
		"deaf":      func(s *sim.Switches) { s.Deaf = !s.Deaf },
		"slow":      func(s *sim.Switches) { s.DotsPerSecond = n },
	}
	f, ok := flips[name]
	return f, ok
}

// watchPaper writes each ticket as it is cut.
func watchPaper(ctx context.Context, out io.Writer, name string, pr *sim.Printer) error {
	for last := 0; ; {
		list, changed := pr.Tickets(last)
		for _, k := range list {
			last = k.ID
			fmt.Fprintf(out, "\n%s, ticket %d, %d dots, codes %q\n", name, k.ID, k.Height, k.QR)
			for _, line := range k.Lines {
				fmt.Fprintf(out, "  | %s\n", line)
			}
			for _, e := range k.Events {
				fmt.Fprintf(out, "  . %s %s\n", e.Kind, e.Text)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

func watchPole(ctx context.Context, out io.Writer, pole *sim.Pole) error {
	for last := pole.Rows(); ; {
		changed := pole.Changed()
		if now := pole.Rows(); now != last {
			last = now
			fmt.Fprintf(out, "\npole  [%s]\n      [%s]\n", now[0], now[1])
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
			time.Sleep(5 * time.Millisecond) // both lines of one scene
		}
	}
}
