package till

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tilld/internal/fault"
	"tilld/internal/sale"
	"tilld/queue"
)

const (
	drawerTime = 3 * time.Second
	// drawerLimit openings without a sale are allowed within drawerWindow, by
	// anybody and also across restarts.
	drawerLimit  = 3
	drawerWindow = time.Hour
	// foreignLimit openings for sales that other programs keep are allowed within
	// foreignWindow: more than a cashier can sell for cash.
	foreignLimit  = 12
	foreignWindow = time.Minute
)

var (
	drawerKey        = []byte("drawer")
	foreignDrawerKey = []byte("drawer-foreign")
)

// rate remembers when something rate-limited was done last.
type rate struct {
	Last []time.Time `json:"last"`
}

// allow forgets what is older than window and reports whether there is room.
func (r rate) allow(now time.Time, limit int, window time.Duration) (rate, bool) {
	kept := slices.DeleteFunc(slices.Clone(r.Last), func(at time.Time) bool {
		return now.Sub(at) >= window || at.After(now.Add(window)) // a clock that was set back does not lock the drawer for ever
	})
	if len(kept) >= limit {
		return rate{kept}, false
	}
	return rate{append(kept, now)}, true
}

// openDrawer opens the cash drawer without a sale: first the journal, then the
// drawer, so that no opening is ever missing from the audit.
func (t *Till) openDrawer(ctx context.Context, c Call, cmd OpenDrawer) (Answer, error) {
	if cmd.Reason == "" || len(cmd.Reason) > 256 {
		return Answer{}, problem(sale.CodeInvalid, "reason", "请填写原因（最多 256 字节）", "reason must have 1 to 256 bytes")
	}
	if t.o.ReceiptPrinter == "" || t.o.KickDrawer == nil {
		return Answer{}, problem(sale.CodeNoPrinter, "", "没有可打开钱箱的打印机", "no printer with a cash drawer is configured")
	}
	t.mu.Lock()
	x := t.begin()
	key, limit, window, kept := drawerKey, drawerLimit, drawerWindow, &t.drawer
	if cmd.Sale {
		key, limit, window, kept = foreignDrawerKey, foreignLimit, foreignWindow, &t.drawerForeign
	}
	next, ok := kept.allow(x.at, limit, window)
	if !ok {
		t.mu.Unlock()
		minutes := int(window.Minutes())
		return Answer{}, problem(sale.CodeRateLimited, "", fmt.Sprintf("%d 分钟内最多打开钱箱 %d 次", minutes, limit),
			fmt.Sprintf("the drawer was opened %d times within %d minutes; wait, or use the key", limit, minutes))
	}
	x.put(queue.State, string(key), next)
	x.report("tilld.drawer.opened.v1", "drawer", drawerData{
		Reason: cut(cmd.Reason, 256), Cashier: cut(firstText(cmd.Cashier, x.m.Book().Cashier), 64), Origin: c.Origin, At: x.at,
	})
	x.after = append(x.after, func() { *kept = next })
	if c.Key != "" { // should the agent die before it has opened, a repeat must not open it again
		x.put(queue.Idem, "key/"+c.Key, keptAnswer{At: x.at, Fingerprint: c.Fingerprint, Problem: problem(sale.CodeUnavailable, "",
			"不确定钱箱是否已打开，请查看", "it is not known whether the drawer opened: look at it")})
	}
	err := x.commit(ctx)
	t.mu.Unlock()
	if err != nil {
		return Answer{}, err
	}
	if err := t.openNow(ctx); err != nil {
		t.o.Health.Raise(condDrawer, "drawer", "err", err.Error())
		return Answer{}, drawerProblem(err)
	}
	t.o.Health.Clear(condDrawer, "drawer")
	answer := Answer{Body: []byte(`{"opened":true}`)}
	if c.Key != "" {
		err = t.keep(ctx, c.Key, keptAnswer{Fingerprint: c.Fingerprint, Body: answer.Body})
	}
	return answer, err
}

func drawerProblem(err error) error {
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Hint != "" {
		return problem(sale.CodeUnavailable, "", "钱箱没有打开："+e.Hint, "the drawer did not open: "+e.Hint)
	}
	return problem(sale.CodeUnavailable, "", "钱箱没有打开："+err.Error(), "the drawer did not open: "+err.Error())
}

// drawerData is the data of tilld.drawer.opened.v1.
type drawerData struct {
	Reason  string    `json:"reason"`
	Cashier string    `json:"cashier,omitempty"`
	Origin  string    `json:"origin"` // api, cashier, command, dialect …
	At      time.Time `json:"at"`
}

// testDevice runs a device's harmless self-test.
func (t *Till) testDevice(ctx context.Context, name string) (Answer, error) {
	known := false
	for _, d := range t.o.Board.List() {
		known = known || d.Name == name
	}
	switch {
	case !known:
		return Answer{}, problem(sale.CodeUnknownDevice, "name", "没有这个设备", "there is no such device")
	case t.o.TestDevice == nil:
		return Answer{}, problem(sale.CodeUnavailable, "name", "不支持自检", "devices cannot be tested here")
	}
	if err := t.o.TestDevice(ctx, name); err != nil {
		text := err.Error()
		if h := fault.HintOf(err); h != "" {
			text += " (" + h + ")"
		}
		return Answer{}, problem(sale.CodeUnavailable, "name", "自检未通过："+clip(text, 200), "the test failed: "+clip(text, 200))
	}
	return Answer{Body: mustJSON(map[string]any{"name": name, "ok": true})}, nil
}
