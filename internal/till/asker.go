package till

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"

	"tilld/internal/qr"
	"tilld/internal/sale"
	"tilld/queue"
)

// Waits between questions about the same payment or refund.
const (
	askFirst    = time.Second
	askLast     = 30 * time.Second
	pollCollect = 2 * time.Second  // the shopper is typing a password
	pollQR      = 10 * time.Second // the result comes as a command; this is in case it got lost
)

// asker is the goroutine that asks the cloud about one payment until the cloud
// has called it final. Its fields are guarded by Till.mu.
type asker struct {
	secret string // auth code for the first question, memory only
	kick   chan struct{}
	cut    context.CancelFunc // ends the question under way, nil when there is none
	asked  string             // its type
}

type (
	createData struct {
		PaymentID   string     `json:"payment_id"`
		Amount      sale.Money `json:"amount"`
		Currency    string     `json:"currency"`
		ItemsDigest string     `json:"items_digest"`
		TTLSeconds  int        `json:"ttl_s"`
	}
	collectData struct {
		PaymentID string     `json:"payment_id"`
		Amount    sale.Money `json:"amount"`
		Currency  string     `json:"currency"`
		AuthCode  string     `json:"auth_code"`
	}
	paymentData struct {
		PaymentID string `json:"payment_id"`
	}
	refundData struct {
		PaymentID string     `json:"payment_id"`
		RefundID  string     `json:"refund_id"`
		Amount    sale.Money `json:"amount"`
	}
)

// pursue makes sure that somebody asks about a payment, and has it asked anew
// at once. mu is held.
func (t *Till) pursue(paymentID, secret string) {
	if a, ok := t.askers[paymentID]; ok {
		select {
		case a.kick <- struct{}{}:
		default:
		}
		if a.cut != nil && (a.asked == "payment.create" || a.asked == "payment.query") {
			a.cut() // what is asked now is out of date
		}
		return
	}
	a := &asker{secret: secret, kick: make(chan struct{}, 1)}
	t.askers[paymentID] = a
	t.spawn(func(ctx context.Context) { t.askPayment(ctx, paymentID, a) })
}

// question is what has to be asked about a payment next.
type question struct {
	kind, sale string
	data       any
	timeout    time.Duration
	wait       time.Duration // before asking
	first      bool          // somebody waits for the answer
}

// next decides what to ask about a payment, from how it stands. mu is held.
func (t *Till) next(id string, a *asker) (q question, ok bool) {
	for _, s := range t.machine.Waiting() {
		for _, p := range s.Unsettled() {
			if p.ID == id {
				return t.questionOf(s, p, a), true
			}
		}
	}
	return question{}, false
}

func (t *Till) questionOf(s sale.Sale, p sale.Payment, a *asker) question {
	q := question{sale: s.ID, timeout: t.requestTimeout(), data: paymentData{p.ID}}
	switch {
	case p.Withdrawn:
		q.kind = "payment.cancel"
	case p.State == sale.PayRequested && p.Method == "qr":
		q.kind, q.first = "payment.create", true
		q.data = createData{p.ID, p.Amount, t.o.Currency, p.ItemsDigest, int(p.ExpiresAt.Sub(p.RequestedAt) / time.Second)}
	case p.State == sale.PayPending && p.Verified && p.Method == "qr" && p.URL == "" && p.PicturePNGBase64 == "":
		// The answer with the code got lost; the same payment gets the same code.
		q.kind, q.wait = "payment.create", askFirst
		q.data = createData{p.ID, p.Amount, t.o.Currency, p.ItemsDigest, max(1, int(p.ExpiresAt.Sub(t.now())/time.Second))}
	case p.State == sale.PayRequested && a.secret != "":
		q.kind, q.first = "payment.collect", true
		q.data = collectData{p.ID, p.Amount, t.o.Currency, a.secret}
		a.secret = "" // sent once
	default:
		q.kind = "payment.query"
		if p.State == sale.PayPending && p.Verified {
			q.wait = pollQR
			if p.Method == "collect" || p.Offline && t.o.Cloud.Up() {
				q.wait = pollCollect
			}
		}
	}
	if p.Offline && !t.o.Cloud.Up() {
		// There may be many of these during a long spell without a link.
		q.wait = min(pollQR, time.Duration(1+len(t.askers)/8)*askFirst)
	}
	return q
}

// askPayment asks until the payment is settled or the engine stops.
func (t *Till) askPayment(ctx context.Context, id string, a *asker) {
	backoff, now := time.Duration(0), true
	for {
		t.mu.Lock()
		q, ok := t.next(id, a)
		if !ok || ctx.Err() != nil {
			delete(t.askers, id)
			t.mu.Unlock()
			return
		}
		if wait := max(q.wait, backoff); wait > 0 && !now {
			t.mu.Unlock()
			if t.pause(ctx, wait, a.kick) {
				backoff = 0
			}
			now = true // whatever is to be asked by then
			continue
		}
		own, cancel := context.WithTimeout(ctx, q.timeout)
		a.cut, a.asked, now = cancel, q.kind, false
		t.mu.Unlock()

		body, err := t.o.Cloud.Ask(own, q.kind, q.sale, "", q.data)
		cancel()
		var event sale.Event
		if err == nil { // not under the lock: the pay code is made and read back
			event, err = t.readPayment(q.kind, id, body)
		}

		t.mu.Lock()
		a.cut = nil
		clear := t.answered(ctx, id, q, event, err)
		t.mu.Unlock()
		backoff = nextBackoff(backoff, clear, err)
	}
}

// nextBackoff is the wait before the next question.
func nextBackoff(last time.Duration, clear bool, err error) time.Duration {
	switch {
	case clear:
		return 0
	case errors.Is(err, ErrLinkDown):
		return askFirst // costs nothing, and the link may be back
	default:
		next := min(max(2*last, askFirst), askLast)
		return next + rand.N(next/4)
	}
}

// pause waits; true when somebody wants the question asked at once.
func (t *Till) pause(ctx context.Context, wait time.Duration, kick <-chan struct{}) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-kick:
		return true
	}
	return false
}

// answered books the answer to a question about a payment; true when it says
// clearly how the payment stands, false has it asked again later. mu is held.
func (t *Till) answered(ctx context.Context, id string, q question, event sale.Event, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	refusal, refused := errors.AsType[*CloudError](err)
	if refused && sale.IsOffline(id) && q.kind == "payment.query" {
		return false // no phone has opened the code yet, as far as the cloud knows
	}
	if refused && q.kind == "payment.collect" && undecided(refusal.Code) {
		refused, err = false, ErrNoAnswer // the shopper may have been charged: only a query tells
	}
	switch {
	case refused && (q.first || unknownPayment(refusal.Code)):
		event = sale.PaymentNews{At: t.now(), PaymentID: id, State: sale.PayFailed, Error: clip(firstText(refusal.Message, refusal.Code), 200)}
	case err != nil:
		if !errors.Is(err, ErrLinkDown) && !errors.Is(err, ErrNoAnswer) {
			t.log.Warn("the cloud's answer about a payment cannot be used", "sale", q.sale, "kind", q.kind, "err", err)
		}
		if q.first {
			t.silent(ctx, id)
		}
		return false
	}
	if n, ok := event.(sale.PaymentNews); ok && sale.IsOffline(id) && q.kind == "payment.query" && (n.State == sale.PayRequested || n.State == sale.PayPending) {
		return true // it may still be paid, which is what the till thinks too
	}
	x := t.begin()
	if err := x.step(event); err != nil {
		t.log.Warn("the cloud's answer about a payment was refused", "sale", q.sale, "kind", q.kind, "err", err)
		if q.first {
			t.silent(ctx, id)
		}
		return false
	}
	// A payment that is still wanted gone is asked about again, but not at once.
	news, _ := event.(sale.PaymentNews)
	if q.kind == "payment.cancel" && !news.State.Final() {
		x.dropAsk(id)
	}
	if err := x.commit(ctx); err != nil {
		return false
	}
	return news.State.Final() || news.State == sale.PayPending && q.kind != "payment.cancel"
}

// takePayment takes up the sale that a payment belongs to.
func (x *txn) takePayment(paymentID string) error {
	id, err := x.t.paymentSale(paymentID)
	if err != nil {
		return err
	}
	if id == "" {
		return problem(sale.CodeNotFound, "payment_id", "没有这笔付款", "this till has no such payment")
	}
	return x.take(id)
}

// paymentSale is the sale that a payment was asked for, "" when this till never
// asked for it.
func (t *Till) paymentSale(paymentID string) (string, error) {
	var id []byte
	err := t.o.Store.View(func(tx *queue.Tx) (err error) {
		id, err = tx.Get(queue.Index, []byte("payment/"+paymentID))
		return err
	})
	return string(id), err
}

// unknownPayment reports whether a refusal says that the cloud has no such
// payment, so that nobody can have paid it.
func unknownPayment(code string) bool {
	return code == "not_found" || code == "unknown_payment"
}

// undecided reports whether a refusal says nothing about what was asked for, only
// that the cloud, or the payment side behind it, could not say.
func undecided(code string) bool {
	switch code {
	case "unavailable", "timeout", "busy", "rate_limited", "internal":
		return true
	default:
		return false
	}
}

func firstText(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

// readPayment reads what the cloud says of a payment. A code that no phone
// could read is withdrawn instead of shown.
func (t *Till) readPayment(kind, id string, body json.RawMessage) (sale.Event, error) {
	var w wirePayment
	if err := decode(body, &w); err != nil {
		return nil, err
	}
	if w.PaymentID != "" && w.PaymentID != id {
		return nil, problem(sale.CodeInvalid, "payment_id", "付款编号不符", "the answer is about another payment")
	}
	n, err := w.news(id, t.now())
	if err != nil {
		return nil, err
	}
	if n.State != sale.PayPending {
		return n, nil
	}
	if kind == "payment.create" && n.URL == "" && n.PicturePNGBase64 == "" {
		return nil, problem(sale.CodeInvalid, "url", "云端没有给出付款码", "a pending payment needs a url or a picture")
	}
	bad := checkLink(n.URL)
	if bad == nil && n.PicturePNGBase64 != "" {
		img, perr := picture(n.PicturePNGBase64)
		if bad = perr; perr == nil {
			if _, rerr := qr.Read(img); rerr != nil {
				t.log.Debug("the pay picture is no QR code; shown as the cloud made it", "err", rerr)
			}
		}
	}
	if bad != nil {
		return sale.PaymentUnshowable{At: n.At, PaymentID: id, Error: clip("the pay code cannot be shown: "+bad.Error(), 200)}, nil
	}
	return n, nil
}

// silent books that the cloud did not answer in time. mu is held.
func (t *Till) silent(ctx context.Context, id string) {
	x := t.begin()
	err := x.step(sale.PaymentSilent{At: x.at, PaymentID: id})
	if err == nil && len(x.order) > 0 {
		err = x.commit(ctx)
	}
	if err != nil {
		t.log.Error("payment without an answer", "err", err)
	}
}

// PaymentResult is the command payment.result: what became of a payment, as
// its data says. It is accepted for a payment of this till and the exact
// amount only, and may be repeated.
func (t *Till) PaymentResult(ctx context.Context, data json.RawMessage) error {
	var w wirePayment
	if err := decode(data, &w); err != nil {
		return err
	}
	if w.PaymentID == "" || w.State == "" || w.URL != "" || w.Picture != "" {
		return problem(sale.CodeInvalid, "payment_id", "缺少付款编号或状态", "payment_id and state are needed, url and picture are not")
	}
	if sale.PaymentState(w.State) == sale.PayPaid && w.Amount == nil && len(w.Tenders) == 0 {
		return problem(sale.CodeInvalid, "amount", "缺少金额", "amount is missing")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	n, err := w.news(w.PaymentID, t.now())
	if err != nil {
		return err
	}
	x := t.begin()
	if err := x.takePayment(w.PaymentID); err != nil {
		return err
	}
	if err := x.step(n); err != nil {
		return err
	}
	return x.commit(ctx)
}
