package dialect_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tilld/device"
	"tilld/internal/dialect"
	"tilld/internal/health"
	"tilld/internal/lang"
	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/printer"
)

// engine is a till with one printer and a spool of one job.
type engine struct {
	mu      sync.Mutex
	state   till.PrinterState
	job     till.PrintAnswer
	changed chan struct{}
	known   bool // the job was seen before
	refuse  error
	kicks   int
	gone    string // why the job was withdrawn
}

func newEngine() *engine {
	return &engine{state: till.PrinterState{Name: "p", Default: true, State: device.Ready}, changed: make(chan struct{})}
}

func (e *engine) set(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f()
	close(e.changed)
	e.changed = make(chan struct{})
}

func (e *engine) PrintForeign(_ context.Context, f till.ForeignJob) (till.PrintAnswer, bool, error) {
	if e.refuse != nil {
		return till.PrintAnswer{}, false, e.refuse
	}
	e.set(func() { e.job = till.PrintAnswer{JobID: "j", Printer: f.Printer, Outcome: printer.Queued} })
	return e.job, !e.known, nil
}

func (e *engine) ForeignJobNamed(string, string, string) (till.PrintAnswer, error) { return e.job, nil }

func (e *engine) AwaitJob(ctx context.Context, _ string, news <-chan struct{}) (till.PrintAnswer, error) {
	for {
		e.mu.Lock()
		j, changed := e.job, e.changed
		e.mu.Unlock()
		if j.Outcome.Done() {
			return j, nil
		}
		select {
		case <-changed:
		case <-news:
			return j, nil
		case <-ctx.Done():
			return j, nil
		}
	}
}

func (e *engine) WithdrawJob(_ context.Context, _, why string) (bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.job.Outcome != printer.Queued {
		return false, nil
	}
	e.job.Outcome, e.gone = printer.Failed, why
	return true, nil
}

func (e *engine) PrinterStates() []till.PrinterState {
	e.mu.Lock()
	defer e.mu.Unlock()
	return []till.PrinterState{e.state}
}

func (e *engine) ClaimScans(string, func(string) bool, func(till.Scan, string)) (func(), error) {
	return func() {}, nil
}

func (e *engine) Do(_ context.Context, _ till.Call, cmd any) (till.Answer, error) {
	if c, ok := cmd.(till.OpenDrawer); ok && c.Sale && strings.Contains(c.Reason, "page") {
		e.kicks++
	}
	return till.Answer{}, nil
}

func newDesk(e dialect.Engine) *dialect.Desk {
	return &dialect.Desk{
		Engine: e, Health: &health.Board{}, Log: slog.New(slog.DiscardHandler),
		Strip: func(b []byte) ([]byte, int) {
			clean := strings.ReplaceAll(string(b), "K", "")
			return []byte(clean), len(b) - len(clean)
		},
	}
}

func job(raw string) dialect.Job {
	return dialect.Job{ForeignJob: till.ForeignJob{Dialect: "test", Printer: "p", Raw: []byte(raw)}, Peer: "a page"}
}

func TestPrint(t *testing.T) {
	outcome := func(o printer.Outcome) func(*engine) {
		return func(e *engine) { e.set(func() { e.job.Outcome = o }) }
	}
	for _, c := range []struct {
		name  string
		then  func(*engine) // a second after the job was queued
		want  dialect.Cause
		after time.Duration
		gone  bool // the job was withdrawn
	}{
		{"confirmed", outcome(printer.Confirmed), dialect.Printed, time.Second, false},
		{"sent", outcome(printer.Sent), dialect.Printed, time.Second, false},
		{"unknown", outcome(printer.Uncertain), dialect.Unsure, time.Second, false},
		{"refused by the printer", outcome(printer.Failed), dialect.Refused, time.Second, false},
		{"others print", func(*engine) {}, dialect.Busy, 10 * time.Second, true},
		{"it is being printed at the end", func(e *engine) { e.set(func() { e.job.Outcome = printer.Sending }) }, dialect.Unsure, 10 * time.Second, false},
		{"no paper", func(e *engine) { e.set(func() { e.state.Wants = []printer.Want{printer.WantPaper} }) }, dialect.Paper, 3 * time.Second, true},
		{"pulled out", func(e *engine) { e.set(func() { e.state.State = device.Missing }) }, dialect.Absent, 3 * time.Second, true},
		{"paper runs out while it is being printed, and comes back", func(e *engine) {
			e.set(func() { e.job.Outcome, e.state.Wants = printer.Sending, []printer.Want{printer.WantPaper} })
			time.Sleep(5 * time.Second)
			e.set(func() { e.job.Outcome, e.state.Wants = printer.Confirmed, nil })
		}, dialect.Printed, 6 * time.Second, false},
		{"little paper is enough", func(e *engine) {
			e.set(func() { e.state.Wants = []printer.Want{printer.NearEnd} })
			time.Sleep(4 * time.Second)
			e.set(func() { e.job.Outcome = printer.Confirmed })
		}, dialect.Printed, 5 * time.Second, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			e := newEngine()
			d := newDesk(e)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			go func() { time.Sleep(time.Second); c.then(e) }()
			began := time.Now()
			r, err := d.Print(ctx, job("receipt"))
			took := time.Since(began)
			synctest.Wait()
			if err != nil || r.Cause != c.want || (e.gone != "") != c.gone {
				t.Errorf("%s: cause %q, withdrawn %q, %v; want %q, %v", c.name, r.Cause, e.gone, err, c.want, c.gone)
			}
			if took < c.after-time.Second || took > c.after+1500*time.Millisecond {
				t.Errorf("%s: answered after %v, want about %v", c.name, took, c.after)
			}
		})
	}
}

func TestKicks(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nobody waits
	for _, c := range []struct {
		name         string
		raw          string
		typed        int
		allow, known bool
		want         int
	}{
		{"cut out", "aKKb", 0, false, false, 0},
		{"meant", "aKKb", 0, true, false, 1},
		{"typed", "ab", 1, false, false, 1},
		{"nothing else", "", 1, false, false, 1},
		{"a retry of a job does not open it again", "ab", 1, false, true, 0},
	} {
		e := newEngine()
		e.known = c.known
		j := job(c.raw)
		j.Kicks, j.Drawer = c.typed, c.allow
		if _, err := newDesk(e).Print(ctx, j); err != nil || e.kicks != c.want {
			t.Errorf("%s: %d kicks, %v; want %d", c.name, e.kicks, err, c.want)
		}
	}
	e := newEngine()
	e.state.Default = false
	if err := newDesk(e).Kick(ctx, "test", "a page", "p"); err != dialect.ErrNoDrawer || e.kicks != 0 {
		t.Errorf("the drawer of a printer without one: %v, %d kicks", err, e.kicks)
	}
}

func TestRefusals(t *testing.T) {
	for code, want := range map[string]dialect.Cause{
		sale.CodeNoPrinter: dialect.NotKnown, sale.CodeJobConflict: dialect.Conflict, sale.CodeQueueFull: dialect.Busy, sale.CodeInvalid: dialect.Refused,
	} {
		e := newEngine()
		e.refuse = &sale.Problem{Code: code, Detail: lang.Text{EN: "because"}}
		if r, err := newDesk(e).Print(t.Context(), job("x")); err != nil || r.Cause != want || r.Reason != "because" {
			t.Errorf("%s: %+v, %v; want %s", code, r, err, want)
		}
	}
}

func TestGuard(t *testing.T) {
	g := dialect.Guard{Origins: []string{"https://pos.example.cn"}}
	for _, c := range []struct {
		host, origin, site string
		want               bool
	}{
		{"127.0.0.1:8182", "https://pos.example.cn", "cross-site", true},
		{"localhost:8182", "https://pos.example.cn", "", true},
		{"[::1]:8182", "", "", true},
		{"127.0.0.1", "", "none", true},
		{"127.0.0.1:8182", "https://evil.example", "cross-site", false},
		{"127.0.0.1:8182", "null", "", false},
		{"127.0.0.1:8182", "https://pos.example.cn.evil.example", "", false},
		{"127.0.0.1:8182", "", "cross-site", false},
		{"127.0.0.1:8182", "", "same-site", false},
		{"rebound.example:8182", "", "", false},
		{"rebound.example:8182", "https://pos.example.cn", "", false},
		{"192.168.1.5:8182", "", "", false},
	} {
		r := httptest.NewRequest("POST", "/", nil)
		r.Host = c.host
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if c.site != "" {
			r.Header.Set("Sec-Fetch-Site", c.site)
		}
		if name, ok := g.Peer(r); ok != c.want || name == "" {
			t.Errorf("%+v: %v (%s)", c, ok, name)
		}
	}
	r := httptest.NewRequest("POST", "/", nil)
	r.Host = "127.0.0.1:1"
	r.Header["Origin"] = []string{"https://pos.example.cn", "https://evil.example"}
	if _, ok := g.Peer(r); ok {
		t.Error("two origins were let in")
	}
}
