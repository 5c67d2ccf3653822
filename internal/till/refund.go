package till

import (
	"context"
	"errors"
	"slices"
	"time"

	"tilld/internal/sale"
)

// refundSale gives money back. What goes back through the payment side is
// waited for up to the request timeout; it is asked for until it is answered.
func (t *Till) refundSale(ctx context.Context, c Call, cmd sale.RefundSale) (Answer, error) {
	if err := someLines(cmd.Lines); err != nil {
		return Answer{}, err
	}
	if cmd.Method != "" && cmd.Method != "cash" {
		return Answer{}, problem(sale.CodeInvalid, "method", "只能是 cash，或不填（原路退回）", "method is cash, or left out to give the money back as it was paid")
	}
	answer, err := t.giveBack(ctx, c, cmd.Sale, func(at time.Time, id string) sale.Event {
		return sale.RefundRequested{
			At: at, Sale: cmd.Sale, RefundID: id, Lines: cmd.Lines, Amount: cmd.Amount, Cash: cmd.Method == "cash", Reason: cmd.Reason, Cashier: cmd.Cashier,
		}
	})
	if err == nil && cmd.Method == "cash" {
		t.o.Health.Clear(condRefundFailed, cmd.Sale)
	}
	return answer, err
}

// someLines refuses a list without a line: whoever sends the lines that were
// ticked and ticked none does not mean the whole sale.
func someLines(lines []int) error {
	if lines != nil && len(lines) == 0 {
		return problem(sale.CodeInvalid, "lines", "没有选择要退的商品", "lines is empty: name the lines, or leave lines out to give back all that is left")
	}
	return nil
}

// voidSale ends a sale that is not to be, and gives back what was paid.
func (t *Till) voidSale(ctx context.Context, c Call, cmd sale.VoidSale) (Answer, error) {
	return t.giveBack(ctx, c, cmd.Sale, func(at time.Time, id string) sale.Event {
		return sale.VoidRequested{At: at, Sale: cmd.Sale, RefundID: id, Reason: cmd.Reason, Cashier: cmd.Cashier}
	})
}

func (t *Till) giveBack(ctx context.Context, c Call, saleID string, event func(at time.Time, id string) sale.Event) (Answer, error) {
	t.mu.Lock()
	x := t.begin()
	err := x.take(saleID)
	if err == nil {
		err = x.step(event(x.at, t.newID()))
	}
	if err == nil && x.returnsOffline() && !t.o.Cloud.Up() {
		err = problem(sale.CodeLinkDown, "", "这笔销售是离线付款的，退款或作废需要联网", "this sale was paid by an offline proof: giving the money back needs the link")
	}
	if err != nil {
		t.mu.Unlock()
		return Answer{}, err
	}
	answer := x.answer(c, false, x.sale())
	err = x.commit(ctx)
	t.mu.Unlock()
	if err != nil {
		return Answer{}, err
	}
	return t.refundAnswer(ctx, c, saleID, answer)
}

// refundAnswer waits until nothing of a sale's refunds is pending; when that
// takes too long the answer shows what is.
func (t *Till) refundAnswer(ctx context.Context, c Call, saleID string, first Answer) (Answer, error) {
	late := time.NewTimer(t.requestTimeout())
	defer late.Stop()
	waited := false
	for {
		t.mu.Lock()
		s, live := t.machine.Sale(saleID)
		pending := live && slices.ContainsFunc(s.Refunds, func(r sale.Refund) bool { return r.State == sale.RefundPending })
		changed := t.changed
		t.mu.Unlock()
		if !pending || !t.o.Cloud.Up() {
			if !waited {
				return first, nil
			}
			s, err := t.Sale(saleID)
			if err != nil {
				return Answer{}, err
			}
			return t.keepBody(ctx, c, s)
		}
		waited = true
		select {
		case <-changed:
		case <-late.C:
			s, err := t.Sale(saleID)
			if err != nil {
				return Answer{}, err
			}
			return t.keepBody(ctx, c, s)
		case <-ctx.Done():
			return first, nil
		}
	}
}

// pursueRefund makes sure that somebody asks for money to be given back. mu is held.
func (t *Till) pursueRefund(ask sale.Ask) {
	key := ask.RefundID + "/" + ask.PaymentID
	if _, ok := t.askers[key]; ok {
		return
	}
	t.askers[key] = &asker{}
	t.spawn(func(ctx context.Context) {
		t.askRefund(ctx, ask)
		t.mu.Lock()
		delete(t.askers, key)
		t.mu.Unlock()
	})
}

// askRefund asks until the payment side has answered or the engine stops. The
// refund id makes the question repeatable.
func (t *Till) askRefund(ctx context.Context, ask sale.Ask) {
	backoff := time.Duration(0)
	for ctx.Err() == nil {
		own, cancel := context.WithTimeout(ctx, t.requestTimeout())
		body, err := t.o.Cloud.Ask(own, ask.Type, ask.SaleID, "", refundData{ask.PaymentID, ask.RefundID, ask.Amount})
		cancel()
		var w wirePayment
		if err == nil {
			err = decode(body, &w)
		}
		ok, known := refundVerdict(w.State, err)
		if known && ctx.Err() == nil {
			if err := t.refundNews(ctx, ask, ok); err == nil {
				return
			}
		}
		backoff = nextBackoff(backoff, false, err)
		if !known {
			t.log.Warn("refund not answered yet", "sale", ask.SaleID, "wait", backoff, "state", cut(w.State, 32), "err", err)
		}
		t.pause(ctx, backoff, nil)
	}
}

// refundVerdict says whether the payment side has decided, and how.
func refundVerdict(state string, err error) (ok, known bool) {
	if refusal, is := errors.AsType[*CloudError](err); is {
		return false, !undecided(refusal.Code)
	}
	if err != nil {
		return false, false
	}
	switch state {
	case "done", "refunded", "paid":
		return true, true
	case "failed", "refused":
		return false, true
	default:
		return false, false
	}
}

func (t *Till) refundNews(ctx context.Context, ask sale.Ask, ok bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.begin()
	err := x.take(ask.SaleID)
	if err == nil {
		err = x.step(sale.RefundNews{At: x.at, Sale: ask.SaleID, RefundID: ask.RefundID, PaymentID: ask.PaymentID, OK: ok})
	}
	if err == nil {
		err = x.commit(ctx)
	}
	if err != nil {
		t.log.Error("the answer to a refund could not be booked", "sale", ask.SaleID, "err", err)
		return err
	}
	t.o.Health.Set(!ok, condRefundFailed, ask.SaleID, "sale", ask.SaleID)
	return nil
}
