package till

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"tilld/device"
	"tilld/display"
	"tilld/internal/feed"
	"tilld/internal/health"
	"tilld/internal/lang"
	"tilld/internal/sale"
	"tilld/printer"
	"tilld/queue"
)

// Till is one till. Safe for concurrent use; mu makes everything that happens
// one thing at a time.
type Till struct {
	o       Options
	log     *slog.Logger
	started time.Time

	mu      sync.Mutex
	machine sale.Machine
	rec     record
	set     settings
	stage   stageState
	spool   spool
	askers  map[string]*asker
	changed chan struct{} // closed after each commit
	drawer  rate
	// drawerForeign counts openings for sales that other programs keep.
	drawerForeign rate
	bounds        bounds // of pay codes
	sweeping      bool   // old records are being dropped
	looked        looked
	devices       deviceNews
	ahead         string // business day that is known not to have come; "" for none
	book          bookState
	running       context.Context
	deferred      []func(ctx context.Context) // what wants to run before Run was called

	bookMu   sync.Mutex // held while the price book is changed or cleaned; taken before mu
	entering atomic.Pointer[EnteringPrices]

	here      atomic.Pointer[people]
	claim     claim
	keys      keyLocks
	ids       idSource
	scans     chan *pendingScan
	undecided atomic.Int64 // scans that were taken and are not decided
	lost      losses       // codes that were not taken
	aheads    chan *ahead
	last      lastScans
	left      leftScans // of callers that hung up
	seen      bounces
	wake      chan struct{}
	wg        sync.WaitGroup
}

// record is what is stored as "machine": the book and what belongs beside it.
type record struct {
	Book    sale.Book `json:"book"`
	Live    []string  `json:"live"`              // ids of live sales
	ScanSeq uint64    `json:"scan_seq"`          // last number of the scan ledger
	JobSeq  uint64    `json:"job_seq"`           // last number of the spool
	Seen    time.Time `json:"seen"`              // clock at the last commit
	Doubt   time.Time `json:"doubt,omitzero"`    // Seen before the clock leapt, until the leap is confirmed or undone
	Leapt   time.Time `json:"leapt,omitzero"`    // where the clock leapt to then
	Offline int       `json:"offline,omitempty"` // payments taken by proof since there was a link
	Codes   codeCount `json:"codes,omitzero"`    // of pay codes instead of proofs
}

var machineKey = []byte("machine")

// New loads what the till knew when it stopped, books the restart and reports
// it. It needs the store; nothing runs before [Till.Run].
func New(o Options) (*Till, error) {
	if o.Store == nil {
		return nil, errors.New("till: no store")
	}
	if o.Offline != nil && (o.Sign == nil || o.Offline.Keys == nil || o.Till.Number == 0) {
		return nil, errors.New("till: offline payment needs a till number, a signer and the cloud's keys")
	}
	defaults(&o)
	if o.Offline != nil && o.Offline.Codes != nil {
		o.Rules = o.Rules.WithProofCodes()
	}
	t := &Till{
		o: o, log: o.Log, askers: map[string]*asker{}, seen: bounces{}, changed: make(chan struct{}),
		scans: make(chan *pendingScan, scanBacklog), aheads: make(chan *ahead, scanBacklog), wake: make(chan struct{}, 1),
		started: o.Now(),
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.load(); err != nil {
		return nil, err
	}
	if err := t.restart(); err != nil {
		return nil, err
	}
	if o.Board != nil {
		o.Board.Watch(t.deviceChanged)
	}
	return t, nil
}

func defaults(o *Options) {
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Currency == "" {
		o.Currency = "CNY"
	}
	if o.Language == "" {
		o.Language = lang.ZH
	}
	if o.Cloud == nil {
		o.Cloud = noCloud{}
	}
	if o.Feed == nil {
		o.Feed = feed.New(o.Store.Boot())
	}
	if o.Stage == nil {
		o.Stage = display.NewStage(display.Scene{Kind: display.Idle})
	}
	if o.Health == nil {
		o.Health = &health.Board{}
	}
	if o.Board == nil {
		o.Board = &device.Board{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	for _, d := range []struct {
		v *time.Duration
		d time.Duration
	}{{&o.QRTTL, 5 * time.Minute}, {&o.RequestTimeout, 10 * time.Second}, {&o.LookupTimeout, 2 * time.Second}, {&o.Bounce, 300 * time.Millisecond}} {
		if *d.v == 0 {
			*d.v = d.d
		}
	}
}

// noCloud is a till without a cloud.
type noCloud struct{}

func (noCloud) Up() bool              { return false }
func (noCloud) Soon() <-chan struct{} { return nil }
func (noCloud) Ask(context.Context, string, string, string, any) (json.RawMessage, error) {
	return nil, ErrLinkDown
}

// now is the present in the store's time zone, without monotonic part, so that
// what is stored and what is in memory are the same value.
func (t *Till) now() time.Time { return t.o.Now().In(t.o.Location).Round(0) }

// load reads book, live sales, settings and open print jobs.
func (t *Till) load() error {
	return t.o.Store.View(func(tx *queue.Tx) error {
		var rec record
		if err := getJSON(tx, queue.State, machineKey, &rec); err != nil {
			return err
		}
		live := make([]sale.Sale, 0, len(rec.Live))
		for _, id := range rec.Live {
			s, err := t.readSale(tx, id)
			if err != nil {
				return err
			}
			if s.ID == id {
				live = append(live, s)
			}
		}
		cfg := sale.Config{Currency: t.o.Currency, Location: t.o.Location, Receipts: t.o.ReceiptPrinter != ""}
		t.machine, t.rec = sale.New(cfg, rec.Book, live...), rec
		t.present()
		return errors.Join(t.loadSettings(tx), t.loadSpool(tx), getJSON(tx, queue.State, drawerKey, &t.drawer),
			getJSON(tx, queue.State, foreignDrawerKey, &t.drawerForeign), t.loadPrices(tx))
	})
}

// restart books that the agent started: what the cloud said before counts no
// more, jobs that were being sent are unknown.
func (t *Till) restart() error {
	x := t.begin()
	if err := x.step(sale.Restarted{At: x.at}); err != nil {
		return fmt.Errorf("till: restart: %w", err)
	}
	x.report("tilld.till.started.v1", t.o.BootID, startedData{
		Version: t.o.Version, BootID: t.o.BootID, Boot: t.o.Store.Boot(), Recovered: t.o.Store.Recovered(),
		OpenSales: len(x.m.Live()), Key: base64.RawURLEncoding.EncodeToString(t.o.PublicKey), At: x.at,
	})
	if back := t.rec.Seen.Sub(x.at); back > jumpLimit {
		t.log.Warn("the clock is before the last commit", "by", back)
		x.report("tilld.clock.jumped.v1", "", clockData{From: t.rec.Seen, To: x.at, JumpMS: -back.Milliseconds()})
	}
	if back := t.rec.Seen.Sub(x.at); back > tolerance {
		t.spool.move(-back)
	}
	t.interrupted(x)
	if err := x.commit(context.Background()); err != nil {
		return fmt.Errorf("till: restart: %w", err)
	}
	for _, s := range t.machine.Live() {
		for _, p := range s.Unsettled() {
			t.pursue(p.ID, "")
		}
		if s.RefundOf != "" {
			t.pursueReturn(s.ID)
		}
	}
	if r := t.o.Store.Recovered(); r != nil {
		t.o.Health.Raise(condRecovered, "queue", "reason", r.Reason)
	}
	return nil
}

// jumpLimit is how far the clock may be set back while the agent is stopped
// without being reported.
const jumpLimit = 2 * time.Second

// clockData is the data of tilld.clock.jumped.v1; jumps while the agent runs are
// seen and reported by the link.
type clockData struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	JumpMS int64     `json:"jump_ms"`
}

// startedData is the data of tilld.till.started.v1.
type startedData struct {
	Version   string          `json:"version"`
	BootID    string          `json:"boot_id"`
	Boot      uint32          `json:"boot"`                // starts of this data directory
	Recovered *queue.Recovery `json:"recovered,omitempty"` // damage found and repaired at this start
	OpenSales int             `json:"open_sales"`
	Key       string          `json:"key,omitempty"` // public half of the till's key, base64url
	At        time.Time       `json:"at"`
}

// Run processes scans, deadlines and questions to the cloud until ctx ends.
func (t *Till) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	t.mu.Lock()
	t.running = ctx
	for _, f := range t.deferred {
		t.wg.Go(func() { f(ctx) })
	}
	t.deferred = nil
	t.mu.Unlock()
	t.wg.Go(func() { t.readScans(ctx) })
	t.wg.Go(func() { t.askAhead(ctx) })
	t.tick(ctx)
	cancel()
	t.mu.Lock()
	t.running = nil
	t.mu.Unlock()
	t.wg.Wait()
	return nil
}

// spawn runs f until it returns or the engine stops. mu is held.
func (t *Till) spawn(f func(ctx context.Context)) {
	if t.running == nil {
		t.deferred = append(t.deferred, f)
		return
	}
	ctx := t.running
	t.wg.Go(func() { f(ctx) })
}

// tick acts on deadlines: pay codes, print jobs, scenes, device news, old records.
func (t *Till) tick(ctx context.Context) {
	house := t.now()
	for {
		t.mu.Lock()
		t.look()
		now, began := t.now(), time.Now()
		t.expirePayments(ctx, now)
		t.expireJobs(ctx, now)
		t.show()
		t.reportDevices(ctx, now)
		t.calendar(now)
		if !now.Before(house) || house.Sub(now) > houseEvery { // the clock may have been set back
			t.keepHouse()
			house = now.Add(houseEvery)
		}
		next := t.nextDeadline(now)
		t.mu.Unlock()
		// Not by a second look at the clock: it may have been set back since the first.
		wait := time.NewTimer(min(max(next.Sub(now)-time.Since(began), time.Millisecond), time.Minute))
		select {
		case <-ctx.Done():
			wait.Stop()
			return
		case <-wait.C:
		case <-t.wake:
			wait.Stop()
		}
	}
}

// nextDeadline is when tick has something to do at the latest.
func (t *Till) nextDeadline(now time.Time) time.Time {
	next := now.Add(time.Minute)
	if len(t.bounds) > 0 {
		next = now.Add(lookAgain)
	}
	earlier := func(at time.Time) {
		if !at.IsZero() && at.After(now) && at.Before(next) {
			next = at
		}
	}
	for _, s := range t.machine.Waiting() {
		for _, p := range s.Unsettled() {
			if !p.Withdrawn {
				at := t.expiry(p, now)
				if at.Before(p.ExpiresAt) && !at.After(now) { // it passed while this was decided
					at = now.Add(tolerance)
				}
				earlier(at)
			}
		}
	}
	for _, at := range t.stage.deadlines(t.machine.Book()) {
		earlier(at)
	}
	for _, j := range t.spool.open {
		if j.Outcome == printer.Queued {
			earlier(j.Expires)
		}
	}
	earlier(t.devices.due())
	return next
}

// nudge has tick look at its deadlines again.
func (t *Till) nudge() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// getJSON reads a stored record into v; an absent one leaves v alone.
func getJSON(tx *queue.Tx, b queue.Bucket, key []byte, v any) error {
	body, err := tx.Get(b, key)
	if err != nil || body == nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("till: record %s/%q: %w", b, key, err)
	}
	return nil
}

// mustJSON encodes our own plain values.
func mustJSON(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic("till: encode: " + err.Error()) // plain values only
	}
	return body
}
