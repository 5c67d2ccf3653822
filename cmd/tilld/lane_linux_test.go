package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	backend "tilld/internal/cloud"
	"tilld/internal/sim/broker"
)

// lane is a whole checkout: the agent as a process of its own, a scanner on a
// pseudo-terminal, a broker, and the cloud's side.
type lane struct {
	t      testing.TB
	dir    string // data directory
	log    string // file with all that the agent prints
	config string
	far    *os.File
	cloud  *backend.Cloud
	cmd    *exec.Cmd
	base   string // URL of the local API
	token  string
	news   *stream // SSE of /v1/events
}

// openLane starts everything and waits until it works; shoppers pay by
// themselves.
func openLane(t testing.TB, level string) *lane {
	t.Helper()
	return openLaneWith(t, level, "paid", "")
}

// openLaneWith starts a lane whose configuration has more in it: devices first,
// indented by two. Shoppers do what outcome says; "" waits for Cloud.Settle.
func openLaneWith(t testing.TB, level, outcome, more string) *lane {
	t.Helper()
	l := &lane{t: t, dir: filepath.Join(t.TempDir(), "data"), log: filepath.Join(t.TempDir(), "log")}
	broker, trust := l.openCloud(outcome)
	far, near, err := pty.Open()
	l.must(err)
	t.Cleanup(func() { far.Close() })
	l.far = far
	config := filepath.Join(t.TempDir(), "till.yaml")
	l.must(os.WriteFile(config, fmt.Appendf(nil, `
till: {merchant: acme, store: sh-001, till: "03"}
http: {listen: "127.0.0.1:0"}
cloud: {url: "mqtt://%s", trust_file: "%s"}
log: {level: %s}
devices:
  - {name: scanner-1, kind: scanner, driver: line, address: "serial://%s?baud=115200", options: {aim: true, max_per_second: 10000}}
  - {name: screen, kind: display, driver: screen}
%s`, broker, trust, level, near.Name(), more), 0o600))
	l.config = config
	t.Cleanup(func() { l.stop() })
	l.again()
	l.must(near.Close())
	return l
}

// again starts the agent and waits until it works.
func (l *lane) again() {
	l.t.Helper()
	l.run()
	l.await("the agent's address", func() bool {
		addr, err := os.ReadFile(filepath.Join(l.dir, "http-addr"))
		l.base = "http://" + strings.TrimSpace(string(addr))
		token, terr := os.ReadFile(filepath.Join(l.dir, "api-token"))
		l.token = strings.TrimSpace(string(token))
		return err == nil && terr == nil && len(addr) > 0 && l.token != ""
	})
	l.ready()
	l.news = l.follow("/v1/events")
}

// kill ends the agent as a power cut of the process does.
func (l *lane) kill() {
	l.t.Helper()
	l.must(l.cmd.Process.Kill())
	_ = l.cmd.Wait() // killed
	l.must(os.Remove(filepath.Join(l.dir, "http-addr")))
	l.cmd = nil
}

// run starts the agent.
func (l *lane) run(env ...string) {
	l.t.Helper()
	out, err := os.OpenFile(l.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	l.must(err)
	l.cmd = exec.Command("tilld", "run", "--config", l.config, "--data-dir", l.dir) // this program again, see TestMain
	l.cmd.Stdout, l.cmd.Stderr = out, out
	l.cmd.Env = append(os.Environ(), env...)
	l.must(l.cmd.Start())
	l.must(out.Close())
}

// ready waits for the link, the cloud at its other end, and all devices.
func (l *lane) ready() {
	l.t.Helper()
	l.await("link, cloud and devices", func() bool {
		if l.cloud.Counts().Connects == 0 { // a till that is there first would ask into an empty room
			return false
		}
		var s struct {
			Link    struct{ State string }
			Devices []struct{ Name, State string }
		}
		if json.Unmarshal(l.get("/v1/status"), &s) != nil || s.Link.State != "up" {
			return false
		}
		for _, d := range s.Devices {
			if d.State != "ready" {
				return false
			}
		}
		return len(s.Devices) >= 2
	})
}

// openCloud returns the broker's address and the trust file.
func (l *lane) openCloud(outcome string) (addr, trust string) {
	b, err := broker.Listen("127.0.0.1:0")
	l.must(err)
	l.t.Cleanup(func() { l.must(b.Close()) })
	key, err := backend.NewKey("test-1")
	l.must(err)
	keys, err := backend.TrustFile(key)
	l.must(err)
	trust = filepath.Join(l.t.TempDir(), "keys.json")
	l.must(os.WriteFile(trust, keys, 0o600))
	l.cloud = backend.New(backend.Options{Broker: "tcp://" + b.Addr(), Key: key, Pay: backend.PayPolicy{Outcome: outcome}, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); l.cloud.Run(ctx) }()
	l.t.Cleanup(func() { cancel(); <-ended })
	return b.Addr(), trust
}

// stop ends the agent in order and waits until it is gone.
func (l *lane) stop() {
	if l.cmd == nil {
		return
	}
	cmd := l.cmd
	l.cmd = nil
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		l.t.Error(err)
	}
	late := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
	defer late.Stop()
	if err := cmd.Wait(); err != nil {
		text, _ := os.ReadFile(l.log)
		l.t.Errorf("the agent: %v\n%s", err, text)
	}
}

func (l *lane) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *lane) await(what string, ok func() bool) {
	l.t.Helper()
	for end := time.Now().Add(60 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) { // polls a process
		if time.Now().After(end) {
			text, _ := os.ReadFile(l.log)
			l.t.Fatalf("%s: not within a minute; status %s\n%s", what, l.get("/v1/status"), text)
		}
	}
}

func (l *lane) call(method, path, body string) (int, []byte) {
	l.t.Helper()
	req, err := http.NewRequest(method, l.base+path, strings.NewReader(body))
	l.must(err)
	req.Header.Set("Authorization", "Bearer "+l.token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil // not up yet
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	l.must(err)
	return resp.StatusCode, b
}

func (l *lane) get(path string) []byte {
	l.t.Helper()
	_, b := l.call(http.MethodGet, path, "")
	return b
}

// post sends a command and returns the id in its answer.
func (l *lane) post(path, body string) string {
	l.t.Helper()
	status, b := l.call(http.MethodPost, path, body)
	if status < 200 || status >= 300 {
		l.t.Fatalf("POST %s: %d %s", path, status, b)
	}
	var answer struct{ ID string }
	_ = json.Unmarshal(b, &answer) // answers without an id have none
	return answer.ID
}

// scan sends bytes as the scanner would.
func (l *lane) scan(text string) {
	l.t.Helper()
	_, err := l.far.WriteString(text)
	l.must(err)
}

// stream keeps all that an event stream has sent.
type stream struct {
	mu   sync.Mutex
	all  bytes.Buffer
	more chan struct{}
}

func (l *lane) follow(path string) *stream {
	l.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.base+path, nil)
	l.must(err)
	req.Header.Set("Authorization", "Bearer "+l.token)
	resp, err := http.DefaultClient.Do(req)
	l.must(err)
	if resp.StatusCode != http.StatusOK {
		l.t.Fatalf("%s: %s", path, resp.Status)
	}
	s := &stream{more: make(chan struct{}, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer resp.Body.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := resp.Body.Read(buf)
			s.mu.Lock()
			s.all.Write(buf[:n])
			s.mu.Unlock()
			select {
			case s.more <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
	l.t.Cleanup(func() { cancel(); <-ended })
	return s
}

func (s *stream) bytes() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.all.Bytes())
}

// count returns how many events of a name, with text in their data, have come.
func (s *stream) count(name, text string) int {
	n := 0
	for _, frame := range bytes.Split(s.bytes(), []byte("\n\n")) {
		if bytes.Contains(append([]byte("\n"), frame...), []byte("\nevent: "+name+"\n")) && bytes.Contains(frame, []byte(text)) {
			n++
		}
	}
	return n
}
