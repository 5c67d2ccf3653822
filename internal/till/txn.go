package till

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tilld/internal/feed"
	"tilld/internal/sale"
	"tilld/printer"
	"tilld/queue"
)

// txn is one commit in the making. Till.mu is held from begin to commit; a txn
// that is not committed has changed nothing.
type txn struct {
	t       *Till
	at      time.Time
	m       sale.Machine
	rec     record
	about   string               // sale that the last step was about
	touched map[string]sale.Sale // sales to store, as they are after all steps
	order   []string
	effects []sale.Effect
	events  []queue.Message
	jobs    []*printer.Job
	writes  []func(tx *queue.Tx) error // run once or more: no effects but on tx
	after   []func()                   // run when it is on disk, mu held
}

func (t *Till) begin() *txn {
	t.look()
	return &txn{t: t, at: t.now(), m: t.machine, rec: t.rec, touched: map[string]sale.Sale{}}
}

// take takes up a stored sale that has ended, so that events can be about it.
func (x *txn) take(id string) error {
	if _, ok := x.m.Sale(id); ok {
		return nil
	}
	s, err := x.t.stored(id)
	if err != nil {
		return err
	}
	x.m = x.m.With(s)
	return nil
}

// step steps the machine; Reports and Prints become part of this commit.
func (x *txn) step(e sale.Event) error {
	if err := x.checkOnce(e); err != nil {
		return err
	}
	m, r, err := x.m.Step(e)
	if err != nil {
		return x.t.ended(e, err)
	}
	x.m = m
	if r.Sale != "" {
		x.about = r.Sale
	}
	for _, s := range r.Touched {
		if _, ok := x.touched[s.ID]; !ok {
			x.order = append(x.order, s.ID)
		}
		x.touched[s.ID] = s
	}
	for _, effect := range r.Effects {
		switch f := effect.(type) {
		case sale.Report:
			x.report(f.Type, f.Subject, f.Data)
		case sale.Print:
			x.receiptJob(f)
		default:
			x.effects = append(x.effects, effect)
		}
	}
	return nil
}

// ended tells a sale that is over from one that never was.
func (t *Till) ended(e sale.Event, err error) error {
	id := saleOf(e)
	if id == "" || !hasCode(err, sale.CodeUnknownSale) {
		return err
	}
	s, serr := t.stored(id)
	if serr != nil {
		return err
	}
	return problem(sale.CodeWrongState, "", "这笔销售已经结束", "the sale is "+string(s.State)+"; that cannot be done any more")
}

// report adds an event for the cloud. Whatever it is about, it names the cashier
// and the adviser: those of its sale, else who is signed in and who is served.
func (x *txn) report(kind, subject string, data any) {
	body := x.attributed(subject, mustJSON(data))
	x.events = append(x.events, queue.Message{Type: kind, Subject: subject, Data: body, Personal: namesShopper(body)})
}

// attributed adds cashier and adviser to an event that does not name them.
func (x *txn) attributed(subject string, body []byte) []byte {
	s, ok := x.touched[subject]
	if !ok {
		if s, ok = x.m.Sale(subject); !ok {
			var err error
			if s, err = x.t.stored(subject); err != nil { // about no sale: who is signed in counts
				s, _ = x.m.Current()
				s.Cashier = ""
			}
		}
	}
	return people{firstText(s.Cashier, x.m.Book().Cashier), s.Adviser}.name(body)
}

func (x *txn) put(b queue.Bucket, key string, v any) {
	body := mustJSON(v)
	x.writes = append(x.writes, func(tx *queue.Tx) error { return tx.Put(b, []byte(key), body) })
}

func (x *txn) index(key, value string) {
	x.writes = append(x.writes, func(tx *queue.Tx) error { return tx.Put(queue.Index, []byte(key), []byte(value)) })
}

// sale is the sale that the commit is about.
func (x *txn) sale() sale.Sale { return x.touched[x.about] }

// commit writes everything in one transaction, then lets the effects run. The
// caller's deadline does not tear it: once begun it ends one way or the other.
func (x *txn) commit(ctx context.Context) error {
	t := x.t
	x.doubt()
	x.rec.Book, x.rec.Seen = x.m.Book(), x.at
	x.spellOver()
	x.rec.Live = x.m.IDs()
	for _, id := range x.order {
		x.storeSale(x.touched[id])
	}
	x.put(queue.State, string(machineKey), x.rec)
	for _, j := range x.jobs {
		x.storeJob(j)
	}
	err := t.o.Store.Update(context.WithoutCancel(ctx), func(tx *queue.Tx) error {
		for _, w := range x.writes {
			if err := w(tx); err != nil {
				return err
			}
		}
		for _, m := range x.events {
			if _, err := tx.Append(m); err != nil {
				return fmt.Errorf("event %s: %w", m.Type, err)
			}
		}
		return nil
	})
	if err != nil {
		// The disk decides what happened: memory follows it.
		t.log.Error("commit failed", "err", err)
		t.o.Health.Raise(condDisk, "queue", "err", err.Error())
		if lerr := t.load(); lerr != nil {
			t.log.Error("reload after a failed commit", "err", lerr)
		}
		return fmt.Errorf("till: commit: %w", err)
	}
	t.o.Health.Clear(condDisk, "queue")
	for _, id := range x.order {
		old, _ := t.machine.Sale(id)
		t.stage.follow(old, x.touched[id], x.at)
	}
	t.machine, t.rec = x.m, x.rec
	t.present()
	x.run()
	return nil
}

// storeSale writes a sale and what it is found by.
func (x *txn) storeSale(s sale.Sale) {
	x.put(queue.Sales, s.ID, x.t.saleRecord(s))
	if s.Number > 0 {
		x.index(numberKey(s.Day, s.Number), s.ID)
	}
	if s.State == sale.Void {
		x.index(voidKey(s.Day, s.ID), s.ID)
	}
	for _, r := range s.Refunds {
		if r.Number > 0 {
			x.index(numberKey(r.Day, r.Number), s.ID+"/"+r.ID)
			x.index(refundKey(r.ID), s.ID)
		}
	}
	if p := s.Payment; p != nil && p.State == sale.PayRequested {
		x.index("payment/"+p.ID, s.ID)
	}
}

// refundKey leads to the sale of a refund that has a number.
func refundKey(id string) string { return "refund/" + id }

func numberKey(day string, number int) string { return fmt.Sprintf("closed/%s/%06d", day, number) }

func voidKey(day, id string) string { return "void/" + day + "/" + id }

// run lets the effects of a commit happen.
func (x *txn) run() {
	t := x.t
	for _, id := range x.order {
		s := x.touched[id]
		t.o.Feed.Publish(feed.Sale, public(s))
		t.o.Health.Set((s.State == sale.Closed || s.State == sale.Refunded) && s.PaidButChanged, condPaidLate, id, "sale", id)
	}
	for _, j := range x.jobs {
		t.spoolChanged(j)
	}
	for _, e := range x.effects {
		switch f := e.(type) {
		case sale.Ask:
			if f.RefundID != "" {
				t.pursueRefund(f)
			} else {
				t.pursue(f.PaymentID, "")
			}
		case sale.Drawer:
			t.spawn(t.kickDrawer)
		}
	}
	for _, f := range x.after {
		f()
	}
	close(t.changed)
	t.changed = make(chan struct{})
	t.show()
	t.nudge()
}

// public is a sale for the feed: without pictures and without the codes of
// coupons, which whoever listens could use.
func public(s sale.Sale) sale.Sale {
	s = withheld(slim(s))
	s.Coupons = slices.Clone(s.Coupons)
	for i, c := range s.Coupons {
		if c.Code != "" {
			s.Coupons[i].Code = ending(c.Code)
		}
	}
	return s
}

// withheld is a sale as others may see it: without the pay code that must not be
// shown, because the cloud has not said yet, since this start of the agent, that
// the payment is still pending.
func withheld(s sale.Sale) sale.Sale {
	if p := s.Payment; p != nil && !p.Verified && (p.URL != "" || p.PicturePNGBase64 != "") {
		q := *p
		q.URL, q.PicturePNGBase64 = "", ""
		s.Payment = &q
	}
	return s
}

// slim is a sale without pictures, for lists.
func slim(s sale.Sale) sale.Sale {
	s.Offers = slices.Clone(s.Offers)
	for i := range s.Offers {
		s.Offers[i].PicturePNGBase64 = ""
	}
	if s.Payment != nil {
		p := *s.Payment
		p.PicturePNGBase64 = ""
		s.Payment = &p
	}
	return s
}

// stored reads a sale from the disk.
func (t *Till) stored(id string) (sale.Sale, error) {
	var s sale.Sale
	err := t.o.Store.View(func(tx *queue.Tx) (err error) { s, err = t.readSale(tx, id); return err })
	if err != nil {
		return sale.Sale{}, err
	}
	if s.ID == "" {
		return sale.Sale{}, problem(sale.CodeUnknownSale, "", "没有这笔销售", "there is no such sale")
	}
	return s, nil
}
