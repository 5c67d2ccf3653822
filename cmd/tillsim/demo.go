package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"
)

// demoCmd is `tillsim demo`.
type demoCmd struct {
	Listen  string   `help:"Where the control page is; another port is taken when this one is in use." default:"127.0.0.1:7790"`
	Broker  string   `help:"mosquitto or embedded." enum:"mosquitto,embedded" default:"embedded"`
	Tilld   string   `help:"The tilld to run; else the one beside tillsim, else one is built." type:"path"`
	Printer string   `help:"What the printers understand: escpos, starprnt or star-line." enum:"escpos,starprnt,star-line" default:"escpos"`
	Display []string `help:"Further displays: cd5220, epson, dsp800, utc, led8, qrscreen; may be repeated." sep:","`
	Keep    string   `help:"Work in this directory and leave it, so that the next demo goes on with the same till." type:"path"`
}

// Run is the command; it blocks until ^C.
func (c *demoCmd) Run(ctx context.Context) error { return c.run(ctx, os.Stdout) }

func (c *demoCmd) run(ctx context.Context, out io.Writer) error {
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		if listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return err
		}
	}
	d := &demo{traffic: newRing(), out: out}
	fmt.Fprintln(out, "starting: peripherals, broker, cloud, tilld …")
	d.shop, err = openShop(ctx, shopOptions{broker: c.Broker, tilld: c.Tilld, keep: c.Keep, displays: c.Display, printer: c.Printer, payment: payOffline, heard: d.traffic.add, log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	for _, further := range d.shop.further {
		d.shop.part(func() error { return watchDisplay(ctx, out, further) })
	}
	server := &http.Server{Handler: d.handler(listener.Addr().String()), ReadHeaderTimeout: 5 * time.Second}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()
	err = d.begin(ctx)
	if err == nil {
		fmt.Fprintf(out, "\n  control page     http://%s/\n  customer screen  %s/screen\n  cashier page     %s/cashier\n  status page      %s/\n\nfiles are in %s; ^C ends everything\n",
			listener.Addr(), d.shop.api.base, d.shop.api.base, d.shop.api.base, d.shop.dir)
		select {
		case <-ctx.Done():
		case err = <-stopped:
		}
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if server.Shutdown(end) != nil { // pages hold their streams open
		err = errors.Join(err, server.Close())
	}
	if d.screen != nil {
		d.screen.close()
	}
	if _, stopErr := d.shop.tilld.Stop(); stopErr != nil {
		err = errors.Join(err, stopErr)
	}
	return errors.Join(err, d.shop.close())
}

// begin starts tilld and gives it its price book.
func (d *demo) begin(ctx context.Context) error {
	ready, cancel := context.WithTimeoutCause(ctx, 90*time.Second, errors.New("not within 90 s"))
	defer cancel()
	if err := d.shop.start(ready, false); err != nil {
		return err
	}
	d.screen = follow(context.WithoutCancel(ctx), d.shop.api.base+"/screen/events")
	// The pages are shown once it is in force: the first scan must find its article.
	_, err := d.shop.cloud.Command(ready, tillPath, "pricebook.apply", map[string]any{"version": "demo-1", "items": demoBook()})
	return err
}
