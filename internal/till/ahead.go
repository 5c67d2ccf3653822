package till

import (
	"context"
	"crypto/sha256"
	"sync"

	"tilld/scanner"
	"tilld/scanner/code"
)

// maxAhead is how many prices the cloud is asked for at once.
const maxAhead = 256

// ahead is a price that the cloud is asked for while its scan still waits for
// its turn. Goods stay in order, but a hundred unknown codes do not wait for a
// hundred answers one after the other.
type ahead struct {
	c    code.Code
	done chan struct{} // closed when the rest is set
	none bool          // nobody asked after all
	f    finding
	err  error
}

// foresee returns what can be asked about a scan before its turn, nil when
// nothing can. Only prices can: whatever a code means when its turn comes, a
// product is one in every state, and never a shopper's auth code.
func (t *Till) foresee(s scanner.Scan) *ahead {
	c := t.o.Rules.Classify(code.Basket, s.AIM, s.Data)
	switch c.Kind {
	case code.Product, code.Weighed, code.ItemCode:
	default:
		return nil
	}
	if c != t.o.Rules.Classify(code.AwaitingPayment, s.AIM, s.Data) || t.taker(s.Device) != nil {
		return nil
	}
	return &ahead{c: c, done: make(chan struct{})}
}

// askAhead asks about waiting scans, in their order.
func (t *Till) askAhead(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	room := make(chan struct{}, maxAhead)
	for {
		var a *ahead
		select {
		case <-ctx.Done():
			return
		case a = <-t.aheads:
		}
		if _, here, err := t.findHere(a.c); here || err != nil || !t.o.Cloud.Up() && t.o.Cloud.Soon() == nil {
			a.decline()
			continue
		}
		select {
		case <-ctx.Done():
			return
		case room <- struct{}{}:
		}
		all.Go(func() {
			defer func() { close(a.done); <-room }()
			a.f, a.err = t.findPrice(ctx, a.c, t.currentID())
		})
	}
}

// decline says that nobody asks before the scan's turn.
func (a *ahead) decline() {
	a.none = true
	close(a.done)
}

// answerTo is [Till.find] for a scan whose price may have been asked for ahead.
func (t *Till) answerTo(ctx context.Context, a *ahead, c code.Code, saleID string) (finding, error) {
	if a == nil || a.c != c {
		return t.find(ctx, c, saleID)
	}
	select {
	case <-a.done:
	case <-ctx.Done():
		return finding{}, ctx.Err()
	}
	if a.none {
		return t.find(ctx, c, saleID)
	}
	return a.f, a.err
}

// lastScans is what each scanner read last: nobody is asked about a bounce.
type lastScans struct {
	mu   sync.Mutex
	hash map[string][32]byte // by device
}

// is reports whether s is what its scanner read last, and remembers it.
func (l *lastScans) is(s scanner.Scan) bool {
	sum := sha256.Sum256(s.Data)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hash[s.Device] == sum {
		return true
	}
	if l.hash == nil {
		l.hash = map[string][32]byte{}
	}
	l.hash[s.Device] = sum
	return false
}
