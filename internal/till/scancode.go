package till

import (
	"context"
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
func (t *Till) scanCode(ctx context.Context, cmd ScanCode) (Answer, error) {
	if cmd.Code == "" || len(cmd.Code) > maxTyped {
		return Answer{}, problem(sale.CodeInvalid, "code", "条码不能为空，最多 2953 字节", "code must have 1 to 2953 bytes")
	}
	p := &pendingScan{scan: scanner.Scan{Device: typedDevice, At: time.Now(), Data: []byte(cmd.Code)}, done: make(chan bool, 1)}
	busy := problem(sale.CodeUnavailable, "", "收银机正忙，请稍后再扫", "the till is busy: scan again in a moment")
	if _, ok := t.queueScan(p); !ok {
		return Answer{}, busy
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		return Answer{}, busy
	}
	row := Scan{Seq: p.seq, Device: typedDevice}
	err := t.o.Store.View(func(tx *queue.Tx) error { return getJSON(tx, queue.Scans, queue.Key64(p.seq), &row) })
	return Answer{Body: mustJSON(row)}, err
}
