package till

import (
	"context"
	"encoding/json"

	"tilld/internal/sale"
)

func (t *Till) openShift(ctx context.Context, c Call, cmd OpenShift) (Answer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.begin()
	if err := x.step(sale.ShiftOpened{At: x.at, Cashier: cmd.Cashier, Float: sale.Money(cmd.Float)}); err != nil {
		return Answer{}, err
	}
	answer := x.answer(c, true, x.m.Book().Shift)
	return answer, x.commit(ctx)
}

// closeShift answers with the count: what should be in the drawer, what is.
func (t *Till) closeShift(ctx context.Context, c Call, cmd CloseShift) (Answer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.begin()
	if err := x.step(sale.ShiftEnded{At: x.at, Cashier: cmd.Cashier, Counted: sale.Money(cmd.Counted)}); err != nil {
		return Answer{}, err
	}
	var body json.RawMessage
	for _, m := range x.events {
		if m.Type == "tilld.shift.closed.v1" {
			body = m.Data
		}
	}
	answer := x.answer(c, false, body)
	return answer, x.commit(ctx)
}

func (t *Till) signIn(ctx context.Context, c Call, cmd SignIn) (Answer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.begin()
	if err := x.step(sale.SignedIn{At: x.at, Cashier: cmd.Badge}); err != nil {
		return Answer{}, err
	}
	answer := x.answer(c, false, map[string]string{"cashier": cmd.Badge})
	return answer, x.commit(ctx)
}

func (t *Till) signOut(ctx context.Context, c Call) (Answer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.begin()
	if err := x.step(sale.SignedOut{At: x.at}); err != nil {
		return Answer{}, err
	}
	answer := x.answer(c, false, map[string]string{"cashier": ""})
	return answer, x.commit(ctx)
}
