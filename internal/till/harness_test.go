package till_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tilld/display"
	"tilld/internal/feed"
	"tilld/internal/health"
	"tilld/internal/lang"
	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/printer"
	"tilld/queue"
	"tilld/scanner"
	"tilld/scanner/code"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeCloud answers by type; a type without an answer is silent.
type fakeCloud struct {
	mu     sync.Mutex
	down   bool
	soon   chan struct{}
	waited int
	answer map[string]func(data json.RawMessage) (string, error)
	asked  []string // "type data"
}

func (c *fakeCloud) Up() bool { c.mu.Lock(); defer c.mu.Unlock(); return !c.down }

func (c *fakeCloud) Soon() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.soon != nil {
		c.waited++
	}
	return c.soon
}

// expect takes the link away; soon is closed when it is up or hopeless.
func (c *fakeCloud) expect(soon chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down, c.soon = true, soon
}

// waits is how often somebody was told to wait for the link.
func (c *fakeCloud) waits() int { c.mu.Lock(); defer c.mu.Unlock(); return c.waited }

func (c *fakeCloud) setDown(down bool) { c.mu.Lock(); defer c.mu.Unlock(); c.down = down }

func (c *fakeCloud) Ask(ctx context.Context, kind, sale, id string, data any) (json.RawMessage, error) {
	body, err := json.Marshal(data)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	if c.down {
		c.mu.Unlock()
		return nil, till.ErrLinkDown
	}
	c.asked = append(c.asked, kind+" "+string(body))
	f := c.answer[kind]
	c.mu.Unlock()
	if f == nil {
		<-ctx.Done()
		return nil, till.ErrNoAnswer
	}
	type reply struct {
		text string
		err  error
	}
	answered := make(chan reply, 1)
	go func() {
		text, err := f(body)
		answered <- reply{text, err}
	}()
	select {
	case a := <-answered:
		return json.RawMessage(a.text), a.err
	case <-ctx.Done():
		return nil, till.ErrNoAnswer
	}
}

// on sets the answer to a type; answer nil makes it silent.
func (c *fakeCloud) on(kind string, f func(data json.RawMessage) (string, error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer[kind] = f
}

func (c *fakeCloud) says(kind, text string) {
	c.on(kind, func(json.RawMessage) (string, error) { return text, nil })
}

func (c *fakeCloud) count(kind string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.asked {
		if strings.HasPrefix(a, kind+" ") {
			n++
		}
	}
	return n
}

// rig is a till on a real store in a temporary directory.
type rig struct {
	t      testing.TB
	dir    string
	o      till.Options
	store  *queue.Store
	till   *till.Till
	cloud  *fakeCloud
	stage  *display.Stage
	feed   *feed.Feed
	health *health.Board
	log    *strings.Builder
	stop   func()
	kicks  chan struct{}
	max    int64       // queue.Options.MaxBytes
	broken atomic.Bool // events cannot be made: a commit with one fails
	scans  int         // made by scanned
}

// impatient is for tests in which the cloud says nothing.
func impatient(o *till.Options) {
	o.RequestTimeout, o.LookupTimeout = 200*time.Millisecond, 200*time.Millisecond
}

// seal makes event bytes with the parts that the tests look at.
func seal(h queue.Header, m queue.Message) ([]byte, error) {
	return json.Marshal(map[string]any{
		"type": m.Type, "subject": m.Subject, "sequence": h.Sequence, "data": json.RawMessage(m.Data),
	})
}

type lockedWriter struct {
	mu sync.Mutex
	b  *strings.Builder
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func newRig(t testing.TB, change ...func(o *till.Options)) *rig {
	t.Helper()
	r := &rig{t: t, dir: filepath.Join(t.TempDir(), "data"), cloud: &fakeCloud{answer: map[string]func(json.RawMessage) (string, error){}}, log: &strings.Builder{}, kicks: make(chan struct{}, 100)}
	shanghai := time.FixedZone("CST", 8*3600)
	noon, began := time.Date(2026, 3, 14, 4, 0, 0, 0, time.UTC), time.Now()
	r.o = till.Options{
		Now:      func() time.Time { return noon.Add(time.Since(began)) }, // far from midnight
		Till:     till.TillStatus{Merchant: "acme", Store: "sh-001", Till: "03", Currency: "CNY", Timezone: "Asia/Shanghai", Language: "zh-CN"},
		Location: shanghai, Currency: "CNY", Language: lang.ZH, Cloud: r.cloud, Rules: code.DefaultRules(),
		Version: "test", BootID: "boot", RequestTimeout: 20 * time.Second, LookupTimeout: 20 * time.Second,
		ReceiptPrinter: "printer-1", Printers: []string{"printer-1"}, Scanners: []string{"scanner-1"},
		Receipt:    till.ReceiptConfig{QR: []till.Link{{Title: "加入社群", URL: "https://acme.example/g/{store}"}}, InvoiceURL: "https://acme.example/invoice"},
		KickDrawer: func(context.Context) error { r.kicks <- struct{}{}; return nil },
		Log:        slog.New(slog.NewTextHandler(&lockedWriter{b: r.log}, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range change {
		f(&r.o)
	}
	r.start()
	t.Cleanup(func() { r.halt() })
	return r
}

// start opens the store and runs a new engine on it.
func (r *rig) start() {
	r.t.Helper()
	store, err := queue.Open(context.Background(), queue.Options{Dir: r.dir, Seal: r.seal, MaxBytes: r.max, ReserveBytes: 1 << 20})
	if err != nil {
		r.t.Fatal(err)
	}
	r.store = store
	r.stage = display.NewStage(display.Scene{Kind: display.Idle})
	r.feed = feed.New(store.Boot())
	r.health = &health.Board{}
	o := r.o
	o.Store, o.Stage, o.Feed, o.Health = store, r.stage, r.feed, r.health
	if r.till, err = till.New(o); err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); r.till.Run(ctx) }()
	r.stop = func() { cancel(); <-done }
}

func (r *rig) seal(h queue.Header, m queue.Message) ([]byte, error) {
	if r.broken.Load() {
		return nil, errors.New("no event today")
	}
	return seal(h, m)
}

func (r *rig) halt() {
	if r.stop == nil {
		return
	}
	r.stop()
	r.stop = nil
	if err := r.store.Close(); err != nil {
		r.t.Error(err)
	}
}

func (r *rig) restart() { r.t.Helper(); r.halt(); r.start() }

// do runs a command and returns the sale it answers with.
func (r *rig) do(cmd any) sale.Sale {
	r.t.Helper()
	s, err := r.try(cmd)
	if err != nil {
		r.t.Fatalf("%T: %v", cmd, err)
	}
	return s
}

func (r *rig) try(cmd any) (sale.Sale, error) {
	r.t.Helper()
	var s sale.Sale
	a, err := r.till.Do(context.Background(), till.Call{Origin: "api"}, cmd)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(a.Body, &s); err != nil {
		r.t.Fatalf("%T answers %s: %v", cmd, a.Body, err)
	}
	return s, nil
}

// refused runs a command that must fail with a code.
func (r *rig) refused(code string, cmd any) {
	r.t.Helper()
	_, err := r.try(cmd)
	wantCode(r.t, err, code)
}

func wantCode(t testing.TB, err error, code string) {
	t.Helper()
	p, ok := errors.AsType[*sale.Problem](err)
	if !ok || p.Code != code {
		t.Fatalf("error is %v, want a problem %s", err, code)
	}
	if p.Detail.ZH == "" || p.Detail.EN == "" {
		t.Errorf("problem %s has no text in both languages", code)
	}
}

// event is an event of the journal as the tests see it.
type event struct {
	Type    string          `json:"type"`
	Subject string          `json:"subject"`
	Data    json.RawMessage `json:"data"`
}

func (r *rig) events(kind string) []event {
	r.t.Helper()
	list, err := r.store.Pending(0, 1<<20, 1<<30)
	if err != nil {
		r.t.Fatal(err)
	}
	var out []event
	for _, e := range list {
		var v event
		if err := json.Unmarshal(e.Body, &v); err != nil {
			r.t.Fatal(err)
		}
		if kind == "" || v.Type == "tilld."+kind+".v1" {
			out = append(out, v)
		}
	}
	return out
}

// until waits for what happens by itself.
func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			r.t.Fatalf("timed out waiting: %s\nscene %+v", what, r.scene())
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (r *rig) scene() display.Scene { sc, _ := r.stage.Now(); return sc }

func (r *rig) sale(id string) sale.Sale {
	r.t.Helper()
	s, err := r.till.Sale(id)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// open opens a sale with tea for 12.00 and rice for 30.50.
func (r *rig) open() sale.Sale {
	r.t.Helper()
	return r.do(sale.OpenSale{Cashier: "E-1", Items: []sale.Add{
		{SKU: "tea", Name: "乌龙茶", UnitPrice: money(1200)}, {SKU: "rice", Name: "大米", UnitPrice: money(3050)},
	}})
}

func money(m sale.Money) *sale.Money { return &m }

// scan has a code scanned and decided on, however long that takes.
func (r *rig) scan(data string) bool {
	r.t.Helper()
	return r.till.ScanThrough(scanner.Scan{Device: "scanner-1", At: time.Now(), Data: []byte(data)})
}

// scanSoon is scan as a driver does it: what takes long is decided on later.
func (r *rig) scanSoon(data string) bool {
	r.t.Helper()
	return r.till.Scan(context.Background(), scanner.Scan{Device: "scanner-1", At: time.Now(), Data: []byte(data)})
}

// printJob plays the printer for the next job.
func (r *rig) printJob(o printer.Outcome, e printer.Evidence) printer.Job {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	j, err := r.till.Next(ctx, "printer-1")
	if err == nil {
		err = r.till.Begin(ctx, "printer-1", j.ID)
	}
	if err == nil {
		err = r.till.End(ctx, j.ID, o, e, "")
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return j
}

// echo answers with the state and what the question says of the payment.
func echo(format string) func(json.RawMessage) (string, error) {
	return func(data json.RawMessage) (string, error) {
		var q struct {
			PaymentID string `json:"payment_id"`
			Amount    int64  `json:"amount"`
		}
		if err := json.Unmarshal(data, &q); err != nil {
			return "", err
		}
		return strings.NewReplacer("$id", q.PaymentID, "$amount", fmt.Sprint(q.Amount)).Replace(format), nil
	}
}
