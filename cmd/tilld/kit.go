package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"tilld/device"
	"tilld/device/dial"
	"tilld/device/hotplug"
	"tilld/display"
	"tilld/display/screen"
	"tilld/internal/fault"
	"tilld/internal/feed"
	"tilld/internal/lang"
	"tilld/internal/run"
	"tilld/printer"
	"tilld/scanner"
	"tilld/scanner/torn"
)

// kit is all configured hardware and what keeps it in service.
type kit struct {
	a        *agent
	log      *slog.Logger
	dialer   device.Dialer
	glass    *screen.Screen
	specs    []device.Spec
	stations map[string]*printer.Station
	plugs    *hotplug.Watcher
	traces   *traces
	approved *device.Approvals
	torn     *tornCodes

	mu    sync.Mutex
	inUse map[string]device.Device // by name, while in service
}

func newKit(a *agent, glass *screen.Screen) *kit {
	approved, err := device.NewApprovals(filepath.Join(a.cfg.DataDir, "devices.json"))
	if err != nil {
		a.log.Error("which hardware was approved is not known any more; what is plugged in now is", "err", err)
	}
	k := &kit{
		plugs: hotplug.New("", a.log.With("part", "hotplug")), traces: newTraces(&a.board), approved: approved,
		a: a, log: a.log.With("part", "device"), dialer: dial.New(dial.Options{}), glass: glass,
		stations: map[string]*printer.Station{}, inUse: map[string]device.Device{},
	}
	k.torn = newTornCodes(k)
	for _, d := range a.cfg.Devices {
		s := spec(d)
		k.specs = append(k.specs, s)
		a.board.Add(s)
		if s.Kind == device.Printer {
			k.stations[s.Name] = &printer.Station{Name: s.Name, Health: &a.health, Log: k.log}
		}
	}
	a.board.Watch(k.changed)
	device.Conditions(&a.board, &a.health)
	return k
}

// changed tells the live stream what became of a device.
func (k *kit) changed(s device.Status) {
	k.a.feed.Publish(feed.Device, s)
}

// parts are the hardware as one part, so that devices that hang when the agent
// stops do so side by side.
func (k *kit) parts() []run.Part {
	memory := k.torn.memory()
	keeps := k.keeps(memory)
	return []run.Part{
		{Name: "hotplug", Run: k.plugs.Run},
		{Name: "devices", Stop: 3 * time.Second, Run: func(ctx context.Context) error {
			var all sync.WaitGroup
			for _, keep := range keeps {
				all.Go(func() {
					if err := keep(ctx); err != nil {
						k.log.Error("device given up", "err", err)
					}
				})
			}
			all.Wait()
			memory.Close()
			<-ctx.Done() // also a till without devices is a till: it has the local API and the cloud
			return nil
		}},
	}
}

// keeps are what keeps each device in service.
func (k *kit) keeps(m *torn.Memory) []func(context.Context) error {
	var keeps []func(context.Context) error
	scan, print, show := scanners(m), printers(), displays(k.glass)
	for _, s := range k.specs {
		switch s.Kind {
		case device.Scanner:
			keeps = append(keeps, slot(k, s, scan, k.scan).Keep)
		case device.Printer:
			k.stations[s.Name].Ledger = k.a.till
			keeps = append(keeps, slot(k, s, print, k.print).Keep)
		case device.Display:
			keeps = append(keeps, slot(k, s, show, k.show).Keep)
		}
	}
	return keeps
}

func slot[D device.Device](k *kit, s device.Spec, r *device.Registry[D], serve func(context.Context, D) error) device.Slot[D] {
	return device.Slot[D]{
		Spec: s, Registry: r, Dialer: k.dialer, Board: &k.a.board, Log: k.log,
		Arrived: k.plugs.Subscribe(), Tracer: k.traces.tracer, Approved: k.approved,
		Serve: serve,
		Opened: func(dev D) func() { // by the time it is reported ready it can be asked for a test
			k.hold(s.Name, dev)
			return func() { k.hold(s.Name, nil) }
		},
	}
}

func (k *kit) scan(ctx context.Context, dev scanner.Scanner) error {
	err := dev.Run(ctx, func(s scanner.Scan) {
		k.torn.clear(s.Device)
		if !k.a.till.Scan(ctx, s) {
			k.answer(s.Device, false)
		}
	})
	if errors.Is(err, scanner.ErrFlood) {
		k.a.till.ScansLost(dev.Info().Name)
	}
	return err
}

func (k *kit) print(ctx context.Context, dev printer.Printer) error {
	return k.stations[dev.Info().Name].Serve(ctx, dev)
}

func (k *kit) show(ctx context.Context, dev display.Display) error {
	return display.FollowOn(ctx, dev, k.a.stage, &k.a.health)
}

func (k *kit) hold(name string, dev device.Device) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if dev == nil {
		delete(k.inUse, name)
		return
	}
	k.inUse[name] = dev
}

func (k *kit) held(name string) device.Device {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.inUse[name]
}

// answer tells a scanner's user by sound what became of the last scan, where
// the scanner can.
func (k *kit) answer(name string, ok bool) {
	a, can := k.held(name).(scanner.Answerer)
	if !can {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := a.Answer(ctx, ok); err != nil {
		k.log.Debug("scanner did not take the answer", "dev", name, "err", err)
	}
}

// testLimit is how long the test of a scanner or a display may take: one that
// takes no bytes would keep the next scene waiting.
const testLimit = 5 * time.Second

// test runs a device's harmless self-test.
func (k *kit) test(ctx context.Context, name string) error {
	if st, ok := k.stations[name]; ok {
		return st.Test(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, testLimit)
	defer cancel()
	dev := k.held(name)
	if dev == nil {
		return fault.New(fault.Absent, name, "test", errors.New("the device is not in service"))
	}
	switch d := dev.(type) {
	case device.Tester:
		return d.Test(ctx)
	case scanner.Answerer:
		return d.Answer(ctx, true)
	case device.Checker:
		return d.Check(ctx)
	case display.Display:
		return k.testScene(ctx, d)
	case scanner.Scanner:
		return nil // it shows and sounds nothing by itself: that its port is open is all there is to test
	}
	return fault.New(fault.Refused, name, "test", errors.New("this driver has no test"))
}

// testScene shows a scene on one display for two seconds, then what was on.
func (k *kit) testScene(ctx context.Context, d display.Display) error {
	now, _ := k.a.stage.Now()
	test := display.Scene{
		Kind: display.Message, Currency: now.Currency, Language: now.Language,
		Title: lang.Text{ZH: "显示测试", EN: "Display test"}.In(lang.Tag(now.Language)), Text: d.Info().Name,
	}
	if err := showOn(ctx, d, test); err != nil {
		return err
	}
	pause := time.NewTimer(2 * time.Second)
	defer pause.Stop()
	select {
	case <-ctx.Done():
	case <-pause.C:
	}
	for {
		now, changed := k.a.stage.Now()
		if err := showOn(context.WithoutCancel(ctx), d, now); err != nil {
			return err
		}
		select {
		case <-changed: // meanwhile: a pay code that was withdrawn must not be what stays
		default:
			return nil
		}
	}
}

// showOn shows a scene on one display, within the time that a display has for it.
func showOn(ctx context.Context, d display.Display, s display.Scene) error {
	ctx, cancel := context.WithTimeout(ctx, display.ShowLimit)
	defer cancel()
	return d.Show(ctx, s)
}

// receiptPrinter is the first configured printer.
func (k *kit) receiptPrinter() string {
	if names := k.names(device.Printer); len(names) > 0 {
		return names[0]
	}
	return ""
}

func (k *kit) names(kind device.Kind) []string {
	var names []string
	for _, s := range k.specs {
		if s.Kind == kind {
			names = append(names, s.Name)
		}
	}
	return names
}

// screens are the configured customer screens in a browser.
func (k *kit) screens() []string {
	var names []string
	for _, s := range k.specs {
		if s.Kind == device.Display && s.Driver == "screen" {
			names = append(names, s.Name)
		}
	}
	return names
}

func (k *kit) kickDrawer(ctx context.Context) error {
	name := k.receiptPrinter()
	st, ok := k.stations[name]
	if !ok {
		return fault.New(fault.Absent, "drawer", "open", fmt.Errorf("no printer is configured"))
	}
	return st.OpenDrawer(ctx, 0)
}

// caps is what the receipt printer can do, or a common 80 mm printer.
func (k *kit) caps() printer.Caps { return k.capsOf(k.receiptPrinter()) }
