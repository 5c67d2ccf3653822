package till_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tilld/display"
	"tilld/internal/cloud"
	"tilld/internal/offlinepay"
	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/printer"
	"tilld/scanner"
)

const pagePrefix = "HTTPS://P.EXAMPLE.CN/P/"

// shop is a till with offline payment and the cloud that its shoppers' phones
// reach although the till does not.
type shop struct {
	*rig
	pay   *cloud.Cloud
	mu    sync.Mutex                   // of the trust file, which the engine reads when it likes
	trust map[string]ed25519.PublicKey // by kid
	since time.Time
	looks int
	key   ed25519.PrivateKey
	read  int    // scans so far
	seq   uint64 // of the last one in the ledger
}

// scan reads a code, each time a second later (the same code again at once
// would be a bounce), and reports what the ledger says became of it: a busy
// machine may answer the scanner before that is known.
func (s *shop) scan(data string) bool {
	s.t.Helper()
	s.read++
	s.till.Scan(s.t.Context(), scanner.Scan{Device: "scanner-1", At: time.Now().Add(time.Duration(s.read) * time.Second), Data: []byte(data)})
	var row till.Scan
	s.until("the scan is in the ledger", func() bool {
		rows, _, err := s.till.Scans(s.seq, 1)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(rows) == 1 {
			row = rows[0]
		}
		return len(rows) == 1
	})
	s.seq = row.Seq
	return row.Refused == nil
}

// newCloud is a cloud with proof keys 7 and 8.
func newCloud(t testing.TB, now func() time.Time) (*cloud.Cloud, map[string]ed25519.PublicKey) {
	t.Helper()
	trust := map[string]ed25519.PublicKey{}
	var keys []cloud.Key
	for _, id := range []byte{7, 8} {
		k, err := cloud.NewProofKey(id)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
		trust[k.ID] = k.Public()
	}
	return cloud.New(cloud.Options{ProofKeys: keys, PagePrefix: pagePrefix, Now: now}), trust
}

func newShop(t testing.TB, number uint32, pay *cloud.Cloud, trust map[string]ed25519.PublicKey, now func() time.Time, more ...func(*till.Options)) *shop {
	t.Helper()
	s := &shop{pay: pay, trust: trust}
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.key = key
	path := fmt.Sprintf("acme/sh-001/%d", number)
	s.rig = newRig(t, append([]func(*till.Options){impatient, func(o *till.Options) {
		if now != nil {
			o.Now = now
		}
		s.since = o.Now()
		o.Till.Number = number
		o.Sign = func(m []byte) []byte { return ed25519.Sign(key, m) }
		o.ClockStatus = func() till.ClockStatus { return till.ClockStatus{Trusted: true} }
		o.Offline = &till.OfflinePay{
			Prefix: pagePrefix, KeyGen: 2, MaxAmount: 50000, MaxCount: 3, MaxKeyAge: 14 * 24 * time.Hour,
			Keys: func() (offlinepay.Keys, time.Time, error) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.looks++
				keys := offlinepay.Keys{}
				for kid, k := range s.trust {
					id, err := strconv.Atoi(kid)
					if err != nil {
						return nil, s.since, err
					}
					keys[uint8(id)] = k
				}
				return keys, s.since, nil
			},
		}
	}}, more...)...)
	if pay != nil {
		pay.Enrol(cloud.Enrolment{Path: path, Number: number, KeyGen: 2, Key: public})
		for _, kind := range []string{"payment.query", "payment.cancel", "payment.refund"} {
			s.cloud.on(kind, func(data json.RawMessage) (string, error) {
				answer, problem := pay.Ask(path, kind, "", data)
				if problem != nil {
					return "", &till.CloudError{Code: problem.Code, Message: problem.Message}
				}
				body, err := json.Marshal(answer)
				return string(body), err
			})
		}
	}
	s.cloud.setDown(true)
	s.until("the engine has looked at the keys", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.looks > 0 })
	return s
}

// trustFile changes what the till holds.
func (s *shop) trustFile(change func()) { s.mu.Lock(); defer s.mu.Unlock(); change() }

// alone is a shop with one till, number 1003.
func alone(t testing.TB, more ...func(*till.Options)) *shop {
	t.Helper()
	noon, began := time.Date(2026, 3, 14, 4, 0, 0, 0, time.UTC), time.Now()
	now := func() time.Time { return noon.Add(time.Since(began)) }
	pay, trust := newCloud(t, now)
	return newShop(t, 1003, pay, trust, now, more...)
}

// ask opens a sale of 42.50 and asks to be paid.
func (s *shop) ask() sale.Sale {
	s.t.Helper()
	return s.do(sale.Pay{Sale: s.open().ID, Method: "qr"})
}

// phone pays what the screen shows.
func (s *shop) phone(choice cloud.PayChoice) string {
	s.t.Helper()
	sc := s.scene()
	if sc.Kind != display.Paying || sc.Pay == nil || !sc.Pay.Offline || sc.Text == "" {
		s.t.Fatalf("the screen shows %+v", sc)
	}
	return s.phoneAt(sc.Pay.URL, choice)
}

func (s *shop) phoneAt(url string, choice cloud.PayChoice) string {
	s.t.Helper()
	if choice.Shopper == "" {
		choice.Shopper = "Li"
	}
	proof, problem := s.pay.PayPage(url, choice)
	if problem != nil {
		s.t.Fatalf("the pay page says %+v", problem)
	}
	return proof
}

func wantProblem(t testing.TB, p *cloud.Problem, code string) {
	t.Helper()
	if p == nil || p.Code != code {
		t.Fatalf("the pay page says %+v, want %s", p, code)
	}
}

// notBooked scans a proof that must have no effect and be told why.
func (s *shop) notBooked(proof, why string, id string) {
	s.t.Helper()
	before := s.sale(id)
	if s.scan(proof) {
		s.t.Errorf("the scanner says yes to %s", why)
	}
	after := s.sale(id)
	if after.State != before.State || after.Paid != before.Paid || len(after.Tenders) != len(before.Tenders) {
		s.t.Errorf("%s was booked: %+v", why, after)
	}
	rows, _, err := s.till.Scans(0, 1000)
	if err != nil || len(rows) == 0 {
		s.t.Fatal(rows, err)
	}
	last := rows[len(rows)-1]
	if last.Kind != "proof" || last.Refused == nil || last.Refused.Detail == "" || last.Code != "" || !strings.HasPrefix(last.Refused.Code, "proof_") {
		s.t.Errorf("%s in the ledger: %+v", why, last)
	}
	if sc := s.scene(); sc.Text == "" || !strings.Contains(sc.Text, last.Refused.Detail) {
		s.t.Errorf("%s: the shopper reads %q, not %q", why, sc.Text, last.Refused.Detail)
	}
}

func TestOfflineSale(t *testing.T) {
	s := alone(t)
	asked := s.ask()
	p := asked.Payment
	if asked.State != sale.Paying || p == nil || p.State != sale.PayPending || !p.Offline || p.Amount != 4250 || p.URL == "" || !p.ExpiresAt.After(p.RequestedAt) {
		t.Fatalf("%+v", p)
	}
	r, err := offlinepay.ParseRequest(p.URL, pagePrefix, func(uint32, uint8) (ed25519.PublicKey, bool) { return s.key.Public().(ed25519.PublicKey), true })
	if err != nil || r.Till != 1003 || r.Amount != 4250 || r.CloudKey != 8 || r.Currency != 156 || r.Flags != offlinepay.Offline|offlinepay.ClockTrusted || r.TTL != 1 ||
		p.ID != sale.OfflineID(1003, r.Nonce) || p.Nonce != fmt.Sprintf("%016x", r.Nonce) || r.Sale != sale.OfflineReference(asked.ID) {
		t.Fatalf("%+v, %v", r, err)
	}
	if sc := s.scene(); !strings.HasSuffix(sc.Text, fmt.Sprintf("%06d", r.Sale)) {
		t.Errorf("the screen says %q", sc.Text)
	}
	proof := s.phone(cloud.PayChoice{Scheme: "alipay", Discount: 250})
	if !s.scan(proof) {
		t.Error("the scanner says no")
	}
	got := s.sale(asked.ID)
	if got.State != sale.Closed || got.Paid != 4250 || got.Number == 0 || got.Payment.Proof != proof || got.Payment.URL != "" || len(got.Tenders) != 2 {
		t.Fatalf("%+v", got)
	}
	if w, c := got.Tenders[0], got.Tenders[1]; w.Method != "wallet" || w.Scheme != "alipay" || w.Amount != 4000 || c.Method != "coupon" || c.Amount != 250 || w.PaymentID != p.ID || c.PaymentID != p.ID || w.Reference == "" {
		t.Errorf("tenders %+v", got.Tenders)
	}
	if j := s.printJob(printer.Confirmed, printer.ProcessID); j.ID != asked.ID+"/receipt" {
		t.Errorf("job %s", j.ID)
	}
	closed := s.events("sale.closed")
	if len(closed) != 1 || !strings.Contains(string(closed[0].Data), proof) {
		t.Errorf("sale.closed: %d, the proof is not in it", len(closed))
	}
	rows, _, err := s.till.Scans(0, 10)
	if err != nil || len(rows) != 1 || rows[0].SaleID != asked.ID || rows[0].Code != "" || rows[0].Kind != "proof" {
		t.Errorf("ledger %+v, %v", rows, err)
	}
	// With the link again nothing is left to be asked, and nothing counts twice.
	s.cloud.setDown(false)
	body, err := json.Marshal(s.pay.Payments()[p.ID].Result)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.till.PaymentResult(t.Context(), body); err != nil {
			t.Error(err)
		}
	}
	if n := s.cloud.count("payment.cancel") + s.cloud.count("payment.query"); n != 0 || len(s.events("sale.closed")) != 1 || len(s.sale(asked.ID).Tenders) != 2 {
		t.Errorf("%d questions, %d closings", n, len(s.events("sale.closed")))
	}
}

func TestOfflineByTheAPI(t *testing.T) {
	s := alone(t)
	asked := s.ask()
	proof := s.phone(cloud.PayChoice{})
	s.refused(sale.CodeInvalid, sale.Pay{Sale: asked.ID, Method: "proof", Code: proof, Amount: money(1)})
	s.refused(sale.CodeProofRefused, sale.Pay{Sale: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Method: "proof", Code: proof})
	s.refused(sale.CodeProofRefused, sale.Pay{Sale: asked.ID, Method: "proof", Code: "123"})
	s.refused(sale.CodeInvalid, sale.Pay{Sale: asked.ID, Method: "cash", Code: proof})
	s.refused(sale.CodeBadCode, sale.OpenSale{Items: []sale.Add{{Code: proof}}})
	call := till.Call{Key: "k", Fingerprint: "f", Origin: "api"}
	for range 2 { // the second is the first's answer
		a, err := s.till.Do(t.Context(), call, sale.Pay{Sale: asked.ID, Method: "proof", Code: proof})
		var got sale.Sale
		if err == nil {
			err = json.Unmarshal(a.Body, &got)
		}
		if err != nil || got.State != sale.Closed {
			t.Fatalf("%v %+v", err, got)
		}
	}
	s.refused(sale.CodeProofUsed, sale.Pay{Sale: asked.ID, Method: "proof", Code: proof})
	// Typed where codes are typed, as a keyboard scanner does into the cashier page.
	asked = s.ask()
	typed := s.phone(cloud.PayChoice{})
	if got := s.do(sale.AddItem{Sale: asked.ID, Add: sale.Add{Code: typed}}); got.State != sale.Closed || len(got.Items) != 2 {
		t.Errorf("%+v", got)
	}
	// And with no sale open, which is where a late one comes in.
	asked = s.ask()
	typed = s.phone(cloud.PayChoice{})
	s.do(sale.Park{Sale: asked.ID})
	var row till.Scan
	a, err := s.till.Do(t.Context(), till.Call{Origin: "api"}, till.ScanCode{Code: typed})
	if err == nil {
		err = json.Unmarshal(a.Body, &row)
	}
	if err != nil || row.Refused != nil || row.Kind != "proof" || row.Code != "" || s.sale(asked.ID).State != sale.Closed {
		t.Errorf("%+v, %v", row, err)
	}
	s.cloud.setDown(false) // a new spell
	s.open()
	s.cloud.setDown(true)
	if rest := s.do(sale.Pay{Sale: s.open().ID, Method: "qr", Amount: money(1000)}); rest.Payment.Amount != 1000 {
		t.Errorf("%+v", rest.Payment)
	}
}

// A proof that was held badly the first time does not hide the thanks for the
// second.
func TestThanksBehindARefusal(t *testing.T) {
	s := alone(t)
	asked := s.ask()
	proof := s.phone(cloud.PayChoice{})
	s.notBooked(proof[:245]+string('0'+(proof[245]-'0'+1)%10), "a damaged proof", asked.ID)
	if !s.scan(proof) || s.scene().Kind != display.Paid || s.scene().SaleID != asked.ID {
		t.Errorf("the screen shows %+v", s.scene())
	}
}

func TestOfflineWhenItIsOff(t *testing.T) {
	s := alone(t)
	proof := func() string { s.ask(); return s.phone(cloud.PayChoice{}) }()
	off := newRig(t)
	off.cloud.setDown(true)
	id := off.open().ID
	off.refused(sale.CodeLinkDown, sale.Pay{Sale: id, Method: "qr"})
	off.refused(sale.CodeBadCode, sale.Pay{Sale: id, Method: "proof", Code: proof})
	if off.scan(proof) {
		t.Error("booked")
	}
}

// What a till may ask for without a link is bounded.
func TestOfflineCeilings(t *testing.T) {
	s := alone(t)
	big := s.do(sale.OpenSale{Items: []sale.Add{{SKU: "tv", Name: "电视", UnitPrice: money(50001)}}})
	s.refused(sale.CodeLinkDown, sale.Pay{Sale: big.ID, Method: "qr"})
	if got := s.do(sale.Pay{Sale: big.ID, Method: "qr", Amount: money(50000)}); got.Payment.Amount != 50000 {
		t.Errorf("%+v", got.Payment)
	}
	s.do(sale.VoidSale{Sale: big.ID, Reason: "r"})
	for range 3 {
		s.ask()
		s.scan(s.phone(cloud.PayChoice{}))
	}
	last := s.open()
	s.refused(sale.CodeLinkDown, sale.Pay{Sale: last.ID, Method: "qr"})
	s.restart() // the count is on the disk
	s.refused(sale.CodeLinkDown, sale.Pay{Sale: last.ID, Method: "qr"})
	s.cloud.setDown(false)
	s.do(sale.AddItem{Sale: last.ID, Add: sale.Add{SKU: "egg", Name: "鸡蛋", UnitPrice: money(750)}})
	s.cloud.setDown(true) // a new spell
	if got := s.do(sale.Pay{Sale: last.ID, Method: "qr"}); !got.Payment.Offline {
		t.Errorf("%+v", got.Payment)
	}
}

func (r *rig) condition(code string) bool {
	for _, c := range r.health.List("en") {
		if c.Code == code {
			return true
		}
	}
	return false
}

func TestOfflineKeySetAge(t *testing.T) {
	s := alone(t)
	s.trustFile(func() { s.since = s.o.Now().Add(-15 * 24 * time.Hour) })
	id := s.open().ID
	s.refused(sale.CodeLinkDown, sale.Pay{Sale: id, Method: "qr"})
	if !s.condition("proof_keys") {
		t.Error("nobody is told")
	}
	s.trustFile(func() { s.since = s.o.Now().Add(-13 * 24 * time.Hour) })
	s.do(sale.Pay{Sale: id, Method: "qr"})
	if s.condition("proof_keys") {
		t.Error("still told")
	}
	// Money that came counts, however old the keys have become meanwhile.
	proof := s.phone(cloud.PayChoice{})
	s.trustFile(func() { s.since = s.o.Now().Add(-15 * 24 * time.Hour) })
	if !s.scan(proof) || s.sale(id).State != sale.Closed {
		t.Error("a good proof is refused")
	}
	s.trustFile(func() { s.trust = nil })
	s.refused(sale.CodeLinkDown, sale.Pay{Sale: s.open().ID, Method: "qr"})
}

func TestOfflineCodeExpiresAndIsWithdrawn(t *testing.T) {
	s := alone(t, func(o *till.Options) { o.QRTTL = 300 * time.Millisecond })
	id := s.ask().ID
	s.until("the code goes by itself", func() bool { return s.scene().Pay == nil })
	if p := s.sale(id).Payment; p.State != sale.PayExpired || p.URL != "" {
		t.Errorf("%+v", p)
	}
	// No word of the cloud is needed for another one.
	again := s.do(sale.Pay{Sale: id, Method: "qr"})
	if again.Payment.Nonce == again.Payments[0].Nonce {
		t.Error("the nonce is used again")
	}
	s.cloud.setDown(false)
	s.until("the cloud is told once there is a link", func() bool { return s.cloud.count("payment.cancel") >= 1 })
	s.until("and the payment is settled", func() bool { return s.sale(id).Payments[0].Settled })
}

func TestOfflineCodeGoesWithTheBasket(t *testing.T) {
	s := alone(t)
	asked := s.ask()
	url := s.scene().Pay.URL
	s.do(sale.AddItem{Sale: asked.ID, Add: sale.Add{SKU: "egg", Name: "鸡蛋", UnitPrice: money(750)}})
	if s.scene().Pay != nil {
		t.Error("the code is still there")
	}
	next := s.do(sale.Pay{Sale: asked.ID, Method: "qr"})
	if next.Payment.Amount != 5000 || next.Payment.URL == url {
		t.Errorf("%+v", next.Payment)
	}
	// The shopper had paid the first one at the last moment: it counts, the new
	// code goes, and only the rest is asked for.
	if !s.scan(s.phoneAt(url, cloud.PayChoice{})) {
		t.Error("not taken")
	}
	got := s.sale(asked.ID)
	if got.State != sale.Open || !got.PaidButChanged || got.Paid != 4250 || got.Due() != 750 || s.scene().Pay != nil {
		t.Fatalf("%+v", got)
	}
	rest := s.do(sale.Pay{Sale: asked.ID, Method: "qr"})
	_, problem := s.pay.PayPage(rest.Payment.URL, cloud.PayChoice{Shopper: "Li"})
	wantProblem(t, problem, "confirm") // "you paid for this sale already"
	s.scan(s.phone(cloud.PayChoice{Confirmed: true}))
	if got := s.sale(asked.ID); got.State != sale.Closed || got.Paid != 5000 {
		t.Errorf("%+v", got)
	}
}

// An online payment whose end is unknown keeps an offline one from being asked
// for: the shopper could pay both.
func TestOfflineBehindAnOnlinePayment(t *testing.T) {
	s := alone(t)
	s.cloud.setDown(false)
	s.cloud.on("payment.create", echo(`{"state":"pending","url":"https://pay.example/$id"}`))
	s.cloud.on("payment.cancel", nil)
	id := s.ask().ID
	s.cloud.setDown(true)
	s.refused(sale.CodePaymentPending, sale.Pay{Sale: id, Method: "qr"})
	s.do(sale.CancelPayment{Sale: id})
	s.refused(sale.CodePaymentPending, sale.Pay{Sale: id, Method: "qr"})
	if got := s.do(sale.Pay{Sale: id, Method: "cash"}); got.State != sale.Closed {
		t.Errorf("%+v", got)
	}
}

// After a restart the code is there again: what it is worth, its proof says.
func TestOfflineCodeSurvivesARestart(t *testing.T) {
	s := alone(t)
	asked := s.ask()
	proof := s.phone(cloud.PayChoice{})
	s.restart()
	if sc := s.scene(); sc.Pay == nil || sc.Pay.PaymentID != asked.Payment.ID {
		t.Fatalf("scene %+v", sc)
	}
	if !s.scan(proof) || s.sale(asked.ID).State != sale.Closed {
		t.Error("not taken")
	}
}

func six(n uint32) string { return fmt.Sprintf("%06d", n) }

// proofFor is a proof for a payment of till 1003, signed by whomever.
func proofFor(t testing.TB, paymentID string, amount uint32, keyID uint8, key ed25519.PrivateKey) string {
	t.Helper()
	nonce, err := strconv.ParseUint(paymentID[len(paymentID)-16:], 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return offlinepay.Proof{Method: offlinepay.WeChat, CloudKey: keyID, Till: 1003, Nonce: nonce, Amount: amount, Currency: 156}.
		Text(func(m []byte) []byte { return ed25519.Sign(key, m) })
}

// A proof of a test, and one in another currency, are genuine and book nothing.
func TestGenuineProofsThatBookNothing(t *testing.T) {
	s := alone(t)
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.trustFile(func() { s.trust["9"] = public })
	asked := s.ask()
	nonce, err := strconv.ParseUint(asked.Payment.ID[len(asked.Payment.ID)-16:], 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	good := offlinepay.Proof{Method: offlinepay.WeChat, CloudKey: 9, Till: 1003, Nonce: nonce, Amount: 4250, Currency: 156}
	signed := func(change func(*offlinepay.Proof)) string {
		p := good
		change(&p)
		return p.Text(func(m []byte) []byte { return ed25519.Sign(key, m) })
	}
	s.notBooked(signed(func(p *offlinepay.Proof) { p.Test = true }), "a test", asked.ID)
	s.notBooked(signed(func(p *offlinepay.Proof) { p.Currency = 840 }), "another currency", asked.ID)
	if !s.scan(signed(func(*offlinepay.Proof) {})) || s.sale(asked.ID).State != sale.Closed {
		t.Error("the true one is not taken")
	}
}

// Killed before the proof is read, between its verification and the commit,
// behind the commit, and while the receipt prints: paid once, printed once or
// reported as unknown.
func TestOfflineKilledAtEachStep(t *testing.T) {
	s := alone(t)
	asked := s.ask()
	proof := s.phone(cloud.PayChoice{})
	took := func(k *rig) sale.Sale {
		k.cloud.setDown(true)
		return k.do(sale.Pay{Sale: asked.ID, Method: "proof", Code: proof})
	}
	closedOnce := func(k *rig) {
		t.Helper()
		k.cloud.setDown(true)
		k.refused(sale.CodeProofUsed, sale.Pay{Sale: asked.ID, Method: "proof", Code: proof})
		if got := k.sale(asked.ID); got.State != sale.Closed || len(got.Tenders) != 1 || got.Paid != 4250 || len(k.events("sale.closed")) != 1 {
			t.Errorf("%+v, closed %d times", got, len(k.events("sale.closed")))
		}
	}

	k := s.killed() // nothing of the verification is anywhere: the proof is read again
	if sc := k.scene(); sc.Pay == nil || !sc.Pay.Offline {
		t.Errorf("scene %+v", sc)
	}
	if got := took(k); got.State != sale.Closed {
		t.Errorf("%+v", got)
	}
	closedOnce(k.killed())

	took(s.rig)
	k = s.killed() // committed, not printed
	closedOnce(k)
	if j := k.printJob(printer.Confirmed, printer.ProcessID); j.ID != asked.ID+"/receipt" {
		t.Errorf("job %s", j.ID)
	}
	closedOnce(k.killed())

	j, err := s.till.Next(t.Context(), "printer-1")
	if err == nil {
		err = s.till.Begin(t.Context(), "printer-1", j.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	k = s.killed() // in the middle of the paper
	closedOnce(k)
	if a, err := k.till.Job(j.ID); err != nil || a.Outcome != printer.Uncertain {
		t.Errorf("%+v, %v", a, err)
	}
	own, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if j, err := k.till.Next(own, "printer-1"); err == nil {
		t.Errorf("%s is printed again", j.ID)
	}
}
