// Package displaytest is the contract of package display as runnable tests.
// Every driver calls it; a new promise in the contract is added here first.
package displaytest

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tilld/device"
	"tilld/device/devtest"
	"tilld/display"
	"tilld/internal/fault"
)

// Budget is how long a display may take to show a scene.
const Budget = 300 * time.Millisecond

// TextPanel runs the contract of [display.TextPanel] on panels made by open,
// and that of [display.Display] on what [display.OnText] makes of them.
func TextPanel(t *testing.T, open func(testing.TB, device.Port) display.TextPanel) {
	t.Run("has a name and a size", func(t *testing.T) {
		d := open(t, new(devtest.Recorder))
		if c, r := d.Size(); d.Info().Name == "" || d.Info().Driver == "" || c < 1 || r < 1 {
			t.Errorf("Info %+v, Size %d×%d", d.Info(), c, r)
		}
	})
	t.Run("missing lines are blank, further ones are dropped", func(t *testing.T) {
		var p devtest.Recorder
		d := open(t, &p)
		none := wrote(t, &p, func() error { return d.ShowLines(t.Context()) })
		_, rows := d.Size()
		if empty := wrote(t, &p, func() error { return d.ShowLines(t.Context(), make([]string, rows)...) }); none != empty {
			t.Errorf("no lines: %q, empty lines: %q", none, empty)
		}
		lines := make([]string, rows+3)
		lines[rows+2] = "too far down"
		if got := wrote(t, &p, func() error { return d.ShowLines(t.Context(), lines...) }); got != none {
			t.Errorf("with lines that have no row: %q, want %q", got, none)
		}
	})
	t.Run("a long line is cut", func(t *testing.T) {
		var p devtest.Recorder
		d := open(t, &p)
		columns, _ := d.Size()
		fits := strings.Repeat("0123456789", 20)[:columns]
		want := wrote(t, &p, func() error { return d.ShowLines(t.Context(), fits) })
		if got := wrote(t, &p, func() error { return d.ShowLines(t.Context(), fits+"more") }); got != want {
			t.Errorf("wrote %q, want %q", got, want)
		}
	})
	t.Run("text cannot become a command", func(t *testing.T) {
		var p devtest.Recorder
		d := open(t, &p)
		want := wrote(t, &p, func() error { return d.ShowLines(t.Context(), "????????") })
		if got := wrote(t, &p, func() error { return d.ShowLines(t.Context(), "\x1b\x0c\r\n\x00\x7f\u009b\u2028") }); got != want {
			t.Errorf("control characters became %q, want %q", got, want)
		}
	})
	Display(t, func(t testing.TB, p device.Port) display.Display { return display.OnText(open(t, p)) })
}

// Display runs the contract of [display.Display] on displays made by open.
func Display(t *testing.T, open func(testing.TB, device.Port) display.Display) {
	t.Run("same scene, same bytes", func(t *testing.T) {
		var p devtest.Recorder
		d := open(t, &p)
		for _, s := range Scenes() {
			first := wrote(t, &p, func() error { return d.Show(t.Context(), s) })
			if second := wrote(t, &p, func() error { return d.Show(t.Context(), s) }); first != second || first == "" {
				t.Errorf("%s: first %q, then %q", s.Kind, first, second)
			}
		}
	})
	t.Run("sends nothing once cancelled", func(t *testing.T) {
		var p devtest.Recorder
		d := open(t, &p)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		p.Reset()
		if err := d.Show(ctx, Scenes()[1]); err == nil || p.Wrote() != "" {
			t.Errorf("error %v, wrote %q", err, p.Wrote())
		}
	})
	t.Run("names itself when unplugged", func(t *testing.T) {
		var p devtest.Recorder
		d := open(t, &p)
		p.Fail(io.ErrClosedPipe)
		err := d.Show(t.Context(), Scenes()[1])
		if fault.KindOf(err) != fault.Absent || !strings.HasPrefix(err.Error(), d.Info().Name+": ") || fault.HintOf(err) == "" {
			t.Errorf("error %v, hint %q, want kind absent, the display's name and a hint", err, fault.HintOf(err))
		}
	})
	t.Run("a stuck cable holds up nobody", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			stop := make(chan struct{})
			go func() { // takes what opening sends, then nothing more
				far.SetReadDeadline(time.Now().Add(time.Second))
				io.Copy(io.Discard, far)
				<-stop
				far.Close()
			}()
			d := open(t, near)
			time.Sleep(2 * time.Second)
			ctx, cancel := context.WithTimeout(t.Context(), Budget)
			defer cancel()
			began := time.Now()
			err := d.Show(ctx, Scenes()[1])
			if took := time.Since(began); fault.KindOf(err) != fault.Timeout || took > Budget {
				t.Errorf("after %v: %v, want kind timeout within %v", took, err, Budget)
			}
			began = time.Now()
			d.Close()
			if took := time.Since(began); took > time.Second {
				t.Errorf("Close took %v", took)
			}
			close(stop)
		})
	})
	t.Run("a port that takes nothing is a fault within the limit, and the next display does not notice", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			defer far.Close()
			go func() { // takes what opening sends, then nothing more
				far.SetReadDeadline(time.Now().Add(time.Second))
				io.Copy(io.Discard, far)
			}()
			stuck := open(t, near)
			var good devtest.Recorder
			next := open(t, &good)
			time.Sleep(2 * time.Second)
			good.Reset()
			stage := display.NewStage(Scenes()[1])
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- display.Follow(ctx, next, stage) }()
			synctest.Wait()
			if good.Wrote() == "" {
				t.Error("the next display did not show the scene at once")
			}
			began := time.Now()
			err := display.Follow(t.Context(), stuck, stage)
			if took := time.Since(began); fault.KindOf(err) != fault.Timeout || took > display.ShowLimit {
				t.Errorf("after %v: %v, want kind timeout within %v", took, err, display.ShowLimit)
			}
			good.Reset()
			stage.Set(Scenes()[4])
			synctest.Wait()
			if good.Wrote() == "" {
				t.Error("the next display did not show the next scene at once")
			}
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("the next display ended with %v", err)
			}
		})
	})
	t.Run("close closes the port", func(t *testing.T) {
		var p devtest.Recorder
		if err := open(t, &p).Close(); err != nil || !p.Closed() {
			t.Errorf("Close = %v, port closed: %v", err, p.Closed())
		}
	})
	t.Run("a port that is gone already is no hindrance", func(t *testing.T) {
		var p devtest.Recorder
		d := open(t, &p)
		p.Close()
		if err := d.Close(); err != nil && !errors.Is(err, io.ErrClosedPipe) && !strings.Contains(err.Error(), "closed") {
			t.Errorf("Close = %v", err)
		}
	})
}

func wrote(t testing.TB, p *devtest.Recorder, f func() error) string {
	t.Helper()
	p.Reset()
	if err := f(); err != nil {
		t.Fatal(err)
	}
	return p.Wrote()
}
