//go:build linux

package dial_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"testing"
	"time"

	"tilld/device"
	"tilld/device/dial"
	"tilld/device/hotplug"
	"tilld/scanner"
	"tilld/scanner/line"
)

// shop is a scanner kept in service below a made-up sysfs.
type shop struct {
	root  string
	board *device.Board
	scans chan scanner.Scan
}

// openShop keeps the scanner in service; it is told of arrivals by arrived, or
// by a watcher of its root when that is nil.
func openShop(t *testing.T, addr string, arrived <-chan struct{}) *shop {
	t.Helper()
	s := &shop{root: t.TempDir(), board: new(device.Board), scans: make(chan scanner.Scan, 100)}
	must(t, os.MkdirAll(s.root+"/sys/class/tty", 0o755))
	quiet := slog.New(slog.DiscardHandler)
	watcher := hotplug.New(s.root, quiet)
	if arrived == nil {
		arrived = watcher.Subscribe()
	}
	var reg device.Registry[scanner.Scanner]
	reg.Add("line", line.Open)
	approved, err := device.NewApprovals("")
	must(t, err)
	slot := device.Slot[scanner.Scanner]{
		Spec:     device.Spec{Name: "scanner-1", Kind: device.Scanner, Driver: "line", Address: addr},
		Registry: &reg, Dialer: dial.New(dial.Options{Root: s.root}), Board: s.board, Log: quiet,
		Serve: func(ctx context.Context, sc scanner.Scanner) error {
			return sc.Run(ctx, func(scan scanner.Scan) { s.scans <- scan })
		},
		Arrived: arrived, Approved: approved, Tracer: device.NewTracer(1000, nil),
	}
	s.board.Add(slot.Spec)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{}, 2)
	go func() { watcher.Run(ctx); done <- struct{}{} }()
	go func() { slot.Keep(ctx); done <- struct{}{} }()
	t.Cleanup(func() { cancel(); <-done; <-done })
	return s
}

func (s *shop) await(t *testing.T, want device.State) time.Duration {
	t.Helper()
	began := time.Now()
	for {
		row, _ := s.board.Get("scanner-1")
		if row.State == want {
			return time.Since(began)
		}
		if time.Since(began) > 30*time.Second {
			t.Fatalf("the scanner is %+v, want %v", row, want)
		}
		time.Sleep(time.Millisecond)
	}
}

func (s *shop) scan(t *testing.T, far *os.File, code string) {
	t.Helper()
	far.WriteString(code + "\r")
	select {
	case got := <-s.scans:
		if string(got.Data) != code || got.Device != "scanner-1" {
			t.Errorf("scan %+v, want %s", got, code)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("no scan")
	}
}

// Unplugged and plugged in again elsewhere: another socket, another number, the
// same name on the status page.
func TestReplug(t *testing.T) {
	s := openShop(t, "serial://usb/0C2E:0901/S1", nil)
	s.await(t, device.Missing)
	worst := time.Duration(0)
	for i := range 4 {
		name, socket := fmt.Sprintf("ttyACM%d", i), fmt.Sprintf("1-%d", i+1)
		far := plug(t, s.root, name, "0C2E:0901/S1", socket)
		worst = max(worst, s.await(t, device.Ready))
		s.scan(t, far, fmt.Sprintf("690123456789%d", i))
		far.WriteString("6900") // half a code, then the cable goes
		far.Close()
		unplug(t, s.root, name, socket)
		s.await(t, device.Missing)
	}
	t.Logf("back in service at most %v after it was plugged in", worst)
	if worst > 10*time.Second { // 2 s on a machine with nothing else to do
		t.Errorf("back in service only after %v", worst)
	}
	select {
	case sc := <-s.scans:
		t.Errorf("half a code was scanned: %+v", sc)
	default:
	}
}

func TestOtherScannerInTheSocket(t *testing.T) {
	s := openShop(t, "serial:///dev/serial/by-path/pci-usb-1-1", nil)
	far := plug(t, s.root, "ttyACM0", "0C2E:0901/S1", "1-1")
	s.await(t, device.Ready)
	far.Close()
	unplug(t, s.root, "ttyACM0", "1-1")
	s.await(t, device.Missing)
	far = plug(t, s.root, "ttyACM0", "0C2E:0901/S2", "1-1")
	s.await(t, device.Faulty)
	if row, _ := s.board.Get("scanner-1"); row.Code != "other_device" {
		t.Errorf("row %+v", row)
	}
	far.Close()
	unplug(t, s.root, "ttyACM0", "1-1")
	far = plug(t, s.root, "ttyACM0", "0C2E:0901/S1", "1-1")
	s.await(t, device.Ready)
	s.scan(t, far, "6901234567892")
}

// A bad cable: real ptys come and go, nothing is left behind.
func TestPlugCyclesOnPtys(t *testing.T) {
	arrived := make(chan struct{}, 1)
	s := openShop(t, "serial:///dev/ttyACM0", arrived)
	measure := func() (fds, goroutines int) {
		e, err := os.ReadDir("/proc/self/fd")
		must(t, err)
		return len(e), runtime.NumGoroutine()
	}
	var fds, goroutines int
	for i := range 300 {
		far := plug(t, s.root, "ttyACM0", "0C2E:0901/S1", "1-1")
		arrived <- struct{}{}
		s.await(t, device.Ready)
		far.Close()
		s.await(t, device.Missing)
		if i == 20 {
			fds, goroutines = measure()
		}
	}
	if f, g := measure(); f > fds+2 || g > goroutines+2 {
		t.Errorf("%d descriptors and %d goroutines after 20 cycles, %d and %d after 300", fds, goroutines, f, g)
	}
}
