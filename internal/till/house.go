package till

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"time"

	"tilld/internal/sale"
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
	houseEvery  = time.Hour
	// houseBatch bounds the deletes of one transaction, so that a sale never
	// waits long behind the housekeeping.
	houseBatch = 500
)

// sweepStep bounds the records that are looked at in one go.
const sweepStep = 5000

// keepHouse has what is old dropped, beside everything else: deadlines do not
// wait for it. mu is held.
func (t *Till) keepHouse() {
	if t.sweeping {
		return // the last time is not over
	}
	t.sweeping = true
	t.spawn(func(ctx context.Context) {
		t.houseKeeping(ctx)
		t.mu.Lock()
		t.sweeping = false
		t.mu.Unlock()
	})
}

// houseKeeping drops what is old, in small transactions.
func (t *Till) houseKeeping(ctx context.Context) {
	t.mu.Lock()
	now := t.houseTime()
	t.watchCodes()
	t.spawn(t.cleanPrices)
	t.mu.Unlock()
	if t.o.Offline != nil {
		if _, err := t.proofKeys(); err != nil { // raises its condition
			t.log.Debug("payment while offline is not possible", "err", err)
		}
	}
	for _, job := range []func(ctx context.Context, now time.Time) error{t.dropAnswers, t.dropScans, t.dropJobs, t.dropSales, t.dropOnce} {
		if err := job(ctx, now); err != nil && ctx.Err() == nil {
			t.log.Warn("housekeeping", "err", err)
		}
	}
}

// sweep drops the records of b in [from, to) of which old says that they are;
// old may stop the search. It looks through short Views, since there may be
// many, and deletes in small transactions what is old then too. gone, which may
// be nil, deletes what leads to a record.
func (t *Till) sweep(ctx context.Context, b queue.Bucket, from, to []byte, old func(k, v []byte) (is, more bool), gone func(tx *queue.Tx, v []byte) error) error {
	for ctx.Err() == nil {
		var keys [][]byte
		var next []byte
		seen := 0
		err := t.o.Store.View(func(tx *queue.Tx) error {
			return tx.Range(b, from, to, func(k, v []byte) (bool, error) {
				if seen == sweepStep || len(keys) == houseBatch {
					next = k
					return false, nil
				}
				seen++
				is, more := old(k, v)
				if is {
					keys = append(keys, k)
				}
				return more, nil
			})
		})
		if err == nil && len(keys) > 0 {
			err = t.o.Store.Update(ctx, func(tx *queue.Tx) error {
				for _, k := range keys {
					if err := dropIf(tx, b, k, old, gone); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err != nil || next == nil {
			return err
		}
		from = next
	}
	return nil
}

func dropIf(tx *queue.Tx, b queue.Bucket, k []byte, old func(k, v []byte) (is, more bool), gone func(tx *queue.Tx, v []byte) error) error {
	v, err := tx.Get(b, k)
	if err != nil || v == nil {
		return err
	}
	if is, _ := old(k, v); !is {
		return nil
	}
	if gone != nil {
		if err := gone(tx, v); err != nil {
			return err
		}
	}
	return tx.Delete(b, k)
}

// dropOnce forgets what was used once in sales that are no longer kept.
func (t *Till) dropOnce(ctx context.Context, now time.Time) error {
	floor := ulidFloor(now.Add(-keepSales))
	if floor == "" {
		return nil
	}
	aged := func(_, v []byte) (bool, bool) { return string(v) < floor, true }
	kept := map[string]bool{}
	err := t.o.Store.View(func(tx *queue.Tx) error {
		return tx.Range(queue.Sales, nil, []byte(floor), func(k, _ []byte) (bool, error) { kept[string(k)] = true; return true, nil })
	})
	if err != nil {
		return err
	}
	return t.sweep(ctx, queue.Index, []byte("once/"), []byte("once0"), func(k, v []byte) (bool, bool) {
		is, more := aged(k, v)
		return is && !kept[string(v)], more
	}, nil)
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

func (t *Till) dropAnswers(ctx context.Context, now time.Time) error {
	return t.sweep(ctx, queue.Idem, nil, nil, func(_, v []byte) (bool, bool) {
		var k struct {
			At time.Time `json:"at"`
		}
		return json.Unmarshal(v, &k) == nil && now.Sub(k.At) > keepAnswers, true
	}, nil)
}

func (t *Till) dropScans(ctx context.Context, now time.Time) error {
	var last Scan
	err := t.o.Store.View(func(tx *queue.Tx) error {
		return tx.RangeBack(queue.Scans, nil, nil, func(_, v []byte) (bool, error) { return false, json.Unmarshal(v, &last) })
	})
	if err != nil {
		return err
	}
	return t.sweep(ctx, queue.Scans, nil, nil, func(_, v []byte) (bool, bool) {
		var row Scan
		if json.Unmarshal(v, &row) != nil {
			return false, true
		}
		is := now.Sub(row.At) > keepScans || row.Seq+maxScans <= last.Seq
		return is, is
	}, nil)
}

func (t *Till) dropJobs(ctx context.Context, now time.Time) error {
	return t.sweep(ctx, queue.Prints, nil, []byte("id/"), func(_, v []byte) (bool, bool) {
		var j printer.Job
		if json.Unmarshal(v, &j) != nil {
			return false, true
		}
		is := j.Outcome.Done() && now.Sub(j.Changed) > keepJobs
		return is, is || !j.Outcome.Done()
	}, func(tx *queue.Tx, v []byte) error {
		var j printer.Job
		if err := json.Unmarshal(v, &j); err != nil {
			return err
		}
		if err := tx.Delete(queue.Prints, []byte("id/"+j.ID)); err != nil || !j.Nameless {
			return err
		}
		entry := []byte("same/" + j.Digest)
		at, err := tx.Get(queue.Prints, entry)
		if err != nil || !bytes.Equal(at, queue.Key64(j.Sequence)) {
			return err // a newer equal job may be the one that is meant now
		}
		return tx.Delete(queue.Prints, entry)
	})
}

// dropSales drops ended sales and what they are found by. An id has the time of
// the clock that made it, which may have been years behind: the business day
// never goes back, so it counts too.
func (t *Till) dropSales(ctx context.Context, now time.Time) error {
	before := now.Add(-keepSales)
	to, day := ulidFloor(before), before.Format(time.DateOnly)
	if to == "" {
		return nil // a clock at the beginning of time
	}
	return t.sweep(ctx, queue.Sales, nil, []byte(to), func(_, v []byte) (bool, bool) {
		var s struct {
			ClosedAt *time.Time `json:"closed_at"`
			Day      string     `json:"day"`
		}
		return json.Unmarshal(v, &s) == nil && s.ClosedAt != nil && s.Day < day, true
	}, func(tx *queue.Tx, v []byte) error {
		var s sale.Sale
		if err := json.Unmarshal(v, &s); err != nil {
			return err
		}
		for _, key := range leads(s) {
			if err := tx.Delete(queue.Index, []byte(key)); err != nil {
				return err
			}
		}
		return nil
	})
}

// leads are the keys in bucket Index by which a sale is found. Those of payments
// by proof stay: no request has the nonce of another, ever.
func leads(s sale.Sale) (keys []string) {
	if s.Number > 0 {
		keys = append(keys, numberKey(s.Day, s.Number))
	}
	if s.State == sale.Void {
		keys = append(keys, voidKey(s.Day, s.ID))
	}
	if s.ExternalID != "" {
		keys = append(keys, "external/"+s.ExternalID)
	}
	for _, r := range s.Refunds {
		if r.Number > 0 {
			keys = append(keys, numberKey(r.Day, r.Number))
		}
	}
	for _, p := range append(slices.Clone(s.Payments), value(s.Payment)) {
		if p.ID != "" && !sale.IsOffline(p.ID) {
			keys = append(keys, "payment/"+p.ID)
		}
	}
	return keys
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
