package till

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tilld/internal/feed"
	"tilld/internal/sale"
	"tilld/queue"
	"tilld/scanner"
	"tilld/scanner/code"
)

const (
	// scanBacklog is how many scans may wait: four scanners as fast as is believed,
	// for ten seconds.
	scanBacklog = 4096
	// hurry is how many scans wait when a scanner is not kept waiting for what
	// becomes of its code.
	hurry = 8
	// answerWithin is how long Scan waits for what becomes of a scan.
	answerWithin = 40 * time.Millisecond
	// lossShown is how long a loss of codes is shown at least.
	lossShown = time.Minute
)

// pendingScan is a scan that waits for its turn.
type pendingScan struct {
	scan  scanner.Scan
	done  chan bool
	seq   uint64       // number in the ledger, set before done
	state atomic.Int32 // 0 waited for, 1 answered, 2 nobody waits any more
	ahead *ahead       // its price, nil when nobody asks for it before its turn
}

// Scan takes one scan; scans are processed in the order of the calls. false
// asks the scanner for its bad beep. It returns within about 50 ms: when the
// cloud has to be asked first it returns true, and Options.Answer tells the
// scanner if the code is refused after all.
func (t *Till) Scan(ctx context.Context, s scanner.Scan) bool {
	p := &pendingScan{scan: s, done: make(chan bool, 1)}
	waiting, ok := t.queueScan(p)
	if !ok {
		t.ScansLost(s.Device)
		return false
	}
	within := answerWithin
	if waiting > hurry {
		within = 0
	}
	late := time.NewTimer(within)
	defer late.Stop()
	select {
	case ok := <-p.done:
		return ok
	case <-late.C:
	case <-ctx.Done():
	}
	if p.state.CompareAndSwap(0, 2) {
		return true
	}
	return <-p.done
}

// ScansLost says that codes of a scanner were not taken: more came than its
// driver believes, or more than may wait here.
func (t *Till) ScansLost(device string) {
	t.lost.Lock()
	defer t.lost.Unlock()
	if t.lost.at == nil {
		t.lost.at = map[string]time.Time{}
	}
	t.lost.at[device] = t.now()
	t.lost.count++
	t.o.Health.Raise(condScansLost, device)
}

// LostScans is how often codes were not taken since the start.
func (t *Till) LostScans() uint64 {
	t.lost.Lock()
	defer t.lost.Unlock()
	return t.lost.count
}

// scansTaken takes the condition down with a scan that comes lossShown after the
// last loss: what still waited then is no sign that somebody has looked.
func (t *Till) scansTaken(device string) {
	t.lost.Lock()
	defer t.lost.Unlock()
	if at, ok := t.lost.at[device]; ok && t.now().Sub(at).Abs() >= lossShown {
		delete(t.lost.at, device)
		t.o.Health.Clear(condScansLost, device)
	}
}

// losses are the codes that were not taken.
type losses struct {
	sync.Mutex
	count uint64
	at    map[string]time.Time // of the last one, by scanner
}

// queueScan has a scan wait for its turn, behind so many others; false when too
// many do. If it is not its turn at once, its price is asked for meanwhile.
func (t *Till) queueScan(p *pendingScan) (before int, ok bool) {
	before = int(t.undecided.Add(1)) - 1
	if bounced := t.last.is(p.scan); before > 0 && !bounced {
		p.ahead = t.foresee(p.scan)
	}
	select {
	case t.scans <- p:
	default:
		t.undecided.Add(-1)
		return before, false
	}
	if p.ahead != nil {
		select {
		case t.aheads <- p.ahead:
		default:
			p.ahead.decline()
		}
	}
	return before, true
}

// readScans processes scans one at a time, so that goods stay in order.
func (t *Till) readScans(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-t.scans:
			ok := t.scan(ctx, p)
			t.undecided.Add(-1)
			if p.state.CompareAndSwap(0, 1) {
				p.done <- ok
			} else if t.o.Answer != nil {
				t.o.Answer(p.scan.Device, ok)
			}
			if len(t.scans) == 0 {
				t.scansTaken(p.scan.Device)
			}
		}
	}
}

// bounce is a code as it was read last.
type bounce struct {
	at      time.Time
	ok      bool
	seq     uint64
	repeats int
}

// bounces remembers, by device and hash, what was read a moment ago. Only
// readScans uses it.
type bounces map[[32]byte]bounce

// scan processes one scan and says whether it had its effect.
func (t *Till) scan(ctx context.Context, p *pendingScan) bool {
	s := p.scan
	if s.At.IsZero() {
		s.At = t.now()
	}
	key := sha256.Sum256(append([]byte(s.Device+"\x00"), s.Data...))
	for k, b := range t.seen {
		if s.At.Sub(b.at) > t.o.Bounce || s.At.Before(b.at) {
			delete(t.seen, k)
		}
	}
	if b, again := t.seen[key]; again {
		b.at, b.repeats = s.At, b.repeats+1
		t.seen[key], p.seq = b, b.seq
		t.repeated(ctx, b)
		return b.ok
	}
	seq, ok := t.scanOnce(ctx, s, p.ahead)
	t.seen[key], p.seq = bounce{at: s.At, ok: ok, seq: seq}, seq
	return ok
}

// repeated counts a bounce in the ledger.
func (t *Till) repeated(ctx context.Context, b bounce) {
	err := t.o.Store.Update(context.WithoutCancel(ctx), func(tx *queue.Tx) error {
		var row Scan
		if err := getJSON(tx, queue.Scans, queue.Key64(b.seq), &row); err != nil || row.Seq == 0 {
			return err // acked already
		}
		row.Repeats = b.repeats
		return tx.Put(queue.Scans, queue.Key64(b.seq), mustJSON(row))
	})
	if err != nil {
		t.log.Error("bounce not counted", "seq", b.seq, "err", err)
	}
}

// scanOnce enters a scan into the ledger and lets it have its effect, in one
// commit unless the cloud has to be asked in between.
func (t *Till) scanOnce(ctx context.Context, s scanner.Scan, a *ahead) (uint64, bool) {
	c := t.classify(s.AIM, s.Data)
	row := Scan{Device: s.Device, At: s.At.In(t.o.Location), AIM: cut(s.AIM, 8), Kind: string(c.Kind), Code: forLedger(c)}
	if seq, ok, done := t.claimed(ctx, row, c, string(s.Data)); done {
		return seq, ok
	}
	if c.Kind == code.AuthCode {
		return t.scanAuthCode(ctx, row, c)
	}
	if c.Kind == code.Proof || c.Kind == code.ProofCode {
		return t.scanProof(ctx, row, c)
	}
	basket := t.currentID() // a scan never goes into another sale than this
	f, here, err := t.findHere(c)
	if !here && err == nil {
		if row.Seq, err = t.enter(ctx, row); err == nil {
			f, err = t.answerTo(ctx, a, c, basket)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		err = t.effect(ctx, &row, f, basket)
	}
	if err != nil {
		return t.refuse(ctx, row, err), false
	}
	return row.Seq, true
}

// forLedger is what the ledger may hold of a code: never an auth code, of a
// member's number, and of codes that whoever has them can use, only the end.
func forLedger(c code.Code) string {
	switch c.Kind {
	case code.AuthCode, code.Proof, code.ProofCode:
		return ""
	case code.Member, code.Coupon, code.Pickup, code.Handover, code.Token:
		return ending(c.Text)
	}
	if n := len(c.Text); c.GTIN == "" && c.SKU == "" && n >= 16 && n <= 24 && strings.Trim(c.Text, "0123456789") == "" {
		return ending(c.Text) // may be the auth code of a scheme without a rule
	}
	return cut(c.Text, scanner.MaxData)
}

func (t *Till) currentID() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.machine.Book().Current
}

// enter commits a scan to the ledger before the cloud is asked about it.
func (t *Till) enter(ctx context.Context, row Scan) (uint64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.begin()
	x.ledger(&row)
	return row.Seq, x.commit(ctx)
}

// ledger adds a row to the commit, or its new state.
func (x *txn) ledger(row *Scan) {
	if row.Seq == 0 {
		x.rec.ScanSeq++
		row.Seq = x.rec.ScanSeq
	}
	key, body := queue.Key64(row.Seq), mustJSON(row)
	x.writes = append(x.writes, func(tx *queue.Tx) error { return tx.Put(queue.Scans, key, body) })
}

// effect books what a scan stands for in the sale that was current when it was
// scanned, or in the present one when there was none. mu is held.
func (t *Till) effect(ctx context.Context, row *Scan, f finding, basket string) error {
	x := t.begin()
	if basket == "" {
		basket = x.m.Book().Current
	}
	entry := *row
	if entry.Seq == 0 {
		entry.Seq = x.rec.ScanSeq + 1 // so that the line item can name it
		x.rec.ScanSeq = entry.Seq
	}
	if err := x.apply(f, basket, entry.Seq); err != nil {
		return err
	}
	if s := x.about; s != "" {
		entry.SaleID = s
	}
	x.ledger(&entry)
	x.after = append(x.after, func() { t.o.Feed.Publish(feed.Scan, entry) })
	if err := x.commit(ctx); err != nil {
		return err
	}
	*row = entry
	return nil
}

// refuse enters a scan that has no effect, tells everybody why, and returns
// its number. mu is held.
func (t *Till) refuse(ctx context.Context, row Scan, cause error) uint64 {
	p, ok := errors.AsType[*sale.Problem](cause)
	if !ok {
		t.log.Error("scan without effect", "dev", row.Device, "err", cause)
		p = problem(sale.CodeUnavailable, "", "暂时无法处理，请重试", "it could not be processed; scan it again")
	}
	seq := t.enterRefused(ctx, row, p)
	if p.Code != sale.CodeQueueFull { // that has its own message
		title := wordCannotScan
		if row.Kind == string(code.Proof) || row.Kind == string(code.ProofCode) {
			title = wordProofRefused
		}
		t.say(t.word(title), t.word(p.Detail))
	}
	return seq
}

// enterRefused is refuse without a word on the customer screen.
func (t *Till) enterRefused(ctx context.Context, row Scan, p *sale.Problem) uint64 {
	row.Refused = &Refusal{Code: p.Code, Detail: t.word(p.Detail)}
	x := t.begin()
	x.ledger(&row)
	x.after = append(x.after, func() { t.o.Feed.Publish(feed.Scan, row) })
	if err := x.commit(ctx); err != nil {
		t.log.Error("refused scan not entered", "dev", row.Device, "err", err)
	}
	return row.Seq
}

// scanAuthCode has a shopper's auth code collected while a payment is awaited.
// The code itself goes nowhere but into that question.
func (t *Till) scanAuthCode(ctx context.Context, row Scan, c code.Code) (uint64, bool) {
	saleID := t.currentID()
	seq, err := t.enter(ctx, row)
	row.Seq = seq
	if err == nil {
		t.mu.Lock()
		awaited := t.scanState() == code.AwaitingPayment
		var amount *sale.Money
		if t.stage.armedFor(saleID, t.now()) {
			amount = t.stage.armedAmount
		}
		t.mu.Unlock()
		if awaited {
			_, _, err = t.startPayment(ctx, Call{Origin: "scan"}, sale.Pay{Sale: saleID, Method: "collect", Amount: amount}, c.Text)
		} else {
			_, _, err = t.findHere(c)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		return t.refuse(ctx, row, err), false
	}
	row.SaleID = saleID
	x := t.begin()
	x.ledger(&row)
	x.after = append(x.after, func() { t.o.Feed.Publish(feed.Scan, row) })
	if err := x.commit(ctx); err != nil {
		t.log.Error("scan not entered", "dev", row.Device, "err", err)
	}
	return row.Seq, true
}

// Scans lists the scan ledger after a number; next is where to go on, 0 at the
// end.
func (t *Till) Scans(after uint64, limit int) (list []Scan, next uint64, err error) {
	list = []Scan{}
	limit = bounded(limit)
	err = t.o.Store.View(func(tx *queue.Tx) error {
		return tx.Range(queue.Scans, queue.Key64(after+1), nil, func(_, v []byte) (bool, error) {
			if len(list) == limit {
				next = list[limit-1].Seq
				return false, nil
			}
			var row Scan
			if err := json.Unmarshal(v, &row); err != nil {
				return false, err
			}
			list = append(list, row)
			return true, nil
		})
	})
	return list, next, err
}

// ackScan takes rows out of the ledger.
func (t *Till) ackScan(ctx context.Context, c Call, cmd AckScan) (Answer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if cmd.Seq == 0 || cmd.Seq > t.rec.ScanSeq {
		return Answer{}, problem(sale.CodeNotFound, "seq", "没有这条扫描记录", "there is no such scan")
	}
	x := t.begin()
	x.writes = append(x.writes, func(tx *queue.Tx) error {
		return dropBefore(tx, queue.Scans, nil, queue.Key64(cmd.Seq+1))
	})
	answer := x.answer(c, false, map[string]uint64{"acked": cmd.Seq})
	return answer, x.commit(ctx)
}

// dropBefore deletes the keys in [from, to).
func dropBefore(tx *queue.Tx, b queue.Bucket, from, to []byte) error {
	var keys [][]byte
	err := tx.Range(b, from, to, func(k, _ []byte) (bool, error) {
		keys = append(keys, k)
		return true, nil
	})
	for _, k := range keys {
		err = errors.Join(err, tx.Delete(b, k))
	}
	return err
}

// bounded is a page size within the contract's limits.
func bounded(limit int) int {
	if limit <= 0 {
		return 100
	}
	return min(limit, 1000)
}
