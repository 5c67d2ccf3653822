package till

import (
	"context"
	"time"

	"tilld/internal/sale"
	"tilld/queue"
	"tilld/scanner/code"
)

// pickup shows an order that is to be handed over. Its code scanned again, or
// [ConfirmPickup], says that it was.
func (x *txn) pickup(f finding) error {
	t, p := x.t, *f.pickup
	done, err := t.pickupDone(p.ID)
	if err != nil {
		return err
	}
	if done || p.State == "done" {
		return problem(sale.CodePickupDone, "code", "这张提货单已经提过", "this order was handed over already")
	}
	if t.stage.order != nil && t.stage.order.ID == p.ID && x.at.Before(t.stage.orderUntil) {
		x.handOver(*t.stage.order)
		return nil
	}
	x.after = append(x.after, func() {
		t.stage.order, t.stage.orderCode, t.stage.orderToken, t.stage.orderUntil = &p, f.scanned, f.token, x.at.Add(pickupFor)
	})
	return nil
}

// pickupShown is the order on the screen, when this is its code.
func (t *Till) pickupShown(scanned string) (finding, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := &t.stage
	if g.order == nil || g.orderCode != scanned || !t.now().Before(g.orderUntil) {
		return finding{}, false
	}
	p := *g.order
	return finding{kind: code.Pickup, pickup: &p, scanned: scanned, token: g.orderToken}, true
}

func (t *Till) pickupDone(id string) (done bool, err error) {
	err = t.o.Store.View(func(tx *queue.Tx) error {
		v, err := tx.Get(queue.Index, []byte("pickup/"+id))
		done = v != nil
		return err
	})
	return done, err
}

// handOver records the hand-over, once, with its event.
func (x *txn) handOver(p sale.Pickup) {
	t, cashier := x.t, x.m.Book().Cashier
	x.index("pickup/"+p.ID, x.at.Format(time.RFC3339))
	x.report("tilld.pickup.completed.v1", cut(p.ID, 128), pickupData{
		Pickup: p.ID, Number: p.Number, Items: len(p.Items), ShopperMasked: p.ShopperMasked, Cashier: cashier, Token: t.stage.orderToken, At: x.at,
	})
	x.after = append(x.after, func() {
		t.stage.order, t.stage.orderCode, t.stage.orderToken = nil, "", ""
		t.say(t.word(wordPickup), t.word(wordHandedOver))
	})
}

// pickupData is the data of tilld.pickup.completed.v1.
type pickupData struct {
	Pickup        string    `json:"pickup"`
	Number        string    `json:"number,omitempty"`
	Items         int       `json:"items"`
	ShopperMasked string    `json:"shopper_masked,omitempty"`
	Cashier       string    `json:"cashier,omitempty"`
	Token         string    `json:"token,omitempty"` // it was accepted by a signed token, the cloud was not asked
	At            time.Time `json:"at"`
}

// confirmPickup is the cashier's word that the order on the screen was handed over.
func (t *Till) confirmPickup(ctx context.Context, c Call, id string) (Answer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	done, err := t.pickupDone(id)
	switch {
	case err != nil:
		return Answer{}, err
	case done:
		return Answer{}, problem(sale.CodePickupDone, "", "这张提货单已经提过", "this order was handed over already")
	case t.stage.order == nil || t.stage.order.ID != id:
		return Answer{}, problem(sale.CodeNotFound, "", "请先扫描提货码", "scan the pickup code first")
	}
	x := t.begin()
	p := *t.stage.order
	x.handOver(p)
	answer := x.answer(c, false, map[string]string{"pickup": id, "state": "done"})
	return answer, x.commit(ctx)
}
