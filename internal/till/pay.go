package till

import (
	"context"
	"errors"
	"time"

	"tilld/internal/sale"
	"tilld/queue"
	"tilld/scanner/code"
)

// armedFor is how long the till waits for the shopper's auth code after the
// cashier has asked for it.
const armedFor = time.Minute

// collectTTL is how long a payment by auth code may take: the shopper may have
// to type a password.
const collectTTL = 2 * time.Minute

// pay takes or starts a tender. Cash and other systems are booked at once; a
// payment through the cloud is answered when the cloud has said pending, paid
// or failed, at the latest after the request timeout.
func (t *Till) pay(ctx context.Context, c Call, cmd sale.Pay) (Answer, error) {
	if (cmd.Given != nil && cmd.Method != "cash") || (cmd.Code != "" && cmd.Method != "collect" && cmd.Method != "proof") {
		return Answer{}, problem(sale.CodeInvalid, "method", "付款参数与付款方式不符", "given belongs to cash, code to collect and proof")
	}
	switch cmd.Method {
	case "cash":
		return t.payHere(ctx, c, func(at time.Time) sale.Event {
			return sale.CashTaken{At: at, Sale: cmd.Sale, Amount: cmd.Amount, Given: cmd.Given}
		})
	case "external":
		return t.payHere(ctx, c, func(at time.Time) sale.Event {
			return sale.ExternalTaken{At: at, Sale: cmd.Sale, Amount: cmd.Amount, Reference: cmd.Reference}
		})
	case "qr":
		if t.o.Offline != nil && !t.o.Cloud.Up() {
			return t.payOffline(ctx, c, cmd)
		}
		return t.payCloud(ctx, c, cmd, "")
	case "proof":
		return t.payProof(ctx, c, cmd)
	case "collect":
		if cmd.Code == "" {
			return t.arm(cmd.Sale, cmd.Amount)
		}
		k := t.o.Rules.Classify(code.AwaitingPayment, "", []byte(cmd.Code))
		if k.Kind != code.AuthCode {
			return Answer{}, problem(sale.CodeBadCode, "code", "这不是付款码", "this is not a shopper's payment code")
		}
		return t.payCloud(ctx, c, cmd, k.Text)
	default:
		return Answer{}, problem(sale.CodeInvalid, "method", "付款方式只能是 qr、collect、proof、cash 或 external", "method must be qr, collect, proof, cash or external")
	}
}

// payHere books a tender that needs no cloud.
func (t *Till) payHere(ctx context.Context, c Call, event func(at time.Time) sale.Event) (Answer, error) {
	x, err := t.tender(ctx, event)
	if err != nil {
		return Answer{}, err
	}
	defer t.mu.Unlock()
	answer := x.answer(c, false, x.sale())
	return answer, x.commit(ctx)
}

// tender begins a commit with a tender. While a payment that was withdrawn is
// still being cancelled it waits for the cloud's word, up to the request
// timeout, because the shopper may just have paid. On success mu is held.
func (t *Till) tender(ctx context.Context, event func(at time.Time) sale.Event) (*txn, error) {
	late := time.NewTimer(t.requestTimeout())
	defer late.Stop()
	for {
		t.mu.Lock()
		x := t.begin()
		e := event(x.at)
		err := x.step(e)
		if err == nil {
			return x, nil
		}
		wait := hasCode(err, sale.CodePaymentPending) && t.o.Cloud.Up() && t.beingCancelled(e)
		changed := t.changed
		t.mu.Unlock()
		if !wait {
			return nil, err
		}
		select {
		case <-changed:
		case <-late.C:
			return nil, err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// beingCancelled reports whether all that a tender waits for was withdrawn.
func (t *Till) beingCancelled(e sale.Event) bool {
	s, ok := t.machine.Sale(saleOf(e))
	if !ok {
		return false
	}
	for _, p := range s.Unsettled() {
		if !p.Withdrawn {
			return false
		}
	}
	return true
}

// saleOf is the sale that an event names.
func saleOf(e sale.Event) string {
	switch e := e.(type) {
	case sale.ItemsAdded:
		return e.Sale
	case sale.ItemChanged:
		return e.Sale
	case sale.ItemRemoved:
		return e.Sale
	case sale.CouponApplied:
		return e.Sale
	case sale.MemberAttached:
		return e.Sale
	case sale.ParkedEvent:
		return e.Sale
	case sale.Recalled:
		return e.Sale
	case sale.CashTaken:
		return e.Sale
	case sale.ExternalTaken:
		return e.Sale
	case sale.PaymentStarted:
		return e.Sale
	case sale.PaymentGivenUp:
		return e.Sale
	}
	return ""
}

// payCloud starts a payment through the cloud and waits for what it says.
// secret is the shopper's auth code: it stays in memory.
func (t *Till) payCloud(ctx context.Context, c Call, cmd sale.Pay, secret string) (Answer, error) {
	saleID, paymentID, err := t.startPayment(ctx, c, cmd, secret)
	if err != nil {
		return Answer{}, err
	}
	return t.paymentAnswer(ctx, c, saleID, paymentID)
}

// startPayment commits that a payment is asked for, then has it asked.
func (t *Till) startPayment(ctx context.Context, c Call, cmd sale.Pay, secret string) (saleID, paymentID string, err error) {
	if !t.o.Cloud.Up() {
		return "", "", linkDown()
	}
	ttl := t.qrTTL()
	if cmd.Method == "collect" {
		ttl = collectTTL
		if err := t.switchToCollect(ctx, cmd.Sale); err != nil {
			return "", "", err
		}
	}
	paymentID = t.newID()
	x, err := t.tender(ctx, func(at time.Time) sale.Event {
		return sale.PaymentStarted{At: at, Sale: cmd.Sale, PaymentID: paymentID, Method: cmd.Method, Amount: cmd.Amount, TTL: ttl}
	})
	if err != nil {
		return "", "", err
	}
	defer t.mu.Unlock()
	if c.Key != "" {
		x.put(queue.Idem, "key/"+c.Key, keptAnswer{At: x.at, Fingerprint: c.Fingerprint, Sale: cmd.Sale, Payment: paymentID})
	}
	t.stage.disarm()
	// The effect finds the asker, with the secret, already there.
	x.after = append(x.after, func() { t.pursue(paymentID, secret) })
	x.dropAsk(paymentID)
	return cmd.Sale, paymentID, x.commit(ctx)
}

// dropAsk leaves out the machine's own question about a payment.
func (x *txn) dropAsk(paymentID string) {
	kept := x.effects[:0]
	for _, e := range x.effects {
		if a, ok := e.(sale.Ask); !ok || a.PaymentID != paymentID {
			kept = append(kept, e)
		}
	}
	x.effects = kept
}

// switchToCollect takes a pay code away because the shopper shows one instead.
func (t *Till) switchToCollect(ctx context.Context, saleID string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, ok := t.machine.Sale(saleID)
	if !ok || s.State != sale.Paying || s.Payment == nil || s.Payment.Method != "qr" {
		return nil
	}
	x := t.begin()
	if err := x.step(sale.PaymentWithdrawn{At: x.at, Sale: saleID}); err != nil {
		return err
	}
	return x.commit(ctx)
}

// paymentAnswer waits until the cloud has said something about a payment and
// makes it the call's answer.
func (t *Till) paymentAnswer(ctx context.Context, c Call, saleID, paymentID string) (Answer, error) {
	late := time.NewTimer(t.requestTimeout())
	defer late.Stop()
	timeUp := false
	for {
		t.mu.Lock()
		s, p, err := t.payment(saleID, paymentID)
		if err != nil {
			t.mu.Unlock()
			return Answer{}, err
		}
		if p.State == sale.PayRequested && timeUp {
			t.silent(ctx, paymentID)
			if s, p, err = t.payment(saleID, paymentID); err == nil && p.State == sale.PayRequested {
				err = errors.New("till: the payment's state cannot be stored")
			}
		}
		changed := t.changed
		t.mu.Unlock()
		switch {
		case err != nil:
			return Answer{}, err
		case p.State == sale.PayUnknown:
			return t.keepProblem(ctx, c, problem(sale.CodePaymentUnknown, "", "云端没有及时回答，付款结果未知；正在继续查询，请勿重复收款",
				"the cloud did not answer in time: the payment's state is unknown, the till goes on asking; do not charge again"))
		case p.State == sale.PayFailed:
			return t.keepProblem(ctx, c, failedPayment(p))
		case p.State != sale.PayRequested:
			return t.keepBody(ctx, c, s)
		}
		select {
		case <-changed:
		case <-late.C:
			timeUp = true
		case <-ctx.Done():
			return Answer{}, ctx.Err()
		}
	}
}

func failedPayment(p sale.Payment) *sale.Problem {
	zh, en := "付款失败", "the payment failed"
	if p.Error != "" {
		zh, en = zh+"："+clip(p.Error, 120), en+": "+clip(p.Error, 120)
	}
	return problem(sale.CodePaymentFailed, "", zh, en)
}

func (t *Till) keepProblem(ctx context.Context, c Call, p *sale.Problem) (Answer, error) {
	if c.Key != "" {
		if err := t.keep(ctx, c.Key, keptAnswer{Fingerprint: c.Fingerprint, Problem: p}); err != nil {
			return Answer{}, err
		}
	}
	return Answer{}, p
}

func (t *Till) keepBody(ctx context.Context, c Call, s sale.Sale) (Answer, error) {
	body := mustJSON(s)
	if c.Key != "" {
		if err := t.keep(ctx, c.Key, keptAnswer{Fingerprint: c.Fingerprint, Body: body}); err != nil {
			return Answer{}, err
		}
	}
	return Answer{Body: body}, nil
}

// payment finds a payment of a sale, live or ended.
func (t *Till) payment(saleID, paymentID string) (sale.Sale, sale.Payment, error) {
	s, ok := t.machine.Sale(saleID)
	if !ok {
		var err error
		if s, err = t.stored(saleID); err != nil {
			return s, sale.Payment{}, err
		}
	}
	if s.Payment != nil && s.Payment.ID == paymentID {
		return s, *s.Payment, nil
	}
	for _, p := range s.Payments {
		if p.ID == paymentID {
			return s, p, nil
		}
	}
	return s, sale.Payment{}, problem(sale.CodeNotFound, "payment_id", "没有这笔付款", "this till has no such payment")
}

// arm has the next scan taken for the shopper's auth code.
func (t *Till) arm(saleID string, amount *sale.Money) (Answer, error) {
	if !t.o.Cloud.Up() {
		return Answer{}, linkDown()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s, ok := t.machine.Sale(saleID)
	switch {
	case !ok:
		return Answer{}, problem(sale.CodeUnknownSale, "", "没有这笔销售，或它已经结束", "there is no such sale, or it has ended")
	case t.machine.Book().Current != saleID:
		return Answer{}, problem(sale.CodeWrongState, "", "请先取回这笔销售", "recall the sale first: scans go to the current one")
	case len(s.Items) == 0:
		return Answer{}, problem(sale.CodeEmptySale, "", "还没有商品，不能收款", "the sale has no items; there is nothing to pay")
	case s.Due() <= 0:
		return Answer{}, problem(sale.CodeNothingDue, "", "没有需要付的金额", "nothing is due")
	}
	if amount != nil && (*amount <= 0 || *amount > s.Due()) {
		return Answer{}, problem(sale.CodeInvalid, "amount", "金额必须大于 0，且不超过应付金额", "amount must be more than 0 and at most what is due")
	}
	t.look()
	t.stage.arm(saleID, amount, t.now().Add(armedFor))
	t.show()
	t.nudge()
	return Answer{Body: mustJSON(s)}, nil
}

func (t *Till) cancelPayment(ctx context.Context, c Call, cmd sale.CancelPayment) (Answer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.begin()
	armed := t.stage.armedFor(cmd.Sale, x.at)
	t.stage.disarm()
	err := x.step(sale.PaymentGivenUp{At: x.at, Sale: cmd.Sale})
	if s, ok := t.machine.Sale(cmd.Sale); err != nil && armed && ok {
		t.show()
		return Answer{Body: mustJSON(s)}, nil
	}
	if err != nil {
		return Answer{}, err
	}
	answer := x.answer(c, false, x.sale())
	return answer, x.commit(ctx)
}
