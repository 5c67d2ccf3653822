//go:build linux

package serialport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tilld/device"
	"tilld/internal/fault"
)

// Neither module's Write has a time limit; a device that takes no data would
// hold up the sale for good.
func TestWriteToADeviceThatTakesNothing(t *testing.T) {
	modes(t, func(t *testing.T, open func(testing.TB, cable) *port) {
		c := newCable(t)
		p := open(t, c)
		big := make([]byte, 200_000)
		for i := range big {
			big[i] = byte(i / 7)
		}
		n := 0
		for limit := 200 * time.Millisecond; n == 0 && limit < time.Minute; limit *= 4 { // it may be over before the first byte on a busy machine
			p.SetDeadline(time.Now().Add(limit))
			began := time.Now()
			var err error
			n, err = p.Write(big)
			if took := time.Since(began); !errors.Is(err, os.ErrDeadlineExceeded) || n == len(big) || took > limit+5*time.Second {
				t.Fatalf("Write = %d, %v after %v, want a part and a deadline error", n, err, took)
			}
		}
		if n == 0 {
			t.Fatal("the line took nothing, want a part")
		}
		// Once the device reads again nothing may be missing or out of order.
		got := make(chan []byte, 1)
		rest := []byte("\x0cagain")
		go func() {
			b, buf := []byte(nil), make([]byte, 4096)
			for !bytes.HasSuffix(b, rest) {
				n, err := c.far.Read(buf)
				if err != nil {
					break
				}
				b = append(b, buf[:n]...)
			}
			got <- b
		}()
		p.SetDeadline(time.Now().Add(60 * time.Second))
		if _, err := p.Write(rest); err != nil {
			t.Fatal(err)
		}
		b := <-got
		body := b[:len(b)-len(rest)]
		if len(body) != n || !bytes.Equal(body, big[:len(body)]) {
			t.Errorf("the device got %d bytes before the last frame, want the first %d", len(body), n)
		}
	})
}

// A job of many deadlines, on a line that is slower than they are long, arrives
// once: a byte too many in a picture makes commands of the dots behind it.
func TestWriteGoesOnAfterDeadlines(t *testing.T) {
	modes(t, func(t *testing.T, open func(testing.TB, cable) *port) {
		c := newCable(t)
		p := open(t, c)
		big := make([]byte, 60_000)
		for i := range big {
			big[i] = byte(i>>8) ^ byte(i)
		}
		got := make(chan []byte, 1)
		full := make(chan struct{}, 1)
		go func() {
			b, buf := []byte(nil), make([]byte, 700)
			for len(b) < len(big) {
				select {
				case <-full: // so that each deadline finds the line full
				case <-time.After(5 * time.Millisecond):
				}
				n, err := c.far.Read(buf)
				if err != nil {
					break
				}
				b = append(b, buf[:n]...)
			}
			got <- b
		}()
		passed := 0
		for sent := 0; sent < len(big); {
			p.SetDeadline(time.Now().Add(2 * time.Millisecond))
			n, err := p.Write(big[sent:])
			if sent += n; err == nil {
				continue
			}
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal(err)
			}
			passed++
			select {
			case full <- struct{}{}:
			default:
			}
		}
		if b := <-got; !bytes.Equal(b, big) || passed == 0 {
			t.Errorf("after %d deadlines: %d bytes, want the %d as they were written", passed, len(b), len(big))
		}
	})
}

// A stuck line must not hold up Close, and reopening it must not pile up
// descriptors and threads that hang in the kernel.
func TestCloseWhileStuck(t *testing.T) {
	for _, backend := range []string{"bugst", "tarm"} {
		t.Run(backend, func(t *testing.T) {
			c := newCable(t)
			o := New("")
			addr := "serial://" + c.node + "?backend=" + backend
			before := descriptors(t)
			for range 20 {
				d, err := dial(t, o, addr)
				if err != nil {
					if fault.KindOf(err) != fault.Timeout {
						t.Fatalf("error %v, want kind timeout while an earlier write hangs", err)
					}
					continue
				}
				p := d.(*port)
				p.SetDeadline(time.Now().Add(50 * time.Millisecond))
				p.Write(make([]byte, 200_000))
				began := time.Now()
				p.Close()
				if took := time.Since(began); took > 4*time.Second {
					t.Errorf("Close took %v", took)
				}
			}
			if grown := descriptors(t) - before; grown > 5 {
				t.Errorf("%d descriptors left behind, want at most one line's", grown)
			}
			go io.Copy(io.Discard, c.far) // the device takes data again
			wait(t, "descriptors to be given back", func() bool { return descriptors(t) <= before })
			d, err := dial(t, o, addr)
			if err != nil {
				t.Fatalf("open once the device takes data: %v", err)
			}
			d.Close()
		})
	}
}

// One line has one owner; root gets past TIOCEXCL and would change the speed
// under the owner's hands.
func TestSecondOpenIsRefused(t *testing.T) {
	for _, backends := range []string{"bugst bugst", "bugst tarm", "tarm bugst", "tarm tarm"} {
		first, second, _ := strings.Cut(backends, " ")
		c := newCable(t)
		a := open(t, "serial://"+c.node+"?backend="+first)
		_, err := dial(t, New(""), "serial://"+c.node+"?baud=115200&backend="+second)
		if fault.KindOf(err) != fault.Busy {
			t.Errorf("%s: second open: %v, want kind busy", backends, err)
		}
		if advice, ok := device.AdviceOf(err); !ok || advice.Code != "held_by" || !strings.Contains(fault.HintOf(err), fmt.Sprint(os.Getpid())) {
			t.Errorf("%s: hint %q, want one that names the process", backends, fault.HintOf(err))
		}
		a.Close()
		b, err := dial(t, New(""), "serial://"+c.node+"?backend="+second)
		if err != nil {
			t.Fatalf("%s: open after close: %v", backends, err)
		}
		b.Close()
	}
}

// Programs that only use TIOCEXCL are respected as well, dead ones are not.
func TestOtherProgramHoldsTheLine(t *testing.T) {
	c := newCable(t)
	child := exec.Command(os.Args[0], "-test.run=^TestHelperHoldsLine$")
	child.Env = append(os.Environ(), "HOLD_LINE="+c.node)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, len("held"))); err != nil {
		t.Fatal(err)
	}
	_, err = dial(t, New(""), "serial://"+c.node)
	if fault.KindOf(err) != fault.Busy || !strings.Contains(fault.HintOf(err), fmt.Sprint(child.Process.Pid)) {
		t.Errorf("error %v, hint %q, want busy and the process named", err, fault.HintOf(err))
	}
	in.Close()
	child.Wait()
	if os.Geteuid() != 0 {
		return // only root gets past a flag that a dead program left on a pty
	}
	p, err := dial(t, New(""), "serial://"+c.node)
	if err != nil {
		t.Fatalf("open after the other program ended without giving TIOCEXCL back: %v", err)
	}
	p.Close()
}

func TestHelperHoldsLine(t *testing.T) {
	node := os.Getenv("HOLD_LINE")
	if node == "" {
		return // runs only as the other program of the test above
	}
	f, err := os.OpenFile(node, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetInt(int(f.Fd()), unix.TIOCEXCL, 0); err != nil {
		t.Fatal(err)
	}
	fmt.Print("held")
	io.ReadAll(os.Stdin)
	os.Exit(0)
}

// go.bug.st/serial panics when its descriptor's number does not fit into select(2).
func TestHighDescriptorNumbers(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if raised := (unix.Rlimit{Cur: 4096, Max: limit.Max}); limit.Cur < 2048 {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &raised); err != nil {
			t.Fatal(err)
		}
	}
	c := newCable(t)
	var low []*os.File
	for range 1100 {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		low = append(low, f)
	}
	for _, backend := range []string{"bugst", "tarm"} {
		p := open(t, "serial://"+c.node+"?backend="+backend)
		c.far.WriteString("6901234567892\r")
		p.SetDeadline(time.Now().Add(60 * time.Second))
		got := make([]byte, 14)
		if _, err := io.ReadFull(p, got); err != nil || string(got) != "6901234567892\r" {
			t.Errorf("%s: read %q, %v", backend, got, err)
		}
		p.Close()
	}
	for _, f := range low {
		f.Close()
	}
}

func TestXonXoff(t *testing.T) {
	for _, backend := range []string{"bugst", "tarm"} {
		t.Run(backend, func(t *testing.T) {
			c := newCable(t)
			p := open(t, "serial://"+c.node+"?flow=xonxoff&backend="+backend)
			c.far.Write([]byte{0x13})
			p.SetDeadline(time.Now().Add(50 * time.Millisecond))
			for i := 0; ; i++ { // the kernel acts on XOFF when it gets round to it
				if _, err := p.Write([]byte("a")); errors.Is(err, os.ErrDeadlineExceeded) {
					break
				}
				if i > 1000 {
					t.Fatal("still writing after XOFF")
				}
				time.Sleep(time.Millisecond)
				p.SetDeadline(time.Now().Add(50 * time.Millisecond))
			}
			go io.Copy(io.Discard, c.far)
			c.far.Write([]byte{0x11})
			p.SetDeadline(time.Now().Add(60 * time.Second))
			if _, err := p.Write([]byte("b")); err != nil {
				t.Errorf("after XON: %v", err)
			}
		})
	}
}

// Without flow control XON and XOFF are data like any other.
func TestControlBytesAreData(t *testing.T) {
	c := newCable(t)
	p := open(t, "serial://"+c.node)
	c.far.Write([]byte{0x13, 0x11, 0x03, 0x1c, 0x0d, 0x0a, 0x00, 0xff})
	p.SetDeadline(time.Now().Add(60 * time.Second))
	got := make([]byte, 8)
	if _, err := io.ReadFull(p, got); err != nil || !bytes.Equal(got, []byte{0x13, 0x11, 0x03, 0x1c, 0x0d, 0x0a, 0x00, 0xff}) {
		t.Errorf("read %x, %v", got, err)
	}
}

// An idle, write-only display is missed too.
func TestAliveNoticesUnplugging(t *testing.T) {
	for _, backend := range []string{"bugst", "tarm"} {
		c := newCable(t)
		p := open(t, "serial://"+c.node+"?backend="+backend)
		if err := p.Alive(); err != nil {
			t.Errorf("%s: plugged in: %v", backend, err)
		}
		c.far.Close()
		wait(t, "the hang-up", func() bool { return p.Alive() != nil })
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	for _, backend := range []string{"bugst", "tarm"} {
		c := newCable(t)
		before := descriptors(t)
		for range 200 {
			p := open(t, "serial://"+c.node+"?backend="+backend)
			p.Write([]byte("x"))
			p.Close()
		}
		if after := descriptors(t); after > before {
			t.Errorf("%s: %d descriptors before, %d after", backend, before, after)
		}
	}
}

func descriptors(t testing.TB) int {
	t.Helper()
	e, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(e)
}

func wait(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !f(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain for ", what)
		}
	}
}
