package tcpport_test

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tilld/device"
)

// pull has the kernel drop all that comes for a connection before it looks at
// it: what the other end of a cable that was pulled out does.
func pull(t *testing.T, c net.Conn) {
	t.Helper()
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	drop := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
	var ferr error
	if err := raw.Control(func(fd uintptr) {
		ferr = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &drop[0]})
	}); err != nil || ferr != nil {
		t.Fatal(err, ferr)
	}
}

func connected(t *testing.T) (near device.Port, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if near, err = open(t, "tcp://"+l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	return near, accept(t, l)
}

// A device whose cable was pulled out is known to be gone within 10 s, idle or
// with something on its way, and not before it could have answered.
func TestPulledCable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		send bool
	}{{"idle", false}, {"something on its way", true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			near, far := connected(t)
			alive := near.(device.Prober).Alive
			if _, err := near.Write([]byte("before")); err != nil {
				t.Fatal(err)
			}
			if err := alive(); err != nil {
				t.Fatalf("with the cable in: %v", err)
			}
			pull(t, far)
			began := time.Now()
			if c.send {
				if _, err := near.Write([]byte("after")); err != nil {
					t.Fatal(err)
				}
			}
			// The kernel's timers decide, so this test takes the time that it bounds.
			for alive() == nil {
				if took := time.Since(began); took > 60*time.Second {
					t.Fatalf("still taken for alive after %v", took)
				}
				time.Sleep(100 * time.Millisecond)
			}
			took := time.Since(began)
			t.Logf("known after %v", took)
			if took < 3*time.Second {
				t.Errorf("given up after %v", took)
			}
		})
	}
}

// A printer without paper takes nothing more for as long as it likes: it is there.
func TestFullDeviceIsAlive(t *testing.T) {
	t.Parallel()
	near, _ := connected(t)
	if err := near.SetDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for err := error(nil); err == nil; { // nobody reads at the other end
		_, err = near.Write(make([]byte, 1<<20))
	}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if err := near.(device.Prober).Alive(); err != nil {
			t.Fatalf("a device that takes nothing: %v", err)
		}
	}
}

// A device that hangs up is gone once all that it sent was read, one whose
// connection is given up between two uses is not.
func TestHungUp(t *testing.T) {
	near, far := connected(t)
	alive := near.(device.Prober).Alive
	if _, err := far.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := far.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := alive(); err != nil {
		t.Errorf("before its last byte was read: %v", err)
	}
	if _, err := near.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(60 * time.Second); alive() == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a device that hung up is alive")
		}
	}
	if err := near.(device.Releaser).Release(); err != nil {
		t.Fatal(err)
	}
	if err := alive(); err != nil {
		t.Errorf("given up: %v", err)
	}
}

// Closing a port does not wait for a connection that is being made.
func TestCloseWhileConnecting(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", name.(*unix.SockaddrInet4).Port)
	near, err := open(t, "tcp://"+addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := near.(device.Releaser).Release(); err != nil {
		t.Fatal(err)
	}
	for range 8 { // nobody accepts: once the queue is full, the kernel does not answer
		c, err := net.DialTimeout("tcp", addr, 200*time.Millisecond)
		if err != nil {
			break
		}
		defer c.Close()
	}
	wrote := make(chan error, 1)
	go func() {
		_, err := near.Write([]byte("x"))
		wrote <- err
	}()
	select {
	case err := <-wrote:
		t.Fatalf("the connection is made all the same: %v", err)
	case <-time.After(100 * time.Millisecond): // the connection is being made
	}
	began := time.Now()
	if err := near.Close(); err != nil {
		t.Error(err)
	}
	if err := <-wrote; !errors.Is(err, net.ErrClosed) {
		t.Errorf("write: %v", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the write ended %v after Close", took)
	}
}
