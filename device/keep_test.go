package device_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tilld/device"
	"tilld/device/devtest"
	"tilld/internal/fault"
	"tilld/internal/health"
	"tilld/internal/lang"
)

var quiet = slog.New(slog.DiscardHandler)

// widget is a device that does as it is told.
type widget struct {
	port  device.Port
	close func() error
}

func (w *widget) Info() device.Info { return device.Info{Name: "w-1", Driver: "widget"} }
func (w *widget) Close() error {
	if w.close != nil {
		return w.close()
	}
	return w.port.Close()
}

// dialer makes a fresh fake port for every dial.
type dialer struct {
	mu    sync.Mutex
	made  []*fakePort
	err   error
	id    string
	count atomic.Int32
}

type fakePort struct {
	devtest.Recorder
	gone atomic.Bool
	id   device.Identity
}

func (p *fakePort) Identity() device.Identity { return p.id }
func (p *fakePort) Alive() error {
	if p.gone.Load() {
		return io.ErrUnexpectedEOF
	}
	return nil
}

func (d *dialer) Dial(context.Context, string) (device.Port, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count.Add(1)
	if d.err != nil {
		return nil, d.err
	}
	p := new(fakePort)
	p.id, _ = device.ParseIdentity(d.id)
	d.made = append(d.made, p)
	return p, nil
}

func (d *dialer) last() *fakePort {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.made[len(d.made)-1]
}

func (d *dialer) setID(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.id = id
}

func (d *dialer) open() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, p := range d.made {
		if !p.Closed() {
			n++
		}
	}
	return n
}

type bench struct {
	slot  device.Slot[*widget]
	board *device.Board
	dial  *dialer
	ended chan time.Time
	stop  context.CancelFunc
}

// start keeps a widget whose driver opens and serves as given.
func start(t *testing.T, open func(ctx context.Context, p device.Port) (*widget, error), serve func(ctx context.Context, w *widget) error, change ...func(*bench)) *bench {
	t.Helper()
	b := &bench{board: new(device.Board), dial: new(dialer), ended: make(chan time.Time, 1)}
	if open == nil {
		open = func(_ context.Context, p device.Port) (*widget, error) { return &widget{port: p}, nil }
	}
	if serve == nil {
		serve = func(ctx context.Context, _ *widget) error { <-ctx.Done(); return ctx.Err() }
	}
	reg := new(device.Registry[*widget])
	reg.Add("widget", func(ctx context.Context, p device.Port, _ device.Spec) (*widget, error) { return open(ctx, p) })
	b.slot = device.Slot[*widget]{
		Spec:     device.Spec{Name: "w-1", Kind: device.Display, Driver: "widget", Address: "serial:///dev/ttyUSB0"},
		Registry: reg, Dialer: b.dial, Board: b.board, Log: quiet, Serve: serve,
	}
	for _, f := range change {
		f(b)
	}
	b.board.Add(b.slot.Spec)
	ctx, cancel := context.WithCancel(t.Context())
	b.stop = cancel
	go func() { b.slot.Keep(ctx); b.ended <- time.Now() }()
	return b
}

func (b *bench) state() device.State { row, _ := b.board.Get("w-1"); return row.State }

// within stops the bench and checks that this takes no longer than limit.
func (b *bench) stopWithin(t *testing.T, limit time.Duration) {
	t.Helper()
	began := time.Now()
	b.stop()
	if took := (<-b.ended).Sub(began); took > limit {
		t.Errorf("the stop took %v, want at most %v", took, limit)
	}
}

// pass lets fake time pass and waits until all is at rest: only then may a test
// look at what other goroutines have written.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestServiceAndOrderlyStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, nil, nil)
		pass(time.Second)
		if b.state() != device.Ready {
			t.Errorf("state %v, want ready", b.state())
		}
		b.stopWithin(t, 0)
		if n := b.dial.open(); n != 0 {
			t.Errorf("%d ports left open", n)
		}
	})
}

// Whoever hears that a device is ready can use it, and no longer than it is served.
func TestOpenedBeforeReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var held atomic.Bool
		b := start(t, nil, nil, func(b *bench) {
			b.slot.Opened = func(*widget) func() {
				held.Store(true)
				return func() { held.Store(false) }
			}
			b.board.Watch(func(s device.Status) {
				if (s.State == device.Ready) != held.Load() {
					t.Errorf("%s, and held: %v", s.State, held.Load())
				}
			})
		})
		pass(time.Second)
		b.dial.last().gone.Store(true)
		pass(time.Minute)
		if b.state() != device.Ready || !held.Load() {
			t.Errorf("%s, and held: %v", b.state(), held.Load())
		}
		b.stopWithin(t, 0)
		if held.Load() {
			t.Error("held after the stop")
		}
	})
}

// A node that has just come is root's until udev has run: the board does not say
// denied for that, and a device that is denied for good is told a second later.
func TestDeniedUntilUdevHasRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		denied := device.JoinGroup.Fault(fault.Config, "ttyACM0", "open", fs.ErrPermission)
		var states []device.State
		b := start(t, nil, nil, func(b *bench) {
			b.dial.err = fault.New(fault.Absent, "ttyACM0", "open", nil)
			b.board.Watch(func(s device.Status) { states = append(states, s.State) })
		})
		set := func(err error) {
			b.dial.mu.Lock()
			defer b.dial.mu.Unlock()
			b.dial.err = err
		}
		pass(10 * time.Second)
		set(denied)
		pass(600 * time.Millisecond)
		set(nil)
		pass(300 * time.Millisecond)
		if want := []device.State{device.Missing, device.Ready}; !slices.Equal(states, want) {
			t.Errorf("the board went through %v, want %v", states, want)
		}
		set(fault.New(fault.Absent, "ttyACM0", "open", nil))
		b.dial.last().gone.Store(true)
		pass(10 * time.Second)
		set(denied)
		pass(1600 * time.Millisecond)
		if row, _ := b.board.Get("w-1"); row.State != device.Denied || row.Code != "group" {
			t.Errorf("denied for good: %+v", row)
		}
		b.stopWithin(t, 0)
	})
}

func TestUnpluggedWhileIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		arrived := make(chan struct{}, 1)
		b := start(t, nil, nil, func(b *bench) { b.slot.Arrived = arrived })
		pass(time.Minute)
		b.dial.mu.Lock()
		b.dial.err = fault.New(fault.Absent, "ttyUSB0", "open", nil)
		b.dial.mu.Unlock()
		b.dial.last().gone.Store(true)
		pass(1100 * time.Millisecond)
		row, _ := b.board.Get("w-1")
		if row.State != device.Missing || time.Since(row.Since) > 1100*time.Millisecond {
			t.Errorf("row %+v, want absent within a second", row)
		}
		pass(time.Minute + 100*time.Millisecond) // between two attempts
		b.dial.mu.Lock()
		b.dial.err = nil
		b.dial.mu.Unlock()
		arrived <- struct{}{}
		synctest.Wait()
		if b.state() != device.Ready {
			t.Errorf("state %v right after the arrival, want ready", b.state())
		}
		b.stopWithin(t, 0)
	})
}

// Away for a long time and back without a word of the kernel (a container, a
// terminal server's line): in service within two seconds all the same.
func TestUnannouncedReplug(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, nil, nil)
		pass(time.Second)
		for _, away := range []time.Duration{100 * time.Millisecond, 10 * time.Second, time.Hour} {
			b.dial.mu.Lock()
			b.dial.err = fault.New(fault.Absent, "ttyUSB0", "open", nil)
			b.dial.mu.Unlock()
			b.dial.last().gone.Store(true)
			pass(1100*time.Millisecond + away)
			if b.state() != device.Missing {
				t.Errorf("away for %v: state %v, want absent", away, b.state())
			}
			b.dial.mu.Lock()
			b.dial.err = nil
			b.dial.mu.Unlock()
			pass(600 * time.Millisecond)
			if b.state() != device.Ready {
				t.Errorf("back after %v: state %v, want ready", away, b.state())
			}
		}
		b.stopWithin(t, 0)
	})
}

// A scanner at the wrong speed, or one that floods, fails a moment after every
// attempt: that is one change of state, not thousands in the journal.
func TestFlapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bad atomic.Bool
		bad.Store(true)
		var mu sync.Mutex
		var seen []device.State
		b := start(t, nil, func(ctx context.Context, _ *widget) error {
			if bad.Load() {
				time.Sleep(time.Second)
				return fault.New(fault.Protocol, "w-1", "read", errors.New("noise"))
			}
			<-ctx.Done()
			return ctx.Err()
		}, func(b *bench) {
			b.board.Watch(func(s device.Status) { mu.Lock(); defer mu.Unlock(); seen = append(seen, s.State) })
		})
		pass(time.Hour)
		mu.Lock()
		if !slices.Equal(seen, []device.State{device.Ready, device.Faulty}) {
			t.Errorf("states %v, want ready and faulty once", seen)
		}
		mu.Unlock()
		if n := b.dial.count.Load(); n < 300 {
			t.Errorf("tried %d times in an hour, want it not given up", n)
		}
		bad.Store(false)
		pass(15 * time.Second)
		if b.state() != device.Ready {
			t.Errorf("state %v once it works", b.state())
		}
		b.stopWithin(t, 0)
	})
}

func TestPanicIsAFaultyDevice(t *testing.T) {
	for _, where := range []string{"open", "serve", "close"} {
		t.Run(where, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var bad atomic.Bool
				bad.Store(true)
				b := start(t, func(_ context.Context, p device.Port) (*widget, error) {
					if bad.Load() && where == "open" {
						panic("no such register")
					}
					w := &widget{port: p}
					if bad.Load() && where == "close" {
						w.close = func() error { panic("closed twice") }
					}
					return w, nil
				}, func(ctx context.Context, _ *widget) error {
					switch {
					case !bad.Load():
						<-ctx.Done()
						return ctx.Err()
					case where == "serve":
						panic("index out of range")
					}
					return nil
				})
				pass(100 * time.Millisecond)
				row, _ := b.board.Get("w-1")
				if row.State != device.Faulty || row.HintIn(lang.ZH) == "" {
					t.Errorf("row %+v, want faulty with a hint", row)
				}
				if n := b.dial.open(); n != 0 && where != "close" {
					t.Errorf("%d ports left open", n)
				}
				bad.Store(false)
				pass(15 * time.Second)
				if b.state() != device.Ready {
					t.Errorf("state %v once the driver works again", b.state())
				}
				b.stopWithin(t, 0)
			})
		})
	}
}

// A driver that hangs costs one goroutine, not one per attempt; the device is
// tried again; the stop is not held up.
func TestHangingDriver(t *testing.T) {
	for _, where := range []string{"open", "serve", "close"} {
		t.Run(where, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var release atomic.Value
				release.Store(make(chan struct{}))
				var hanging, opened, closed atomic.Int32
				hang := func() {
					hanging.Add(1)
					<-release.Load().(chan struct{})
					hanging.Add(-1)
				}
				var fail atomic.Bool
				fail.Store(true)
				b := start(t, func(_ context.Context, p device.Port) (*widget, error) {
					opened.Add(1)
					if where == "open" && fail.Load() {
						hang()
					}
					w := &widget{port: p}
					w.close = func() error {
						if where == "close" && fail.Load() {
							hang()
						}
						closed.Add(1)
						return p.Close()
					}
					return w, nil
				}, func(ctx context.Context, _ *widget) error {
					if where == "serve" && fail.Load() {
						hang()
						return nil
					}
					if where == "close" && fail.Load() {
						return fault.New(fault.Protocol, "w-1", "serve", errors.New("nonsense"))
					}
					<-ctx.Done()
					return ctx.Err()
				})
				synctest.Wait()
				if where == "serve" {
					b.dial.last().gone.Store(true)
				}
				pass(10 * time.Second)
				if where != "serve" && b.state() != device.Faulty {
					t.Errorf("state %v, want faulty", b.state())
				}
				if n := opened.Load(); n < 2 {
					t.Errorf("opened %d times, want another attempt while the first hangs", n)
				}
				if where == "serve" {
					b.dial.last().gone.Store(true)
				}
				pass(time.Hour)
				if b.state() != device.Faulty {
					t.Errorf("state %v after an hour, want faulty", b.state())
				}
				if n := hanging.Load(); n > 2 {
					t.Errorf("%d calls hang after an hour, want at most the one left behind and the current one", n)
				}
				fail.Store(false)
				close(release.Load().(chan struct{}))
				pass(20 * time.Second)
				if b.state() != device.Ready || hanging.Load() != 0 {
					t.Errorf("state %v, %d hang, once the driver works again", b.state(), hanging.Load())
				}
				// A year later it hangs again, and is tried again just the same.
				fail.Store(true)
				release.Store(make(chan struct{}))
				before := opened.Load()
				b.dial.last().gone.Store(true)
				pass(time.Minute)
				b.dial.last().gone.Store(true)
				pass(time.Minute)
				if n := opened.Load() - before; n < 1 || (n < 2 && where == "open") {
					t.Errorf("opened %d times after it hung again", n)
				}
				if n := hanging.Load(); n == 0 || n > 2 {
					t.Errorf("%d calls hang", n)
				}
				fail.Store(false)
				close(release.Load().(chan struct{}))
				pass(20 * time.Second)
				b.stopWithin(t, 0)
				synctest.Wait()
				if n := b.dial.open(); n != 0 || opened.Load() != closed.Load() {
					t.Errorf("%d ports left open, %d devices opened, %d closed", n, opened.Load(), closed.Load())
				}
			})
		})
	}
}

func TestStopOfAHangingDriver(t *testing.T) {
	for _, hangsTwice := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			b := start(t, nil, func(context.Context, *widget) error { <-release; return nil })
			synctest.Wait()
			if hangsTwice {
				b.dial.last().gone.Store(true)
				pass(time.Minute)
				b.dial.last().gone.Store(true)
				pass(time.Minute)
			}
			b.stopWithin(t, 4*time.Second)
			close(release)
		})
	}
}

// A stuck device does not delay another one.
func TestDevicesAreIndependent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		stuck := start(t, func(context.Context, device.Port) (*widget, error) { <-release; return nil, io.EOF }, nil)
		began := time.Now()
		good := start(t, nil, nil)
		synctest.Wait()
		if good.state() != device.Ready || time.Since(began) != 0 {
			t.Errorf("state %v after %v", good.state(), time.Since(began))
		}
		stuck.stop()
		good.stopWithin(t, 0)
		<-stuck.ended
		close(release)
	})
}

func TestOtherHardwareInTheSamePlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		approved, err := device.NewApprovals(t.TempDir() + "/devices.json")
		if err != nil {
			t.Fatal(err)
		}
		b := start(t, nil, nil, func(b *bench) { b.slot.Approved = approved; b.dial.id = "0C2E:0901/S1" })
		synctest.Wait()
		if b.state() != device.Ready {
			t.Fatalf("first seen: state %v", b.state())
		}
		b.dial.setID("1A86:7523")
		b.dial.last().gone.Store(true)
		pass(10 * time.Second)
		row, _ := b.board.Get("w-1")
		if row.State != device.Faulty || row.Code != "other_device" || !strings.Contains(row.HintIn(lang.ZH), "id=1A86:7523") || b.dial.open() != 0 {
			t.Errorf("row %+v with %d ports open, want faulty and how to approve it", row, b.dial.open())
		}
		b.dial.setID("0C2E:0901/S1")
		pass(10 * time.Second)
		if b.state() != device.Ready {
			t.Errorf("state %v once the old device is back", b.state())
		}
		b.stopWithin(t, 0)
	})
}

// A scanner with a broken cable connects and disconnects all day.
func TestTenThousandPlugCycles(t *testing.T) {
	before := runtime.NumGoroutine()
	synctest.Test(t, func(t *testing.T) {
		arrived := make(chan struct{}, 1)
		b := start(t, nil, nil, func(b *bench) { b.slot.Arrived = arrived })
		synctest.Wait()
		inside := runtime.NumGoroutine()
		for range 10_000 {
			b.dial.last().gone.Store(true)
			arrived <- struct{}{} // the departure
			synctest.Wait()
			arrived <- struct{}{} // the arrival
			synctest.Wait()
		}
		if n := int(b.dial.count.Load()); n < 10_000 {
			t.Errorf("%d cycles", n)
		}
		if n := b.dial.open(); n > 1 || b.state() != device.Ready {
			t.Errorf("%d ports open, state %v", n, b.state())
		}
		if n := runtime.NumGoroutine(); n > inside {
			t.Errorf("%d goroutines before, %d after", inside, n)
		}
		b.stopWithin(t, 0)
	})
	for end := time.Now().Add(60 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
	}
}

func TestConditions(t *testing.T) {
	var b device.Board
	var h health.Board
	device.Conditions(&b, &h)
	b.Add(device.Spec{Name: "w-1"})
	for _, tt := range []struct {
		err  error
		code string
	}{
		{device.PlugIn.Fault(fault.Absent, "w-1", "open", nil), "device_absent"},
		{device.HeldByBrltty.Fault(fault.Busy, "w-1", "open", nil), "device_busy"},
		{device.Hangs.Fault(fault.Protocol, "w-1", "open", nil), "device_faulty"},
		{device.TakesNothing.Fault(fault.Timeout, "w-1", "open", nil), "device_silent"},
		{fault.New(fault.Attention, "w-1", "print", nil), ""},
		{nil, ""},
	} {
		b.Report("w-1", tt.err)
		list := h.List(lang.ZH)
		switch {
		case tt.code == "" && len(list) != 0:
			t.Errorf("%v: %+v, want none", tt.err, list)
		case tt.code != "" && (len(list) != 1 || list[0].Code != tt.code || list[0].Remedy == "" || strings.Contains(list[0].Remedy, "{")):
			t.Errorf("%v: %+v, want %s alone with a remedy", tt.err, list, tt.code)
		}
	}
}
