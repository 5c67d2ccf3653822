package till

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"tilld/internal/lang"
	"tilld/internal/sale"
	"tilld/queue"
)

// MaxKey is the longest Idempotency-Key in bytes.
const MaxKey = 255

// Do runs one command of this package or of package sale, given by value.
// Errors are *sale.Problem, or faults of the disk.
//
// A call with a key is answered once: a repeat gets the same bytes or the same
// problem, also after a restart, and changes nothing. Problems that say nothing
// about the request itself (no link, queue full, too often) are not kept.
func (t *Till) Do(ctx context.Context, c Call, cmd any) (Answer, error) {
	if c.Key == "" {
		return t.dispatch(ctx, c, cmd)
	}
	if len(c.Key) > MaxKey {
		return Answer{}, problem(sale.CodeInvalid, "Idempotency-Key", "幂等键最多 255 字节", "the key must have at most 255 bytes")
	}
	unlock, err := t.keys.lock(ctx, c.Key)
	if err != nil {
		return Answer{}, err
	}
	defer unlock()
	kept, err := t.kept(c.Key)
	if err != nil {
		return Answer{}, err
	}
	if kept != nil {
		return t.repeat(ctx, c, *kept)
	}
	answer, err := t.dispatch(ctx, c, cmd)
	if err != nil && !final(err) {
		return answer, err
	}
	if serr := t.keepOutcome(ctx, c, answer, err); serr != nil {
		return Answer{}, serr
	}
	return answer, err
}

// keepOutcome keeps a final answer that is not kept by the commit that made it
// true.
func (t *Till) keepOutcome(ctx context.Context, c Call, answer Answer, err error) error {
	if err != nil {
		p, _ := errors.AsType[*sale.Problem](err)
		return t.keep(ctx, c.Key, keptAnswer{Fingerprint: c.Fingerprint, Problem: p})
	}
	if kept, err := t.kept(c.Key); err != nil || kept != nil {
		return err
	}
	return t.keep(ctx, c.Key, keptAnswer{Fingerprint: c.Fingerprint, Created: answer.Created, Body: answer.Body})
}

// keptAnswer is the record behind an Idempotency-Key.
type keptAnswer struct {
	At          time.Time       `json:"at"`
	Fingerprint string          `json:"fingerprint"`
	Created     bool            `json:"created,omitempty"`
	Body        json.RawMessage `json:"body,omitempty"`
	Sealed      []byte          `json:"sealed,omitempty"` // Body, when it names a shopper
	Problem     *sale.Problem   `json:"problem,omitempty"`
	// A call that waits for the cloud has no answer yet; a repeat after a crash
	// is answered from how the payment stands.
	Sale    string `json:"sale,omitempty"`
	Payment string `json:"payment,omitempty"`
}

func (t *Till) kept(key string) (*keptAnswer, error) {
	var k keptAnswer
	err := t.o.Store.View(func(tx *queue.Tx) error { return getJSON(tx, queue.Idem, []byte("key/"+key), &k) })
	if err != nil || k.At.IsZero() {
		return nil, err
	}
	k = t.openAnswer("key/"+key, k)
	return &k, nil
}

func (t *Till) keep(ctx context.Context, key string, k keptAnswer) error {
	k.At = t.now()
	body := mustJSON(t.sealAnswer("key/"+key, k))
	return t.o.Store.Update(context.WithoutCancel(ctx), func(tx *queue.Tx) error {
		return tx.Put(queue.Idem, []byte("key/"+key), body)
	})
}

// repeat answers a key that was used before.
func (t *Till) repeat(ctx context.Context, c Call, k keptAnswer) (Answer, error) {
	switch {
	case k.Fingerprint != c.Fingerprint:
		return Answer{}, problem(sale.CodeKeyReused, "Idempotency-Key", "这个幂等键已经用于另一个请求", "this key was used for another request")
	case k.Problem != nil:
		return Answer{}, k.Problem
	case k.Payment == "" && k.Sale != "":
		return t.returnAnswer(ctx, c, k.Sale)
	case k.Payment != "":
		return t.paymentAnswer(ctx, c, k.Sale, k.Payment)
	default:
		return Answer{Created: k.Created, Body: k.Body}, nil
	}
}

// answer makes body the call's answer, kept in the same commit.
func (x *txn) answer(c Call, created bool, body any) Answer {
	if s, ok := body.(sale.Sale); ok {
		body = withheld(s)
	}
	a := Answer{Created: created, Body: mustJSON(body)}
	if c.Key != "" {
		k := keptAnswer{At: x.at, Fingerprint: c.Fingerprint, Created: created, Body: a.Body}
		x.put(queue.Idem, "key/"+c.Key, x.t.sealAnswer("key/"+c.Key, k))
	}
	return a
}

// final reports whether an error would be the same if it were asked again now.
func final(err error) bool {
	p, ok := errors.AsType[*sale.Problem](err)
	if !ok {
		return false
	}
	switch p.Code {
	case sale.CodeLinkDown, sale.CodeQueueFull, sale.CodeRateLimited, sale.CodeUnavailable, sale.CodeKeyReused:
		return false
	default:
		return true
	}
}

// keyLocks lets calls with the same key wait for each other.
type keyLocks struct {
	mu   sync.Mutex
	busy map[string]chan struct{}
}

func (k *keyLocks) lock(ctx context.Context, key string) (unlock func(), err error) {
	for {
		k.mu.Lock()
		wait, taken := k.busy[key]
		if !taken {
			if k.busy == nil {
				k.busy = map[string]chan struct{}{}
			}
			done := make(chan struct{})
			k.busy[key] = done
			k.mu.Unlock()
			return func() {
				k.mu.Lock()
				delete(k.busy, key)
				k.mu.Unlock()
				close(done)
			}, nil
		}
		k.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (t *Till) dispatch(ctx context.Context, c Call, cmd any) (Answer, error) {
	switch cmd := cmd.(type) {
	case sale.OpenSale:
		return t.openSale(ctx, c, cmd)
	case sale.AddItem:
		return t.addItem(ctx, c, cmd)
	case sale.ChangeItem:
		return t.saleStep(ctx, c, sale.ItemChanged{At: t.now(), Sale: cmd.Sale, Line: cmd.Line, Quantity: cmd.Quantity, Discount: cmd.Discount})
	case sale.RemoveItem:
		return t.saleStep(ctx, c, sale.ItemRemoved{At: t.now(), Sale: cmd.Sale, Line: cmd.Line})
	case sale.Park:
		return t.saleStep(ctx, c, sale.ParkedEvent{At: t.now(), Sale: cmd.Sale, Reason: cmd.Reason, Cashier: cmd.Cashier})
	case sale.Recall:
		return t.saleStep(ctx, c, sale.Recalled{At: t.now(), Sale: cmd.Sale, Reason: cmd.Reason, Cashier: cmd.Cashier})
	case sale.Pay:
		answer, err := t.pay(ctx, c, cmd)
		if hasCode(err, sale.CodeLinkDown) {
			t.tellNoLink(cmd.Sale)
		}
		return answer, err
	case sale.CancelPayment:
		return t.cancelPayment(ctx, c, cmd)
	case sale.VoidSale:
		return t.voidSale(ctx, c, cmd)
	case sale.RefundSale:
		return t.refundSale(ctx, c, cmd)
	case RefundOther:
		return t.refundOther(ctx, c, cmd)
	case sale.Reprint:
		return t.reprintSale(ctx, c, cmd)
	case PrintRequest:
		return t.print(ctx, c, cmd)
	case ReprintJob:
		return t.reprintJob(ctx, c, cmd)
	case PrintZ:
		return t.printZ(ctx, c, cmd)
	case ScanCode:
		return t.scanCode(ctx, c, cmd)
	case AckScan:
		return t.ackScan(ctx, c, cmd)
	case ShowScene:
		return t.showScene(c, cmd.Scene, 0)
	case ClearScene:
		return t.clearScene()
	case OpenShift:
		return t.openShift(ctx, c, cmd)
	case CloseShift:
		return t.closeShift(ctx, c, cmd)
	case OpenDrawer:
		return t.openDrawer(ctx, c, cmd)
	case TestDevice:
		return t.testDevice(ctx, cmd.Name)
	case SignIn:
		return t.signIn(ctx, c, cmd)
	case SignOut:
		return t.signOut(ctx, c)
	case ConfirmPickup:
		return t.confirmPickup(ctx, c, cmd.ID)
	}
	return Answer{}, fmt.Errorf("till: no such command: %T", cmd)
}

// problem makes a *sale.Problem.
func problem(code, field, zh, en string) *sale.Problem {
	return &sale.Problem{Code: code, Field: field, Detail: lang.Text{ZH: zh, EN: en}}
}

// hasCode reports whether err is a problem of that code.
func hasCode(err error, code string) bool {
	p, ok := errors.AsType[*sale.Problem](err)
	return ok && p.Code == code
}
