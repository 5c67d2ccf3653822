package till

import (
	"context"
	"fmt"
	"sync"

	"tilld/internal/feed"
	"tilld/internal/sale"
	"tilld/scanner/code"
)

// claim is held by the program that reads the scanners.
type claim struct {
	mu   sync.Mutex
	who  string
	from func(device string) bool
	take func(row Scan, text string)
}

// ClaimScans gives what is scanned to another program, which keeps a basket of
// its own. Until release is called, each code that is read while no sale is
// current here, by a scanner of which from says so, is entered into the scan
// ledger, has no other effect, and is given to take, in order, after its commit.
// text is the whole code, also of a shopper's auth code or a member's, which the
// ledger does not hold: it must not be stored or logged. from and take must not
// block. One program reads the scanners at a time; for another one it fails with
// a problem that names who does.
func (t *Till) ClaimScans(who string, from func(device string) bool, take func(row Scan, text string)) (release func(), err error) {
	t.claim.mu.Lock()
	defer t.claim.mu.Unlock()
	if t.claim.take != nil {
		return nil, problem(sale.CodeUnavailable, "", "扫描枪正由另一个程序使用："+t.claim.who, "another program reads the scanners: "+t.claim.who)
	}
	t.claim.who, t.claim.from, t.claim.take = who, from, take
	t.log.Info("scanners are read by a program", "peer", who)
	var once sync.Once
	return func() {
		once.Do(func() {
			t.claim.mu.Lock()
			defer t.claim.mu.Unlock()
			t.claim.who, t.claim.from, t.claim.take = "", nil, nil
			t.log.Info("scanners are free again", "peer", who)
		})
	}, nil
}

// taker is the program that reads a scanner, nil when none does or a sale is
// current here.
func (t *Till) taker(device string) func(row Scan, text string) {
	t.claim.mu.Lock()
	from, take := t.claim.from, t.claim.take
	t.claim.mu.Unlock()
	if take == nil || device == typedDevice || !from(device) || t.currentID() != "" {
		return nil
	}
	return take
}

// claimed gives a scan to the program that reads its scanner, if there is one.
func (t *Till) claimed(ctx context.Context, row Scan, c code.Code, text string) (seq uint64, ok, done bool) {
	take := t.taker(row.Device)
	if take == nil {
		return 0, false, false
	}
	row.Kind = string(c.Kind)
	t.mu.Lock()
	x := t.begin()
	x.ledger(&row)
	x.after = append(x.after, func() { t.o.Feed.Publish(feed.Scan, row) })
	err := x.commit(ctx)
	t.mu.Unlock()
	if err != nil {
		t.log.Error("scan not entered", "dev", row.Device, "err", fmt.Errorf("for another program: %w", err))
		return 0, false, true
	}
	take(row, text)
	return row.Seq, true, true
}
