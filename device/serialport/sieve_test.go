//go:build linux

package serialport

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// adapter is a pty that the kernel seems to know as a USB adapter's line. Like
// that of many adapters its driver sends on after XOFF.
func adapter(t *testing.T, backend, driver string) (*port, cable) {
	t.Helper()
	c, root := newCable(t), t.TempDir()
	hardware := filepath.Join(root, "sys/devices/usb1/1-1/1-1:1.0/tty/ttyACM0")
	usb := filepath.Dir(filepath.Dir(filepath.Dir(hardware)))
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{hardware, root + "/sys/class/tty", root + "/dev", root + "/sys/drivers/" + driver} {
		check(os.MkdirAll(d, 0o755))
	}
	check(os.WriteFile(usb+"/idVendor", []byte("1a86\n"), 0o600))
	check(os.WriteFile(usb+"/idProduct", []byte("7523\n"), 0o600))
	check(os.Symlink(root+"/sys/drivers/"+driver, usb+"/1-1:1.0/driver"))
	check(os.Symlink(usb+"/1-1:1.0", hardware+"/device"))
	check(os.Symlink(hardware, root+"/sys/class/tty/ttyACM0"))
	check(os.Symlink(c.node, root+"/dev/ttyACM0"))
	p, err := dial(t, New(root), "serial://usb/1A86:7523?flow=xonxoff&backend="+backend)
	check(err)
	t.Cleanup(func() { p.Close() })
	near, err := os.OpenFile(c.node, os.O_RDWR|unix.O_NOCTTY, 0)
	check(err)
	defer near.Close()
	tio, err := unix.IoctlGetTermios(int(near.Fd()), unix.TCGETS)
	check(err)
	if heeds := tio.Iflag&unix.IXON != 0; heeds != (driver == "ftdi_sio") {
		t.Errorf("driver %s is asked to heed XOFF: %v", driver, heeds)
	}
	tio.Iflag &^= unix.IXON // what cdc_acm makes of it
	check(unix.IoctlSetTermios(int(near.Fd()), unix.TCSETS, tio))
	return p.(*port), c
}

// XOFF stops a line whose driver does not know it, whether or not somebody reads;
// what else the device says is kept.
func TestXOFFWithoutTheDriver(t *testing.T) {
	for _, backend := range []string{"bugst", "tarm"} {
		for _, reading := range []bool{false, true} {
			p, c := adapter(t, backend, "cdc_acm")
			heard := make(chan byte, 10)
			read := func() {
				b := make([]byte, 16)
				for {
					n, err := p.Read(b)
					for _, v := range b[:n] {
						heard <- v
					}
					if err != nil {
						return
					}
				}
			}
			if reading {
				go read()
			}
			c.far.Write([]byte{'1', xoff, '2'})
			p.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
			if !reading {
				p.SetReadDeadline(time.Time{})
			}
			for i := 0; ; i++ {
				if _, err := p.Write([]byte("a")); errors.Is(err, os.ErrDeadlineExceeded) {
					break
				}
				if i > 1000 {
					t.Fatalf("%s, reading %v: still writing after XOFF", backend, reading)
				}
				time.Sleep(time.Millisecond) // the kernel passes XOFF on when it gets round to it
				p.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
			}
			go io.Copy(io.Discard, c.far)
			c.far.Write([]byte{xon, '3'})
			p.SetWriteDeadline(time.Now().Add(60 * time.Second))
			if _, err := p.Write([]byte("b")); err != nil {
				t.Errorf("%s, reading %v: after XON: %v", backend, reading, err)
			}
			if !reading {
				go read()
			}
			for _, want := range []byte("123") {
				if got := <-heard; got != want {
					t.Errorf("%s, reading %v: heard %q, want %q", backend, reading, got, want)
				}
			}
			p.Close()
		}
	}
}

// The drivers that heed XOFF are left to it: they stop sooner.
func TestXOFFByTheDriver(t *testing.T) {
	p, _ := adapter(t, "bugst", "ftdi_sio")
	if p.flow == sieved {
		t.Error("sieved")
	}
}
