//go:build linux

package serialport

import (
	"io"
	"net/url"
	"os"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"tilld/device"
	"tilld/device/devtest"
)

// cable is a pty: near is what the agent opens, far the device's end.
type cable struct {
	far  *os.File
	node string
}

func newCable(t testing.TB) cable {
	t.Helper()
	far, near, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	raw(t, near)
	c := cable{far: far, node: near.Name()}
	near.Close()
	t.Cleanup(func() { far.Close() })
	return c
}

// raw takes echo and line editing off, which a pty has and a serial line has not.
func raw(t testing.TB, f *os.File) {
	t.Helper()
	tio, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	tio.Iflag, tio.Oflag, tio.Lflag = 0, 0, 0
	if err := unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, tio); err != nil {
		t.Fatal(err)
	}
}

func dial(t testing.TB, o *Opener, addr string) (device.Port, error) {
	t.Helper()
	u, err := url.Parse(addr)
	if err != nil {
		t.Fatal(err)
	}
	return o.Open(t.Context(), u)
}

func open(t testing.TB, addr string) *port {
	t.Helper()
	p, err := dial(t, New(""), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p.(*port)
}

// modes are the ways in which bytes can travel: each module, with a guard as on
// Linux and without one as elsewhere.
func modes(t *testing.T, f func(t *testing.T, open func(testing.TB, cable) *port)) {
	for _, backend := range []string{"bugst", "tarm"} {
		t.Run(backend, func(t *testing.T) {
			f(t, func(t testing.TB, c cable) *port { return open(t, "serial://"+c.node+"?backend="+backend) })
		})
		t.Run(backend+" without guard", func(t *testing.T) {
			f(t, func(t testing.TB, c cable) *port {
				u, _ := url.Parse("serial://" + c.node + "?backend=" + backend)
				s, err := parse(u)
				if err != nil {
					t.Fatal(err)
				}
				openLine := openBugst
				if backend == "tarm" {
					openLine = openTarm
				}
				l, err := openLine(s)
				if err != nil {
					t.Fatal(err)
				}
				p := newPort(c.node, l, nil, "none", device.Identity{}, func(bool) {})
				t.Cleanup(func() { p.Close() })
				return p
			})
		})
	}
}

func TestConformance(t *testing.T) {
	modes(t, func(t *testing.T, open func(testing.TB, cable) *port) {
		devtest.Port(t, func(t *testing.T) devtest.Pair {
			c := newCable(t)
			return devtest.Pair{Near: open(t, c), Far: c.far, Unplug: func() { c.far.Close() }}
		})
	})
}

var _ io.ReadWriteCloser = (*port)(nil)
