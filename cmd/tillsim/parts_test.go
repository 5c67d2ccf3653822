package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// screenful collects what a command prints and lets a test wait for it.
type screenful struct {
	mu      sync.Mutex
	text    bytes.Buffer
	written chan struct{} // closed by the next Write; nil when nobody waits
}

func (s *screenful) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.written != nil {
		close(s.written)
		s.written = nil
	}
	return s.text.Write(b)
}

func (s *screenful) until(t *testing.T, pattern string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	late := time.After(60 * time.Second)
	for {
		s.mu.Lock()
		text := s.text.String()
		if s.written == nil {
			s.written = make(chan struct{})
		}
		written := s.written
		s.mu.Unlock()
		if m := re.FindStringSubmatch(text); m != nil {
			return m
		}
		select {
		case <-written:
		case <-late:
			t.Fatalf("no %s in:\n%s", pattern, text)
		}
	}
}

func TestDevicesCommand(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	in, typing := io.Pipe()
	var out screenful
	ended := make(chan error, 1)
	c := devicesCmd{Dir: t.TempDir(), Display: []string{"epson", "led8", "qrscreen", "epson"}}
	go func() { ended <- c.run(ctx, in, &out) }()
	port := out.until(t, `tcp://(127\.0\.0\.1:\d+)`)[1]
	scanner, err := os.OpenFile(filepath.Join(c.Dir, "tty-scanner"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer scanner.Close()
	io.WriteString(typing, "6901234567892\n")
	b := make([]byte, 14)
	if _, err := io.ReadFull(scanner, b); err != nil || string(b) != "6901234567892\r" {
		t.Errorf("scanner: %q, %v", b, err)
	}
	printer, err := net.Dial("tcp", port)
	if err != nil {
		t.Fatal(err)
	}
	defer printer.Close()
	io.WriteString(printer, "\x1b@hello paper\n\x1dV\x00")
	out.until(t, `\| hello paper`)
	pole, err := os.OpenFile(filepath.Join(c.Dir, "tty-pole"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer pole.Close()
	io.WriteString(pole, "\x1bQAhello glass\r")
	out.until(t, `\[hello glass `)
	for _, d := range []struct{ tty, bytes, want string }{
		{"tty-epson", "\x1f$\x01\x02low", `\[low {17}\]`},
		{"tty-epson-2", "\x0cup", `display-epson-2\n {6}\[up `},
		{"tty-led8", "\x1bs2\x1bQA12.00\r", `\[   12.00\] total`},
		{"tty-qrscreen", "JUMP(1);QBAR(0,https://pay.example/p1);\r\n", `code \["https://pay.example/p1"\]`},
	} {
		out.until(t, `address: "serial://.*`+d.tty+`\?baud=\d+&backend=tarm"`)
		f, err := os.OpenFile(filepath.Join(c.Dir, d.tty), os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		io.WriteString(f, d.bytes)
		out.until(t, d.want)
	}
	io.WriteString(typing, ":paper-out\n:status\n:slow\n:nonsense\n:unplug scanner\n")
	out.until(t, `PaperOut:true`)
	out.until(t, `needs a number`)
	out.until(t, `no :nonsense`)
	if _, err := scanner.Read(b); err == nil {
		t.Error("the unplugged scanner is still there")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestCloudCommand(t *testing.T) {
	t.Parallel()
	b, err := newBroker("embedded", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer b.Stop()
	ctx, cancel := context.WithCancel(t.Context())
	in, typing := io.Pipe()
	var out screenful
	ended := make(chan error, 1)
	c := cloudCmd{Broker: "tcp://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(b.Port())), Root: "tilld/v1", Dir: t.TempDir(), Pay: "wait"}
	go func() { ended <- c.run(ctx, in, &out) }()
	file := out.until(t, `trust_file: (\S+)`)[1]
	if data, err := os.ReadFile(file); err != nil || !strings.Contains(string(data), "Ed25519") {
		t.Errorf("trust file %s, %v", data, err)
	}
	io.WriteString(typing, "pay nothing\norder acme/sh-001/03 till.report {}\nreport\nalarms\npayments\nhelp\n")
	out.until(t, `no payment "nothing" is pending`)
	out.until(t, `ordered as \S{26}`)
	out.until(t, `commands: pay`)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestFleet(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := fleetCmd{N: 12, Events: 3, Broker: "mosquitto", Dir: t.TempDir()}
	if err := c.run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if !strings.Contains(out.String(), "12 chains whole, 72 events once each") {
		t.Errorf("%s", &out)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{}, {"nonsense"}, {"sale", "--broker", "rabbit"}, {"sale", "--sales", "x"}} {
		if got := command(t.Context(), args); got != 2 {
			t.Errorf("%v: exit %d, want 2", args, got)
		}
	}
	if got := command(t.Context(), []string{"sale", "--sales", "0"}); got != 1 {
		t.Errorf("no sales: exit %d, want 1", got)
	}
}

// What is closed here may be open for a moment more, in a child that starts just
// then: the broker waits for its port.
func TestBrokerWaitsForItsPort(t *testing.T) {
	t.Parallel()
	b, err := newBroker("embedded", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	held, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(b.Port())))
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan error, 1)
	go func() { started <- b.Start(t.Context()) }()
	select {
	case err := <-started:
		t.Fatalf("started on a port that is held: %v", err)
	case <-time.After(50 * time.Millisecond): // it cannot be seen waiting
	}
	held.Close()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	if err := b.Stop(); err != nil {
		t.Error(err)
	}
}
