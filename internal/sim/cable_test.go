package sim_test

import (
	"io"
	"os"
	"testing"
	"time"

	"tilld/internal/sim"
)

// open is what a till does with the path, without any of its code.
func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func cable(t *testing.T) *sim.Cable {
	t.Helper()
	c, err := sim.NewCable(t.TempDir(), "line")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func readN(t *testing.T, r io.Reader, n int) string {
	t.Helper()
	got := make(chan string, 1)
	go func() {
		b := make([]byte, n)
		m, err := io.ReadFull(r, b)
		if err != nil {
			got <- "error: " + err.Error() + " after " + string(b[:m])
			return
		}
		got <- string(b)
	}()
	select {
	case s := <-got:
		return s
	case <-time.After(60 * time.Second):
		t.Fatal("nothing came over the line")
		return ""
	}
}

// A killed till must find a line that is as good as new under the same path.
func TestCableSurvivesItsUser(t *testing.T) {
	c := cable(t)
	heard, hear := io.Pipe()
	go func() {
		_, err := io.Copy(hear, c)
		hear.CloseWithError(err)
	}()
	for i, text := range []string{"first\r\n\x00", "second\r\n", "third"} {
		far := open(t, c.Path())
		if _, err := far.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if got := readN(t, heard, len(text)); got != text {
			t.Fatalf("user %d: near end got %q, want %q", i, got, text)
		}
		if _, err := c.Write([]byte("6901234567892\r")); err != nil {
			t.Fatal(err)
		}
		if got := readN(t, far, 14); got != "6901234567892\r" {
			t.Fatalf("user %d: far end got %q", i, got)
		}
		old, err := os.Readlink(c.Path())
		if err != nil {
			t.Fatal(err)
		}
		far.Close()
		eventually(t, "a fresh terminal", func() bool {
			now, err := os.Readlink(c.Path())
			return err == nil && now != old
		})
	}
}

func TestUnplugAndPlug(t *testing.T) {
	c := cable(t)
	far := open(t, c.Path())
	go io.Copy(io.Discard, c)
	if err := c.Unplug(); err != nil {
		t.Fatal(err)
	}
	if n, err := far.Read(make([]byte, 1)); err == nil || n > 0 {
		t.Errorf("far end reads %d bytes, %v after the cable was pulled", n, err)
	}
	if _, err := os.Stat(c.Path()); !os.IsNotExist(err) {
		t.Errorf("path is still there: %v", err)
	}
	if _, err := c.Write([]byte("x")); err != sim.ErrUnplugged {
		t.Errorf("write: %v, want %v", err, sim.ErrUnplugged)
	}
	if err := c.Plug(); err != nil {
		t.Fatal(err)
	}
	far = open(t, c.Path())
	if _, err := c.Write([]byte("back")); err != nil {
		t.Fatal(err)
	}
	if got := readN(t, far, 4); got != "back" {
		t.Errorf("after replugging got %q", got)
	}
}

// eventually waits for what the kernel or another goroutine does soon.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("no %s within 10 s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}
