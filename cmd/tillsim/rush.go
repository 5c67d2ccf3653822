package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"tilld/internal/cloud"
)

// Normal traffic of one till.
const (
	normalScans = 0.5 // a second
	normalCalls = 1.0 // of the local API, a second
)

// rush is work that must not suffer: scans from all scanners of the shop and
// calls of the API, in parallel, at a multiple of the normal rate.
type rush struct {
	shop *shop
	rate float64 // times normal
	goes []cloud.Article
	// first is where each scanner begins in goes: the last code of a run before
	// must not come again at once, or it is taken for one reading.
	first int

	mu     sync.Mutex
	sent   map[string][]sentScan // by device, in order
	heard  map[string]int        // scan events so far, by device
	scans  []time.Duration       // scan → its event on the stream
	calls  []time.Duration
	items  int // added over the API
	closed []string
	late   int // scans refused because their sale was paid in that moment
	errs   []error
	probed chan struct{}
}

// probe is scanned until the stream tells it.
const probe = "6999999999994"

type sentScan struct {
	code string
	at   time.Time
}

// peakBook is what is sold on a peak day: so many articles that a scanner which
// makes up for lost time does not read one again within a moment, which would be
// one reading.
func peakBook() (list []cloud.Article) {
	for i := range 400 {
		list = append(list, cloud.Article{SKU: fmt.Sprintf("PEAK-%03d", i), GTIN: gtin(i), Name: fmt.Sprintf("商品 %d", i), UnitPrice: 100 + int64(i)})
	}
	return list
}

func newRush(s *shop, rate float64) *rush {
	return &rush{shop: s, rate: rate, goes: peakBook(), sent: map[string][]sentScan{}, heard: map[string]int{}, probed: make(chan struct{}, 1)}
}

// run works for d and returns once all that was begun has ended.
func (r *rush) run(ctx context.Context, d time.Duration) error {
	token, err := r.shop.api.token()
	if err != nil {
		return err
	}
	var listen, work sync.WaitGroup
	hearing, deaf := context.WithCancel(ctx)
	open := make(chan struct{})
	listen.Go(func() {
		readEvents(hearing, r.shop.api.base+"/v1/events", token, func(f frame) {
			if f.event == "scan" {
				r.hear(f)
			}
		})
	})
	// The stream is there once a scan made now is heard on it.
	go func() {
		defer close(open)
		for hearing.Err() == nil {
			if r.shop.scanners[0].Scan(probe) != nil {
				return
			}
			select {
			case <-hearing.Done():
			case <-r.probed:
				return
			case <-time.After(400 * time.Millisecond):
			}
		}
	}()
	<-open
	busy, stop := context.WithTimeout(ctx, d)
	defer stop()
	for i := range r.shop.scanners {
		work.Go(func() {
			r.pace(busy, normalScans*r.rate/float64(len(r.shop.scanners)), func(n int) error { return r.scan(i, r.goes[(n+r.first)%len(r.goes)].GTIN) })
		})
	}
	const hands = 8
	for i := range hands {
		work.Go(func() { r.pace(busy, normalCalls*r.rate/hands, func(n int) error { return r.call(ctx, i, n) }) })
	}
	work.Go(func() { r.pace(busy, normalScans*r.rate/40, func(int) error { return r.pay(ctx) }) })
	work.Wait()
	err = r.allHeard(ctx)
	deaf()
	listen.Wait()
	return errors.Join(append(r.errs, err)...)
}

// pace calls f at a steady rate until ctx ends; a call that is late is made up
// for, not left out.
func (r *rush) pace(ctx context.Context, perSecond float64, f func(n int) error) {
	gap := time.Duration(float64(time.Second) / perSecond)
	due := time.Now().Add(time.Duration(rand.Int64N(int64(gap))))
	for n := 0; ; n++ {
		wait := time.NewTimer(time.Until(due))
		select {
		case <-ctx.Done():
			wait.Stop()
			return
		case <-wait.C:
		}
		due = due.Add(gap)
		if err := f(n); err != nil {
			r.mu.Lock()
			if len(r.errs) < 5 {
				r.errs = append(r.errs, err)
			}
			r.mu.Unlock()
		}
	}
}

func (r *rush) scan(scanner int, code string) error {
	name := fmt.Sprintf("scanner-%d", scanner+1)
	r.mu.Lock()
	r.sent[name] = append(r.sent[name], sentScan{code, time.Now()})
	r.mu.Unlock()
	return r.shop.scanners[scanner].Scan(code)
}

// lines is how many the closed sales have to have.
func (r *rush) lines() int {
	sent, _ := r.total()
	return sent - r.late + r.items
}

// hear matches a scan event with what that scanner read: in the same order.
func (r *rush) hear(f frame) {
	var row struct {
		Device, Code string
		Refused      *struct{ Code string }
	}
	err := json.Unmarshal([]byte(f.data), &row)
	if row.Code == probe {
		select {
		case r.probed <- struct{}{}:
		default:
		}
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n, sent := r.heard[row.Device], r.sent[row.Device]
	r.heard[row.Device]++
	switch {
	case err != nil:
		r.errs = append(r.errs, err)
	case n >= len(sent) || sent[n].code != row.Code:
		if len(r.errs) < 5 {
			r.errs = append(r.errs, fmt.Errorf("%s: scan %d is told as %q, out of order", row.Device, n+1, row.Code))
		}
	default:
		r.scans = append(r.scans, f.at.Sub(sent[n].at))
		switch {
		case row.Refused == nil:
		case row.Refused.Code == "wrong_state": // the sale was paid in that moment; the scanner beeped
			r.late++
		default:
			r.errs = append(r.errs, fmt.Errorf("%s: scan %d is refused: %s", row.Device, n+1, row.Refused.Code))
		}
	}
}

// total is how many scans were made and how many were told.
func (r *rush) total() (sent, heard int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, list := range r.sent {
		sent += len(list)
		heard += r.heard[name]
	}
	return sent, heard
}

func (r *rush) allHeard(ctx context.Context) error {
	ctx, cancel := within(ctx, 30*time.Second, "every scan on the stream")
	defer cancel()
	for {
		sent, heard := r.total()
		if sent == heard {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d scans made, %d told: %w", sent, heard, context.Cause(ctx))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// call is one call of a POS application; one in four changes something.
func (r *rush) call(ctx context.Context, hand, n int) error {
	began := time.Now()
	err := r.ask(ctx, hand, n)
	took := time.Since(began)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, took)
	switch refused(err) { // between two sales these are right
	case "no_current_sale", "wrong_state", "unknown_sale", "empty_sale", "nothing_due":
		return nil
	}
	return err
}

func (r *rush) ask(ctx context.Context, hand, n int) error {
	switch n % 4 {
	case 0:
		return r.shop.api.call(ctx, "GET", "/v1/status", "", nil, nil)
	case 1:
		return r.shop.api.call(ctx, "GET", "/v1/sales/current", "", nil, nil)
	case 2:
		return r.shop.api.call(ctx, "GET", "/v1/scans?limit=20", "", nil, nil)
	}
	var now sale
	if err := r.shop.api.call(ctx, "GET", "/v1/sales/current", "", nil, &now); err != nil {
		return err
	}
	key := fmt.Sprintf("rush-%d-%d-%d", time.Now().UnixNano(), hand, n)
	err := r.shop.api.call(ctx, "POST", "/v1/sales/"+now.ID+"/items", key, map[string]any{"sku": "RUSH", "name": "袋子", "quantity": "1", "unit_price": 30}, nil)
	if err == nil {
		r.mu.Lock()
		r.items++
		r.mu.Unlock()
	}
	return err
}

// pay ends the current sale in cash.
func (r *rush) pay(ctx context.Context) error {
	var now, got sale
	if err := r.shop.api.call(ctx, "GET", "/v1/sales/current", "", nil, &now); err != nil {
		if refused(err) == "no_current_sale" {
			return nil
		}
		return err
	}
	key := fmt.Sprintf("rush-pay-%s-%d", now.ID, time.Now().UnixNano())
	began := time.Now()
	err := r.shop.api.call(ctx, "POST", "/v1/sales/"+now.ID+"/pay", key, map[string]any{"method": "cash"}, &got)
	took := time.Since(began)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, took)
	if err == nil && got.State == "closed" {
		r.closed = append(r.closed, got.ID)
	}
	return err
}

// ledgerInOrder compares the till's scan ledger with what each scanner read.
func (r *rush) ledgerInOrder(ctx context.Context) error {
	rows := map[string][]string{}
	for after := uint64(0); ; {
		var page struct {
			Scans []struct {
				Device, Code string
			}
			Next uint64
		}
		if err := r.shop.api.call(ctx, "GET", "/v1/scans?limit=1000&after="+strconv.FormatUint(after, 10), "", nil, &page); err != nil {
			return err
		}
		for _, x := range page.Scans {
			if x.Code != probe {
				rows[x.Device] = append(rows[x.Device], x.Code)
			}
		}
		if len(page.Scans) == 0 {
			break
		}
		after = page.Next
	}
	for name, list := range r.sent {
		var codes []string
		for _, x := range list {
			codes = append(codes, x.code)
		}
		// The ledger keeps 20,000 rows: after a long run the newest are compared.
		have := rows[name]
		if len(have) < len(codes) && len(have) >= 2000 {
			codes = codes[len(codes)-len(have):]
		}
		if !slices.Equal(have, codes) {
			return fmt.Errorf("%s read %d codes, the ledger has %d, or in another order", name, len(codes), len(have))
		}
	}
	return nil
}

// itemsInCloud counts the lines of the rush's sales in the cloud; each sale's
// scans have to be in the order of the ledger.
func (r *rush) itemsInCloud(events []cloud.Event) (lines int, err error) {
	for _, e := range events {
		if e.Type != "tilld.sale.closed.v1" || !slices.Contains(r.closed, e.Subject) {
			continue
		}
		var d struct {
			Items []struct {
				Scan uint64 `json:"scan"`
			} `json:"items"`
		}
		if err := json.Unmarshal(e.Data, &d); err != nil {
			return 0, err
		}
		last := uint64(0)
		for _, it := range d.Items {
			lines++
			if it.Scan != 0 && it.Scan <= last {
				return 0, fmt.Errorf("sale %s has scan %d after %d", e.Subject, it.Scan, last)
			}
			last = max(last, it.Scan)
		}
	}
	return lines, nil
}

// quantile of durations, 0 for none.
func quantile(list []time.Duration, q float64) time.Duration {
	if len(list) == 0 {
		return 0
	}
	d := slices.Sorted(slices.Values(list))
	return d[min(int(q*float64(len(d))), len(d)-1)]
}

// resident is the largest resident memory that a process had, in bytes; 0 where
// the system does not tell.
func resident(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				return 0
			}
			return n << 10
		}
	}
	return 0
}
