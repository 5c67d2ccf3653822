package offlinepay_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tilld/internal/cloud"
	"tilld/internal/offlinepay"
	"tilld/internal/sale"
)

// modelTill is the pure part of a till: the machine of package sale and the
// records that it leaves. It is a value, so that it can be backed up.
type modelTill struct {
	number  uint32
	key     ed25519.PrivateKey
	machine sale.Machine
	stored  map[string]sale.Sale // every sale, as last touched
	of      map[string]string    // payment id → sale
	booked  []string             // payment ids, as often as they were booked
}

func (m *modelTill) path() string { return fmt.Sprintf("acme/sh/%d", m.number) }

func (m *modelTill) step(e sale.Event) error {
	next, r, err := m.machine.Step(e)
	if err != nil {
		return err
	}
	m.machine = next
	for _, s := range r.Touched {
		m.stored[s.ID] = s
	}
	return nil
}

func (m modelTill) backup() modelTill {
	m.stored, m.of = maps.Clone(m.stored), maps.Clone(m.of)
	return m
}

// model is a world of tills, phones and one cloud.
type model struct {
	t       *rapid.T
	now     time.Time
	tills   []*modelTill
	backups []modelTill
	cloud   *cloud.Cloud
	keys    offlinepay.Keys
	codes   []string // every code that was ever on a screen
	proofs  []string // every proof that was ever on a phone
	digits  []string // every code to type or bar code that was
	nonces  map[string]bool
	draws   uint64
	ids     int
	// first is the sale that a payment was booked on, over all tills and times.
	first map[string]string
	lost  map[string]bool // sales that a restore made forgotten
}

func newModel(t *rapid.T) *model {
	w := &model{t: t, now: time.Unix(1773460800, 0), keys: offlinepay.Keys{}, nonces: map[string]bool{}, first: map[string]string{}, lost: map[string]bool{}}
	var pair []cloud.Key
	for _, id := range []uint8{7, 8} {
		k, err := cloud.NewProofKey(id)
		if err != nil {
			t.Fatal(err)
		}
		pair, w.keys[id] = append(pair, k), k.Public()
	}
	w.cloud = cloud.New(cloud.Options{ProofKeys: pair, PagePrefix: prefix, Now: func() time.Time { return w.now }})
	for n := range uint32(3) {
		m := &modelTill{number: 1001 + n, key: seed(byte(n)), stored: map[string]sale.Sale{}, of: map[string]string{}}
		m.machine = sale.New(sale.Config{Currency: "CNY", Location: time.UTC}, sale.Book{})
		w.tills = append(w.tills, m)
		w.cloud.Enrol(cloud.Enrolment{Path: m.path(), Number: m.number, Key: public(m.key), CodeKeys: codeKeys})
	}
	return w
}

func (w *model) till() *modelTill { return rapid.SampledFrom(w.tills).Draw(w.t, "till") }

// pick draws one, "" when there is none yet.
func (w *model) pick(what string, list []string) string {
	if len(list) == 0 {
		return ""
	}
	return rapid.SampledFrom(list).Draw(w.t, what)
}

func (w *model) live(m *modelTill) string {
	var list []string
	for _, s := range m.machine.Live() {
		list = append(list, s.ID)
	}
	return w.pick("sale", list)
}

// open opens a sale with one article, or adds one to a live sale.
func (w *model) open(*rapid.T) {
	m := w.till()
	w.ids++
	id := fmt.Sprintf("01KKN%021d", w.ids)
	price := sale.Money(rapid.IntRange(1, 3).Draw(w.t, "price"))
	if err := m.step(sale.Opened{At: w.now, ID: id}); err != nil {
		w.t.Fatal(err)
	}
	w.add(m, id, price)
	if rapid.IntRange(0, 3).Draw(w.t, "asks") > 0 {
		w.askFor(m, id)
	}
}

func (w *model) add(m *modelTill, id string, price sale.Money) {
	err := m.step(sale.ItemsAdded{At: w.now, Sale: id, Items: []sale.NewItem{{SKU: "a", Name: "a", Quantity: "1", UnitPrice: price}}})
	if _, expected := errors.AsType[*sale.Problem](err); err != nil && !expected {
		w.t.Fatal(err)
	}
}

func (w *model) change(*rapid.T) { m := w.till(); w.add(m, w.live(m), 1) }

// ask shows a code, as the engine does.
func (w *model) ask(*rapid.T) {
	m := w.till()
	w.askFor(m, w.live(m))
}

func (w *model) askFor(m *modelTill, id string) {
	s, ok := m.machine.Sale(id)
	if !ok {
		return
	}
	w.draws++
	nonce := w.draws * 0x9e3779b97f4a7c15 // the test's random source
	hex := fmt.Sprintf("%016x", nonce)
	if w.nonces[hex] {
		w.t.Fatal("the test draws a nonce twice")
	}
	newest, _ := w.keys.Newest()
	r := offlinepay.Request{
		Flags: codeKeys.Announce(offlinepay.Offline | offlinepay.ClockTrusted), Till: m.number, CloudKey: newest, Nonce: nonce, Amount: uint32(max(0, s.Due())),
		Currency: 156, At: uint32(w.now.Unix()), TTL: 1, Sale: sale.OfflineReference(id),
	}
	code := r.Text(prefix, signer(m.key))
	payment := sale.OfflineID(m.number, nonce)
	e := sale.OfflineStarted{At: w.now, Sale: id, PaymentID: payment, Nonce: hex, Amount: s.Due(), TTL: 5 * time.Minute, Text: code, Request: fmt.Sprintf("%x", r.Body())}
	if m.step(e) == nil {
		w.nonces[hex], m.of[payment] = true, id
		w.codes = append(w.codes, code)
	}
}

// pay is one of two shoppers with any code that was ever shown.
func (w *model) pay(*rapid.T) {
	code := w.pick("code", w.codes)
	if code == "" {
		return
	}
	proof, problem := w.cloud.PayPage(code, cloud.PayChoice{
		Shopper: rapid.SampledFrom([]string{"Li", "Wang"}).Draw(w.t, "shopper"), Confirmed: true, Discount: int64(rapid.IntRange(0, 1).Draw(w.t, "discount")),
	})
	if problem == nil {
		w.proofs = append(w.proofs, proof)
		for _, p := range w.cloud.Payments() {
			if p.Proof == proof && p.Code != "" {
				w.digits = append(w.digits, p.Code, p.Barcode)
			}
		}
	}
}

// type_ types any code that was ever on a phone, or one beside it, at any till,
// against any of its sales.
func (w *model) type_(*rapid.T) {
	m, code := w.till(), w.pick("digits", w.digits)
	of := w.pick("sale", slices.Sorted(maps.Keys(m.stored)))
	if code == "" || of == "" {
		return
	}
	if rapid.IntRange(0, 9).Draw(w.t, "slip") == 0 {
		code = code[:len(code)-1] + strconv.Itoa(int(code[len(code)-1]-'0'+1)%10)
	}
	s := m.stored[of]
	for _, p := range append(slices.Clone(s.Payments), deref(s.Payment)...) {
		body, err := hex.DecodeString(p.Request)
		if err != nil || !codeKeys.Matches(code, body) || p.Settled && p.State != sale.PayPaid {
			continue
		}
		m.machine = m.machine.With(s)
		w.booked(m, p.ID, of, m.step(sale.OfflineCoded{At: w.now, PaymentID: p.ID, Form: "typed"}))
	}
}

// show holds any proof, or a damaged one, in front of any till.
func (w *model) show(*rapid.T) {
	m, proof := w.till(), w.pick("proof", w.proofs)
	if proof == "" {
		return
	}
	if rapid.IntRange(0, 9).Draw(w.t, "damage") == 0 {
		at := rapid.IntRange(2, len(proof)-1).Draw(w.t, "digit")
		proof = proof[:at] + strconv.Itoa(int(proof[at]-'0'+1)%10) + proof[at+1:]
	}
	p, err := offlinepay.Check(proof, w.keys, m.number)
	if err != nil {
		return
	}
	id := sale.OfflineID(p.Till, p.Nonce)
	of, known := m.of[id]
	if !known {
		return
	}
	m.machine = m.machine.With(m.stored[of])
	tenders := []sale.Tender{{Method: "wallet", Amount: sale.Money(p.Amount - p.Discount)}, {Method: "coupon", Amount: sale.Money(p.Discount)}}
	w.booked(m, id, of, m.step(sale.OfflineProven{At: w.now, PaymentID: id, Amount: sale.Money(p.Amount), Tenders: tenders, Proof: proof}))
}

// booked notes that a payment was booked, and that it was for no other sale.
func (w *model) booked(m *modelTill, payment, saleID string, err error) {
	if err != nil {
		return
	}
	m.booked = append(m.booked, payment)
	if was, ok := w.first[payment]; ok && was != saleID {
		w.t.Fatalf("payment %s counts for %s and for %s", payment, was, saleID)
	}
	w.first[payment] = saleID
}

// link is a moment with a link: the cloud tells of paid requests, the till takes
// withdrawn ones back, in any order and as often as it likes.
func (w *model) link(*rapid.T) { w.sync(w.till()) }

func (w *model) sync(m *modelTill) {
	for _, id := range slices.Sorted(maps.Keys(m.of)) {
		s, live := m.machine.Sale(m.of[id])
		if !live {
			s = m.stored[m.of[id]]
		}
		var p sale.Payment
		for _, have := range append(s.Payments, deref(s.Payment)...) {
			if have.ID == id {
				p = have
			}
		}
		kind := "payment.query"
		if p.Withdrawn && !p.Settled {
			kind = "payment.cancel"
		}
		data, err := json.Marshal(map[string]string{"payment_id": id})
		if err != nil {
			w.t.Fatal(err)
		}
		answer, problem := w.cloud.Ask(m.path(), kind, "", data)
		if problem != nil {
			w.t.Fatalf("%s %s: %+v", kind, id, problem)
		}
		w.news(m, id, p, answer)
	}
}

func (w *model) news(m *modelTill, id string, p sale.Payment, answer any) {
	n := sale.PaymentNews{At: w.now, PaymentID: id}
	switch a := answer.(type) {
	case *cloud.Result:
		n.State = sale.PayPaid
		for _, t := range a.Tenders {
			n.Tenders = append(n.Tenders, sale.Tender{Method: t.Method, Amount: sale.Money(t.Amount)})
		}
	case map[string]any:
		n.State = sale.PaymentState(a["state"].(string))
	default:
		w.t.Fatalf("the cloud answers %T", answer)
	}
	m.machine = m.machine.With(m.stored[m.of[id]])
	if err := m.step(n); err != nil {
		w.t.Fatalf("news %s of %s: %v", n.State, id, err)
	}
	if n.State == sale.PayPaid && p.State != sale.PayPaid {
		w.booked(m, id, m.of[id], nil)
	}
}

func deref(p *sale.Payment) []sale.Payment {
	if p == nil {
		return nil
	}
	return []sale.Payment{*p}
}

func (w *model) cash(*rapid.T) {
	m := w.till()
	id := w.live(m)
	if rapid.Bool().Draw(w.t, "cancel first") {
		m.step(sale.PaymentGivenUp{At: w.now, Sale: id})
	}
	m.step(sale.CashTaken{At: w.now, Sale: id})
}

func (w *model) void(*rapid.T) {
	m := w.till()
	w.ids++
	m.step(sale.VoidRequested{At: w.now, Sale: w.live(m), RefundID: "r" + strconv.Itoa(w.ids), Reason: "r"})
}

func (w *model) park(*rapid.T) { m := w.till(); m.step(sale.ParkedEvent{At: w.now, Sale: w.live(m)}) }

func (w *model) restart(*rapid.T) {
	if err := w.till().step(sale.Restarted{At: w.now}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *model) later(*rapid.T) {
	w.now = w.now.Add(time.Duration(rapid.IntRange(1, 400).Draw(w.t, "seconds")) * time.Second)
	for _, m := range w.tills {
		for _, s := range m.machine.Live() {
			for _, p := range s.Unsettled() {
				m.step(sale.PaymentDue{At: w.now, PaymentID: p.ID})
			}
		}
	}
}

func (w *model) backup(*rapid.T) { w.backups = append(w.backups, w.till().backup()) }

// restore puts an old state of a till in the place of the present one.
func (w *model) restore(*rapid.T) {
	if len(w.backups) == 0 {
		return
	}
	b := rapid.SampledFrom(w.backups).Draw(w.t, "backup").backup()
	for i, m := range w.tills {
		if m.number == b.number {
			for id := range m.stored {
				if _, kept := b.stored[id]; !kept {
					w.lost[id] = true
				}
			}
			b.booked = nil
			for id, s := range b.stored {
				_ = id
				for _, p := range append(s.Payments, deref(s.Payment)...) {
					if p.Offline && p.State == sale.PayPaid {
						b.booked = append(b.booked, p.ID)
					}
				}
			}
			w.tills[i] = &b
		}
	}
}

// check is what must be true at every moment.
func (w *model) check(*rapid.T) {
	payments := w.cloud.Payments()
	for id, p := range payments {
		if p.Charges > 1 {
			w.t.Fatalf("%s was charged %d times", id, p.Charges)
		}
	}
	counted := map[string]int{}
	for _, m := range w.tills {
		for _, id := range m.booked {
			counted[id]++
		}
		for _, s := range m.stored {
			w.checkSale(s, payments)
		}
	}
	for id, n := range counted {
		if n > 1 {
			w.t.Fatalf("%s counts %d times", id, n)
		}
	}
}

func (w *model) checkSale(s sale.Sale, payments map[string]cloud.Payment) {
	by := map[string]int64{}
	for _, t := range s.Tenders {
		if t.PaymentID != "" {
			by[t.PaymentID] += int64(t.Amount)
		}
	}
	for id, sum := range by {
		if p := payments[id]; p.State != "paid" || p.Amount != sum {
			w.t.Fatalf("sale %s has %d by %s, which the cloud has as %s %d", s.ID, sum, id, p.State, p.Amount)
		}
	}
	if s.State == sale.Closed && s.Paid < s.Total {
		w.t.Fatalf("sale %s is closed with %d of %d", s.ID, s.Paid, s.Total)
	}
	if p := s.Payment; p != nil && p.URL != "" && (p.Withdrawn || s.State != sale.Paying) {
		w.t.Fatalf("sale %s shows a code that is over: %+v", s.ID, p)
	}
}

// end lets every till have its link, twice: all the money that the cloud took is
// on the sale that it was asked for, once.
func (w *model) end() {
	for range 2 {
		for _, m := range w.tills {
			w.sync(m)
		}
	}
	w.check(nil)
	for id, p := range w.cloud.Payments() {
		if p.State != "paid" {
			continue
		}
		found := 0
		for _, m := range w.tills {
			for _, b := range m.booked {
				if b == id {
					found++
				}
			}
		}
		forgotten := true // by a restore, with its sale or its request
		for _, m := range w.tills {
			if _, ok := m.of[id]; ok {
				forgotten = false
			}
		}
		if found != 1 && !(forgotten && found == 0) {
			w.t.Fatalf("%s is paid, and booked %d times", id, found)
		}
	}
}

// TestModel plays tills, sales, phones and faults in any order against the pure
// parts of both sides.
func TestModel(t *testing.T) {
	for name, value := range map[string]string{"rapid.checks": "300", "rapid.steps": "80"} {
		f := flag.Lookup(name)
		was := f.Value.String()
		if was != f.DefValue {
			continue // somebody wants another number
		}
		if err := f.Value.Set(value); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Value.Set(was) })
	}
	proven := 0
	rapid.Check(t, func(t *rapid.T) {
		w := newModel(t)
		t.Repeat(map[string]func(*rapid.T){
			"open": w.open, "change": w.change, "ask": w.ask, "ask again": w.ask, "pay": w.pay, "pay too": w.pay, "show": w.show, "show again": w.show, "type": w.type_,
			"link": w.link, "cash": w.cash, "void": w.void, "park": w.park, "restart": w.restart, "later": w.later, "backup": w.backup, "restore": w.restore,
			"": w.check,
		})
		proven += len(w.first)
		w.end()
	})
	t.Logf("%d payments booked", proven)
	if !t.Failed() && proven < 150 {
		t.Errorf("only %d payments were ever booked: the model does not try", proven)
	}
}
