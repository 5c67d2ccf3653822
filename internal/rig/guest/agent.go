//go:build rig

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// agent is a running tilld.
type agent struct {
	t       *T
	dir     string
	cmd     *exec.Cmd
	ended   chan struct{}
	url     string
	token   string
	started time.Time

	mu   sync.Mutex
	news []item
	more chan struct{} // closed when there are more
}

// item is one event of the agent's stream.
type item struct {
	at   time.Time
	name string
	device
	raw json.RawMessage
}

type device struct {
	Name      string `json:"name"`
	Address   string `json:"address"`
	State     string `json:"state"`
	Condition string `json:"condition"`
	Hint      string `json:"hint"`
	Code      string `json:"code"`
}

// user runs the agent as somebody else than root.
type user struct {
	id     uint32
	groups []uint32
}

// start runs the agent with a list of devices and waits until it serves.
func start(t *T, devices string, as ...user) *agent {
	dir, err := os.MkdirTemp("/tmp", "till")
	t.ok(err)
	t.ok(os.Chmod(dir, 0o700))
	a := &agent{t: t, dir: dir}
	a.configure(devices)
	if len(as) > 0 {
		t.ok(os.Chown(dir, int(as[0].id), int(as[0].id)))
	}
	a.run(as...)
	return a
}

// level is how much agents log.
var level = "info"

// configure writes the agent's configuration with a list of devices.
func (a *agent) configure(devices string) {
	config := "till: {merchant: acme, store: sh-001, till: \"03\", language: en}\nhttp: {listen: \"127.0.0.1:0\"}\ncloud: {url: \"\"}\n" +
		"queue: {max_bytes: 64MiB, reserve_bytes: 4MiB}\nlog: {level: " + level + ", file: \"\"}\ndata_dir: " + a.dir + "/data\ndevices:\n" + devices
	a.t.ok(os.WriteFile(a.dir+"/tilld.yaml", []byte(config), 0o644))
}

// run starts the process.
func (a *agent) run(as ...user) {
	t := a.t
	log, err := os.OpenFile(a.dir+"/log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	t.ok(err)
	defer log.Close()
	a.cmd = command("/bin/tilld", "run", "--config", a.dir+"/tilld.yaml")
	a.cmd.Stdout, a.cmd.Stderr = log, log
	a.cmd.Env = []string{"PATH=/bin", "GOTRACEBACK=all"}
	if len(as) > 0 {
		a.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: as[0].id, Gid: as[0].id, Groups: as[0].groups}}
	}
	a.started = time.Now()
	t.ok(os.RemoveAll(a.dir + "/data/http-addr"))
	t.ok(a.cmd.Start())
	a.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) { cmd.Wait(); close(ended) }(a.cmd, a.ended)
	t.Cleanup(func() { a.stop() })
	t.wait("the agent serves", 60*time.Second, func() bool {
		select {
		case <-a.ended:
			t.Fatalf("the agent has ended:\n%s", a.log(3000))
		default:
		}
		addr, err := os.ReadFile(a.dir + "/data/http-addr")
		token, err2 := os.ReadFile(a.dir + "/data/api-token")
		a.url, a.token = "http://"+strings.TrimSpace(string(addr)), strings.TrimSpace(string(token))
		return err == nil && err2 == nil && len(addr) > 0
	})
	a.mu.Lock()
	a.news, a.more = nil, make(chan struct{})
	a.mu.Unlock()
	resp, err := a.request("GET", "/v1/events", nil)
	t.ok(err)
	go a.listen(resp.Body)
}

// listen takes the agent's stream.
func (a *agent) listen(body io.ReadCloser) {
	defer body.Close()
	r := bufio.NewReaderSize(body, 1<<20)
	name := ""
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		at := time.Now()
		line = strings.TrimRight(line, "\n")
		if v, ok := strings.CutPrefix(line, "event: "); ok {
			name = v
		}
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		it := item{at: at, name: name, raw: json.RawMessage(data)}
		if json.Unmarshal([]byte(data), &it) != nil && name == "device" {
			continue
		}
		a.mu.Lock()
		a.news = append(a.news, it)
		close(a.more)
		a.more = make(chan struct{})
		a.mu.Unlock()
	}
}

func (a *agent) request(method, path string, body any) (*http.Response, error) {
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, a.url+path, r)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return http.DefaultClient.Do(req)
}

// call asks the local API; into may be nil.
func (a *agent) call(method, path string, body, into any) int {
	resp, err := a.request(method, path, body)
	a.t.ok(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	a.t.ok(err)
	if into != nil {
		if err := json.Unmarshal(b, into); err != nil {
			a.t.Fatalf("%s %s: %v: %s", method, path, err, b)
		}
	}
	return resp.StatusCode
}

// device asks how a device stands.
func (a *agent) device(name string) device {
	var list struct{ Devices []device }
	a.call("GET", "/v1/status", nil, &list)
	for _, d := range list.Devices {
		if d.Name == name {
			return d
		}
	}
	a.t.Fatalf("the agent has no device %s: %v", name, list)
	return device{}
}

// mark is a place in the stream: what comes after it is new.
func (a *agent) mark() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.news)
}

// next returns the first event after a mark that f takes.
func (a *agent) next(mark int, what string, limit time.Duration, f func(item) bool) item {
	late := time.NewTimer(limit)
	defer late.Stop()
	for {
		a.mu.Lock()
		news, more := a.news[mark:], a.more
		a.mu.Unlock()
		for _, it := range news {
			if f(it) {
				return it
			}
			mark++
		}
		select {
		case <-more:
		case <-late.C:
			more := ""
			if a.t.doubt != nil {
				more = a.t.doubt()
			}
			a.t.Fatalf("not within %v: %s\n%s%s", limit, what, more, a.log(2500))
		case <-a.ended:
			a.t.Fatalf("the agent has ended, waiting for: %s\n%s", what, a.log(2500))
		}
	}
}

// state waits until a device is in a state, and returns when it got there.
func (a *agent) state(mark int, name, state string, limit time.Duration) item {
	return a.next(mark, name+" "+state, limit, func(it item) bool {
		return it.name == "device" && it.Name == name && it.State == state
	})
}

// is waits until a device is in a state, also if it was there before.
func (a *agent) is(name, state string, limit time.Duration) device {
	end := time.Now().Add(limit)
	for {
		mark := a.mark()
		d := a.device(name)
		if d.State == state {
			return d
		}
		if time.Now().After(end) {
			a.t.Fatalf("not within %v: %s is %s, not %s: %s [%s] %s\n%s", limit, name, d.State, state, d.Condition, d.Code, d.Hint, a.log(2500))
		}
		a.nudge(mark, time.Until(end))
	}
}

// nudge returns at the next event, or after a second.
func (a *agent) nudge(mark int, limit time.Duration) {
	a.mu.Lock()
	more, n := a.more, len(a.news)
	a.mu.Unlock()
	if n > mark {
		return
	}
	late := time.NewTimer(min(time.Second, max(limit, 0)))
	defer late.Stop()
	select {
	case <-more:
	case <-late.C:
	case <-a.ended:
	}
}

// scan waits for the news of a code that was scanned.
func (a *agent) scan(code string, limit time.Duration) item {
	a.t.doubt = func() string { return fmt.Sprintf("ledger %v\n%s", a.scans(0), a.metrics("tilld_scans")) }
	defer func() { a.t.doubt = nil }()
	return a.next(0, "a scan of "+code, limit, func(it item) bool { return it.name == "scan" && it.Code == code })
}

type scan struct {
	Seq    uint64
	Device string
	Code   string
}

// scans returns the scan ledger after seq.
func (a *agent) scans(after uint64) []scan {
	var list struct{ Scans []scan }
	a.call("GET", fmt.Sprintf("/v1/scans?after=%d", after), nil, &list)
	return list.Scans
}

// scanned waits for a code in the ledger.
func (a *agent) scanned(after uint64, code string, limit time.Duration) scan {
	end := time.Now().Add(limit)
	for {
		mark := a.mark()
		all := a.scans(after)
		for _, s := range all {
			if s.Code == code {
				return s
			}
		}
		if time.Now().After(end) {
			a.t.Fatalf("code %q is not in the ledger within %v: %v\n%s", code, limit, all, a.log(2500))
		}
		a.nudge(mark, time.Until(end))
	}
}

// half waits until the agent is in the middle of a scanner's code: what the cable
// lost before the agent saw any of it leaves no doubt about the rest.
func (a *agent) half(name string) {
	const pieces = 37 // where a note of scanner/torn counts the pieces in doubt
	a.t.wait("half a code is noted", 30*time.Second, func() bool {
		b, err := os.ReadFile(a.dir + "/data/torn/" + name)
		return err == nil && len(b) > pieces && b[pieces] > 0
	})
}

// stop ends the agent and returns how long that took.
func (a *agent) stop() time.Duration {
	select {
	case <-a.ended:
		return 0
	default:
	}
	began := time.Now()
	if err := a.cmd.Process.Signal(unix.SIGTERM); err != nil {
		a.t.Errorf("%v", err)
	}
	late := time.NewTimer(40 * time.Second)
	defer late.Stop()
	select {
	case <-a.ended:
	case <-late.C:
		a.cmd.Process.Signal(unix.SIGQUIT)
		<-a.ended
	}
	d := time.Since(began)
	if d > 5*time.Second {
		a.t.Errorf("the agent took %v to stop\n%s", d, a.log(3000))
	}
	return d
}

// log returns the end of what the agent logged.
func (a *agent) log(n int) string {
	b, err := os.ReadFile(a.dir + "/log")
	if err != nil {
		return err.Error()
	}
	if len(b) > n {
		b = b[len(b)-n:]
	}
	return string(b)
}

// descriptors counts what the agent has open.
func (a *agent) descriptors() int {
	list, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", a.cmd.Process.Pid))
	a.t.ok(err)
	return len(list)
}

// metrics returns the lines of the agent's figures that begin so.
func (a *agent) metrics(prefix string) string {
	resp, err := a.request("GET", "/metrics", nil)
	a.t.ok(err)
	defer resp.Body.Close()
	var out strings.Builder
	for r := bufio.NewScanner(resp.Body); r.Scan(); {
		if strings.HasPrefix(r.Text(), prefix) {
			out.WriteString(r.Text() + "\n")
		}
	}
	return out.String()
}

// metric reads one of the agent's figures.
func (a *agent) metric(name string) float64 {
	for line := range strings.Lines(a.metrics(name + " ")) {
		var v float64
		if _, err := fmt.Sscan(strings.TrimPrefix(line, name+" "), &v); err == nil {
			return v
		}
	}
	a.t.Fatalf("no metric %s", name)
	return 0
}
