//go:build linux

package dial_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tilld/device"
	"tilld/device/dial"
	"tilld/device/hotplug"
	"tilld/display"
	"tilld/display/cd5220"
	"tilld/scanner"
	"tilld/scanner/line"
)

// BenchmarkScan is the way of a code from the far end of a pty to emit.
func BenchmarkScan(b *testing.B) {
	root := b.TempDir()
	far := plug(b, root, "ttyACM0", "0C2E:0901/S1", "1-1")
	p, err := dial.New(dial.Options{Root: root}).Dial(b.Context(), "serial:///dev/ttyACM0")
	must(b, err)
	s, err := line.Open(b.Context(), p, device.Spec{Name: "scanner-1", Options: []byte(`{"max_per_second": 10000}`)})
	must(b, err)
	ctx, cancel := context.WithCancel(b.Context())
	got, done := make(chan scanner.Scan), make(chan error, 1)
	go func() { done <- s.Run(ctx, func(sc scanner.Scan) { got <- sc }) }()
	code := []byte("6901234567892\r")
	for b.Loop() {
		far.Write(code)
		select {
		case <-got:
		case err := <-done:
			b.Fatal(err)
		}
	}
	cancel()
	<-done
	s.Close()
}

// BenchmarkIdle is what a scanner, a pole display and the watcher cost while
// nothing happens: milliseconds of processor time per second.
func BenchmarkIdle(b *testing.B) {
	root := b.TempDir()
	plug(b, root, "ttyACM0", "0C2E:0901/S1", "1-1")
	plug(b, root, "ttyUSB0", "067B:2303", "1-2")
	quiet := slog.New(slog.DiscardHandler)
	board, dialer, watcher := new(device.Board), dial.New(dial.Options{Root: root}), hotplug.New(root, quiet)
	var scanners device.Registry[scanner.Scanner]
	scanners.Add("line", line.Open)
	var displays device.Registry[display.Display]
	displays.Add("cd5220", display.Text(cd5220.Open))
	stage := display.NewStage(display.Scene{Kind: display.Idle})
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan struct{}, 3)
	keep := func(f func(context.Context) error) {
		go func() { f(ctx); ended <- struct{}{} }()
	}
	keep(watcher.Run)
	keep(device.Slot[scanner.Scanner]{
		Spec:     device.Spec{Name: "scanner-1", Driver: "line", Address: "serial:///dev/ttyACM0"},
		Registry: &scanners, Dialer: dialer, Board: board, Log: quiet, Arrived: watcher.Subscribe(),
		Serve: func(ctx context.Context, s scanner.Scanner) error { return s.Run(ctx, func(scanner.Scan) {}) },
	}.Keep)
	keep(device.Slot[display.Display]{
		Spec:     device.Spec{Name: "pole-1", Driver: "cd5220", Address: "serial:///dev/ttyUSB0?backend=tarm"},
		Registry: &displays, Dialer: dialer, Board: board, Log: quiet, Arrived: watcher.Subscribe(),
		Serve: func(ctx context.Context, d display.Display) error { return display.Follow(ctx, d, stage) },
	}.Keep)
	time.Sleep(time.Second)
	before, seconds := cpu(b), 0.0
	for b.Loop() {
		time.Sleep(time.Second)
		seconds++
	}
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/1000/seconds, "cpu-ms/s")
	cancel()
	for range 3 {
		<-ended
	}
}

func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	must(b, unix.Getrusage(unix.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
