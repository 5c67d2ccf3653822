package till

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"tilld/printer"
	"tilld/queue"
)

// How long records are kept after they have served their purpose.
const (
	keepAnswers = 7 * 24 * time.Hour   // answers behind idempotency keys and external ids
	keepScans   = 7 * 24 * time.Hour   // scans that nobody acks
	keepJobs    = 30 * 24 * time.Hour  // print jobs that are done
	keepSales   = 400 * 24 * time.Hour // ended sales, for returns
	maxScans    = 20_000
	// houseBatch bounds the deletes of one transaction, so that a sale never
	// waits long behind the housekeeping.
	houseBatch = 500
)

// houseKeeping drops what is old, in small transactions.
func (t *Till) houseKeeping(ctx context.Context) {
	now := t.now()
	t.mu.Lock()
	t.watchCodes()
	t.spawn(t.cleanPrices)
	t.mu.Unlock()
	if t.o.Offline != nil {
		if _, err := t.proofKeys(); err != nil { // raises its condition
			t.log.Debug("payment while offline is not possible", "err", err)
		}
	}
	for _, job := range []func(tx *queue.Tx, now time.Time) (int, error){t.dropAnswers, t.dropScans, t.dropJobs, t.dropSales} {
		for ctx.Err() == nil {
			n := 0
			err := t.o.Store.Update(ctx, func(tx *queue.Tx) (err error) {
				n, err = job(tx, now)
				return err
			})
			if err != nil && ctx.Err() == nil {
				t.log.Warn("housekeeping", "err", err)
			}
			if err != nil || n < houseBatch {
				break
			}
		}
	}
	if err := t.dropOnce(ctx, now); err != nil && ctx.Err() == nil {
		t.log.Warn("housekeeping", "err", err)
	}
}

// dropOnce forgets what was used once in sales that are no longer kept. It looks
// through a View, since there may be many, and deletes in small transactions.
func (t *Till) dropOnce(ctx context.Context, now time.Time) error {
	floor := ulidFloor(now.Add(-keepSales))
	for floor != "" && ctx.Err() == nil {
		var keys [][]byte
		err := t.o.Store.View(func(tx *queue.Tx) error {
			return tx.Range(queue.Index, []byte("once/"), []byte("once0"), func(k, v []byte) (bool, error) {
				if string(v) < floor {
					keys = append(keys, k)
				}
				return len(keys) < houseBatch, nil
			})
		})
		if err != nil || len(keys) == 0 {
			return err
		}
		err = t.o.Store.Update(ctx, func(tx *queue.Tx) error {
			for _, k := range keys {
				if err := tx.Delete(queue.Index, k); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// dropOld deletes up to houseBatch records of b in [from, to) that old says are
// old; old may stop the search.
func dropOld(tx *queue.Tx, b queue.Bucket, from, to []byte, old func(k, v []byte) (is, more bool)) (int, error) {
	var keys [][]byte
	err := tx.Range(b, from, to, func(k, v []byte) (bool, error) {
		is, more := old(k, v)
		if is {
			keys = append(keys, k)
		}
		return more && len(keys) < houseBatch, nil
	})
	if err != nil {
		return 0, err
	}
	for _, k := range keys {
		if err := tx.Delete(b, k); err != nil {
			return 0, err
		}
	}
	return len(keys), nil
}

func (t *Till) dropAnswers(tx *queue.Tx, now time.Time) (int, error) {
	return dropOld(tx, queue.Idem, nil, nil, func(_, v []byte) (bool, bool) {
		var k struct {
			At time.Time `json:"at"`
		}
		return json.Unmarshal(v, &k) == nil && now.Sub(k.At) > keepAnswers, true
	})
}

func (t *Till) dropScans(tx *queue.Tx, now time.Time) (int, error) {
	var last Scan
	err := tx.RangeBack(queue.Scans, nil, nil, func(_, v []byte) (bool, error) { return false, json.Unmarshal(v, &last) })
	if err != nil {
		return 0, err
	}
	return dropOld(tx, queue.Scans, nil, nil, func(_, v []byte) (bool, bool) {
		var row Scan
		if json.Unmarshal(v, &row) != nil {
			return false, true
		}
		is := now.Sub(row.At) > keepScans || row.Seq+maxScans <= last.Seq
		return is, is
	})
}

func (t *Till) dropJobs(tx *queue.Tx, now time.Time) (int, error) {
	var ids [][]byte
	var same []printer.Job
	n, err := dropOld(tx, queue.Prints, nil, []byte("id/"), func(_, v []byte) (bool, bool) {
		var j printer.Job
		if json.Unmarshal(v, &j) != nil {
			return false, true
		}
		is := j.Outcome.Done() && now.Sub(j.Changed) > keepJobs
		if is {
			ids = append(ids, []byte("id/"+j.ID))
			if j.Nameless {
				same = append(same, j)
			}
		}
		return is, is || !j.Outcome.Done()
	})
	for _, id := range ids {
		if derr := tx.Delete(queue.Prints, id); derr != nil {
			return n, derr
		}
	}
	for _, j := range same { // a newer equal job may be the one that is meant now
		entry := []byte("same/" + j.Digest)
		if at, derr := tx.Get(queue.Prints, entry); derr != nil {
			return n, derr
		} else if !bytes.Equal(at, queue.Key64(j.Sequence)) {
			continue
		}
		if derr := tx.Delete(queue.Prints, entry); derr != nil {
			return n, derr
		}
	}
	return n, err
}

func (t *Till) dropSales(tx *queue.Tx, now time.Time) (int, error) {
	to := ulidFloor(now.Add(-keepSales))
	if to == "" {
		return 0, nil // a clock at the beginning of time
	}
	return dropOld(tx, queue.Sales, nil, []byte(to), func(_, v []byte) (bool, bool) {
		var s struct {
			ClosedAt *time.Time `json:"closed_at"`
		}
		return json.Unmarshal(v, &s) == nil && s.ClosedAt != nil, true
	})
}
