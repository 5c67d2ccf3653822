package till

import (
	"context"
	"slices"
	"sync"
	"time"

	"tilld/internal/sale"
	"tilld/queue"
	"tilld/scanner"
)

// typedDevice is the scanner in the ledger of codes that came through the API.
const typedDevice = "cashier"

// maxTyped bounds such a code, in bytes.
const maxTyped = 2953

// scanCode has a code go through the same door as a scan: goods, members,
// coupons, pickups, badges; while a payment is awaited, what pays. It answers
// with the row of the scan ledger, which says when and why the code was refused.
func (t *Till) scanCode(ctx context.Context, c Call, cmd ScanCode) (Answer, error) {
	if cmd.Code == "" || len(cmd.Code) > maxTyped {
		return Answer{}, problem(sale.CodeInvalid, "code", "条码不能为空，最多 2953 字节", "code must have 1 to 2953 bytes")
	}
	busy := problem(sale.CodeUnavailable, "", "收银机正忙，请稍后再扫", "the till is busy: scan again in a moment")
	p, again := t.left.take(c.Key)
	switch {
	case again && p.fingerprint != c.Fingerprint:
		t.left.put(c.Key, p)
		return t.repeat(ctx, c, keptAnswer{Fingerprint: p.fingerprint})
	case !again:
		p = leftScan{c.Fingerprint, &pendingScan{scan: scanner.Scan{Device: typedDevice, At: time.Now(), Data: []byte(cmd.Code)}, done: make(chan bool, 1)}}
		if _, ok := t.queueScan(p.pendingScan); !ok {
			return Answer{}, busy
		}
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		t.left.put(c.Key, p)
		return Answer{}, busy
	}
	row := Scan{Seq: p.seq, Device: typedDevice}
	err := t.o.Store.View(func(tx *queue.Tx) error { return getJSON(tx, queue.Scans, queue.Key64(p.seq), &row) })
	return Answer{Body: mustJSON(row)}, err
}

// leftScan is a scan that waits for its turn, or for the cloud, while its caller
// has hung up.
type leftScan struct {
	fingerprint string
	*pendingScan
}

// maxLeft is how many such scans are remembered: far more than callers that hang
// up within the few seconds that a scan takes at most.
const maxLeft = 64

// leftScans are scans by the Idempotency-Key of their calls: a caller that asks
// again gets the answer to the scan that is there, not a second one. They are
// gone when the agent ends, and their scans with them.
type leftScans struct {
	mu   sync.Mutex
	keys []string
	at   map[string]leftScan
}

// take gives the scan that a call with this key left.
func (l *leftScans) take(key string) (leftScan, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, ok := l.at[key]
	if ok {
		delete(l.at, key)
		l.keys = slices.DeleteFunc(l.keys, func(k string) bool { return k == key })
	}
	return p, ok
}

// put remembers a scan; a call without a key cannot ask for it again.
func (l *leftScans) put(key string, p leftScan) {
	if key == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at == nil {
		l.at = map[string]leftScan{}
	}
	if len(l.keys) == maxLeft {
		delete(l.at, l.keys[0])
		l.keys = l.keys[1:]
	}
	l.at[key], l.keys = p, append(l.keys, key)
}
