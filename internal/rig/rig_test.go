//go:build rig

package rig

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// limit is for all checks together; a machine without other work takes four minutes.
const limit = 15 * time.Minute

// quiet is the longest time between two reports.
const quiet = 3 * time.Minute

// TestRig boots the machine; each check that it reports is a subtest. The
// environment variable TILLD_RIG_RUN is a regular expression of checks to run.
func TestRig(t *testing.T) {
	cache := os.Getenv("TILLD_RIG_CACHE")
	if cache == "" {
		t.Fatal("TILLD_RIG_CACHE names no folder with a kernel: use make rig")
	}
	dir := t.TempDir()
	kernel, initrd := prepare(t, filepath.Join(cache, "root"), dir)
	// A unix socket's path must be short.
	sock, err := os.MkdirTemp("", "rig")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(sock)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	console := cmp.Or(os.Getenv("TILLD_RIG_CONSOLE"), filepath.Join(dir, "console"))
	reports, control := listen(t, filepath.Join(sock, "r")), listen(t, filepath.Join(sock, "q"))
	vm := exec.CommandContext(ctx, "qemu-system-x86_64",
		"-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", "1024", "-display", "none", "-nodefaults", "-no-user-config", "-no-reboot",
		"-kernel", kernel, "-initrd", initrd, "-append",
		"console=ttyS0 loglevel=5 oops=panic panic=-1 mitigations=off vt.global_cursor_default=0 consoleblank=0 fbcon=map:9 rdinit=/init rig_run="+os.Getenv("TILLD_RIG_RUN"),
		"-serial", "file:"+console,
		"-chardev", "socket,id=r,path="+filepath.Join(sock, "r"), "-serial", "chardev:r",
		"-qmp", "unix:"+filepath.Join(sock, "q"),
		"-device", "piix3-usb-uhci,id=uhci", "-chardev", "null,id=cable",
		"-device", "bochs-display,id=glass0", "-device", "cirrus-vga,id=glass1",
	)
	vm.Stdout, vm.Stderr = os.Stderr, os.Stderr
	began := time.Now()
	if err := vm.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		vm.Process.Kill() // it has ended, or hangs
		vm.Wait()
		if t.Failed() {
			tail(t, console)
		}
	}()
	q, err := newMonitor(accept(t, control))
	if err != nil {
		t.Fatal(err)
	}
	follow(t, accept(t, reports), q, sock)
	t.Logf("%.0f s in all", time.Since(began).Seconds())
}

// follow reads the guest's reports until it says that it is done.
func follow(t *testing.T, conn net.Conn, q *monitor, dir string) {
	lines := bufio.NewScanner(conn)
	lines.Buffer(nil, 1<<20)
	for conn.SetReadDeadline(time.Now().Add(quiet)) == nil && lines.Scan() {
		word, rest, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		name, text, _ := strings.Cut(rest, " ")
		switch word {
		case "PASS":
			t.Run(name, func(t *testing.T) { t.Log(text) })
		case "FAIL":
			t.Run(name, func(t *testing.T) { t.Error(strings.ReplaceAll(text, "\\n", "\n")) })
		case "LOG", "FIGURE":
			fmt.Printf("    %s: %s\n", word, strings.ReplaceAll(rest, "\\n", "\n        "))
		case "QMP":
			answer(conn, q.do(rest))
		case "GLASS":
			answer(conn, q.look(rest, dir))
		case "DONE":
			return
		}
	}
	t.Errorf("the machine stopped before it was done: %v", lines.Err())
}

func answer(conn net.Conn, err error) {
	text := "OK"
	if err != nil {
		text = strings.ReplaceAll(err.Error(), "\n", " ")
	}
	fmt.Fprintln(conn, text)
}

// monitor is QEMU's control socket.
type monitor struct {
	conn net.Conn
	dec  *json.Decoder
}

func newMonitor(conn net.Conn) (*monitor, error) {
	q := &monitor{conn, json.NewDecoder(conn)}
	var greeting map[string]any
	if err := q.dec.Decode(&greeting); err != nil {
		return nil, err
	}
	return q, q.do(`{"execute":"qmp_capabilities"}`)
}

func (q *monitor) do(command string) error {
	if _, err := fmt.Fprintln(q.conn, command); err != nil {
		return err
	}
	for {
		var m struct {
			Return any
			Error  *struct{ Desc string }
			Event  string
		}
		if err := q.dec.Decode(&m); err != nil {
			return err
		}
		switch {
		case m.Error != nil:
			return fmt.Errorf("qemu: %s", m.Error.Desc)
		case m.Event == "":
			return nil
		}
	}
}

func listen(t *testing.T, path string) net.Listener {
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func accept(t *testing.T, l net.Listener) net.Conn {
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func tail(t *testing.T, console string) {
	b, err := os.ReadFile(console)
	if err != nil {
		t.Log(err)
		return
	}
	if len(b) > 8000 {
		b = b[len(b)-8000:]
	}
	t.Logf("the kernel's last words:\n%s", b)
}
