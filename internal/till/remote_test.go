package till_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"tilld/device"
	"tilld/display"
	"tilld/internal/sale"
	"tilld/internal/till"
)

type command func(context.Context, json.RawMessage) (any, error)

func order(t *testing.T, f command, data string) {
	t.Helper()
	if _, err := f(context.Background(), json.RawMessage(data)); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
}

func reject(t *testing.T, f command, code, data string) {
	t.Helper()
	_, err := f(context.Background(), json.RawMessage(data))
	wantCode(t, err, code)
}

func TestScreenCommands(t *testing.T) {
	r := newRig(t)
	order(t, r.till.ScreenShow, `{"scene":{"kind":"message","title":"盘点中","lines":[],"offers":[],"qr":[],"currency":"","language":""},"seconds":60}`)
	if sc := r.scene(); sc.Kind != display.Message || sc.Title != "盘点中" || sc.Currency != "CNY" {
		t.Errorf("scene %+v", sc)
	}
	for _, fake := range []string{
		`{"scene":{"kind":"paid"}}`, `{"scene":{"kind":"paying"}}`, `{"scene":{"kind":"idle","paid":{"tenders":[]}}}`,
		`{"scene":{"kind":"idle","pay":{"payment_id":"x","url":"https://x.example","amount":1,"expires_at":"2026-01-01T00:00:00Z"}}}`,
		`{"scene":{"kind":"idle","qr":[{"title":"x","url":""}]}}`, `{"scene":{"kind":"offers","offers":[{"id":"1","title":"x","picture_png_base64":"xx"}]}}`,
		`{"scene":{"kind":"basket","total":9223372036854775807}}`, `{"scene":{"kind":"basket","lines":[{"line":1,"name":"x","quantity":"1","unit_price":1,"total":-9223372036854775808}]}}`,
		`{"scene":{"kind":"idle","colour":"red"}}`, `{"scene":{"kind":"idle"},"seconds":-1}`,
	} {
		reject(t, r.till.ScreenShow, sale.CodeInvalid, fake)
	}
	order(t, r.till.ScreenShow, `{"scene":{"kind":"basket","total":-500}}`) // an exchange gives money back
	order(t, r.till.ScreenClear, `{}`)
	if sc := r.scene(); sc.Kind != display.Idle {
		t.Errorf("scene %+v", sc)
	}
	r.open()
	reject(t, r.till.ScreenShow, sale.CodeSaleOpen, `{"scene":{"kind":"idle"}}`)
}

func TestReceiptSetAndConfigPatch(t *testing.T) {
	level := ""
	r := newRig(t, func(o *till.Options) { o.SetLogLevel = func(l string) error { level = l; return nil } })
	links := func() int { return len(r.scene().QR) }
	if links() != 1 {
		t.Fatalf("%d codes on the idle scene", links())
	}
	order(t, r.till.ReceiptSet, `{"qr":[{"title":"a","url":"https://a.example"},{"title":"me","url":"https://a.example/{cashier}"}],"footer":"谢谢"}`)
	if links() != 1 {
		t.Errorf("%d codes while nobody is signed in", links())
	}
	if _, err := r.till.Do(context.Background(), till.Call{}, till.SignIn{Badge: "E 7"}); err != nil {
		t.Fatal(err)
	}
	if sc := r.scene(); len(sc.QR) != 2 || sc.QR[1].URL != "https://a.example/E+7" {
		t.Errorf("codes %+v", sc.QR)
	}
	reject(t, r.till.ReceiptSet, sale.CodeInvalid, `{"qr":[{"title":"a","url":"https://a.example/\u001bp0"}]}`)
	reject(t, r.till.ReceiptSet, sale.CodeInvalid, `{"codes":[]}`)
	r.restart()
	if links() != 2 {
		t.Errorf("%d codes after a restart", links())
	}
	order(t, r.till.ConfigPatch, `{"payment.qr_ttl":"45s","receipt.copies":2,"log.level":"debug"}`)
	if level != "debug" || links() != 2 {
		t.Errorf("level %q, %d codes", level, links())
	}
	for _, bad := range []string{`{"http.listen":"0.0.0.0:1"}`, `{"payment.qr_ttl":"1s"}`, `{"receipt.copies":9}`, `{}`, `{"log.level":"loud"}`, `{"payment.qr_ttl":"45s","x":1}`} {
		reject(t, r.till.ConfigPatch, sale.CodeInvalid, bad)
	}
	r.restart()
	r.cloud.on("payment.create", echo(`{"state":"pending","url":"https://pay.example/$id"}`))
	s := r.do(sale.Pay{Sale: r.open().ID, Method: "qr"})
	if d := s.Payment.ExpiresAt.Sub(s.Payment.RequestedAt); d != 45*time.Second {
		t.Errorf("a code lives %v", d)
	}
	order(t, r.till.ConfigPatch, `{"receipt.qr":null,"payment.qr_ttl":null}`)
	if n := len(r.events("config.applied")); n != 3 {
		t.Errorf("config.applied %d times", n)
	}
	order(t, r.till.LogLevel, `{"level":"warn"}`)
	if level != "warn" {
		t.Errorf("level %q", level)
	}
}

func TestPriceBook(t *testing.T) {
	files := map[string]string{"https://repo.example/p9.json": `[{"sku":"only","name":"唯一","unit_price":1}]`}
	r := newRig(t, func(o *till.Options) {
		o.FetchPrices = func(_ context.Context, url, _ string, _ int64) (io.ReadCloser, error) {
			if files[url] == "" {
				return nil, errors.New("not below the repository")
			}
			return io.NopCloser(strings.NewReader(files[url])), nil
		}
	})
	r.cloud.setDown(true)
	r.prices()
	order(t, r.till.PriceBookApply, `{"version":8,"items":[{"sku":"tea","gtin":"6901234567892","name":"乌龙茶","unit_price":1300}]}`)
	s := r.do(sale.OpenSale{Items: []sale.Add{{Code: "6901234567892"}, {Code: "6921168509256"}, {Code: "tea", Quantity: "2"}}})
	if s.Total != 1300+700+2600 {
		t.Errorf("total %d: %+v", s.Total, s.Items)
	}
	reject(t, r.till.PriceBookApply, sale.CodeUnavailable, `{"version":"9","url":"https://evil.example/","sha256":"","bytes":1}`)
	for _, bad := range []string{`{"items":[]}`, `{"version":"1","items":[{"sku":"","name":"x","unit_price":1}]}`, `{"version":"1","items":[{"sku":"a","name":"x","unit_price":-1}]}`, `{"version":"1","items":[{"sku":"a","name":"x","unit_price":1,"colour":2}]}`} {
		reject(t, r.till.PriceBookApply, sale.CodeInvalid, bad)
	}
	order(t, r.till.PriceBookApply, `{"version":"9","url":"https://repo.example/p9.json","sha256":"","bytes":1}`)
	r.refused(sale.CodeUnknownCode, sale.AddItem{Sale: s.ID, Add: sale.Add{Code: "6921168509256"}})
	if s = r.do(sale.AddItem{Sale: s.ID, Add: sale.Add{Code: "only"}}); len(s.Items) != 4 {
		t.Errorf("%+v", s.Items)
	}
}

func TestDrawerIsAuditedAndLimited(t *testing.T) {
	r := newRig(t)
	for range 3 {
		order(t, r.till.DrawerOpen, `{"reason":"零钱"}`)
	}
	reject(t, r.till.DrawerOpen, sale.CodeRateLimited, `{"reason":"零钱"}`)
	r.restart()
	_, err := r.till.Do(context.Background(), till.Call{Origin: "api"}, till.OpenDrawer{Reason: "x"})
	wantCode(t, err, sale.CodeRateLimited)
	reject(t, r.till.DrawerOpen, sale.CodeInvalid, `{"reason":""}`)
	if ev := r.events("drawer.opened"); len(ev) != 3 || len(r.kicks) != 3 {
		t.Errorf("%d events, %d openings", len(ev), len(r.kicks))
	}
}

// A repeated key neither opens the drawer again nor hides that it stayed shut.
func TestDrawerByKey(t *testing.T) {
	broken := false
	r := newRig(t)
	kick := r.o.KickDrawer
	r.o.KickDrawer = func(ctx context.Context) error {
		if broken {
			return errors.New("no answer")
		}
		return kick(ctx)
	}
	r.restart()
	open := func(key string) error {
		_, err := r.till.Do(context.Background(), till.Call{Key: key, Fingerprint: "f"}, till.OpenDrawer{Reason: "r"})
		return err
	}
	if err := errors.Join(open("a"), open("a")); err != nil {
		t.Fatal(err)
	}
	broken = true
	for range 2 {
		wantCode(t, open("b"), sale.CodeUnavailable)
	}
	broken = false
	wantCode(t, open("b"), sale.CodeUnavailable)
	if ev := r.events("drawer.opened"); len(ev) != 2 || len(r.kicks) != 1 {
		t.Errorf("%d events, %d openings", len(ev), len(r.kicks))
	}
}

func TestDrawerLimitIsForgottenInTime(t *testing.T) {
	clock := newClock()
	r := newRig(t, func(o *till.Options) { o.Now = clock.now })
	for range 5 {
		order(t, r.till.DrawerOpen, `{"reason":"零钱"}`)
		clock.add(25 * time.Minute)
	}
	if n := len(r.events("drawer.opened")); n != 5 {
		t.Errorf("%d events", n)
	}
}

func TestBasketPush(t *testing.T) {
	r := newRig(t)
	push := `{"items":[{"sku":"serum","name":"精华","unit_price":88000,"multi_buy":{"quantity":2,"price":150000},"quantity":"2"}],"adviser":"A-9"}`
	order(t, r.till.BasketPush, push)
	if s := r.current(); s.Adviser != "A-9" || s.Total != 150000 || s.DiscountTotal != 26000 {
		t.Errorf("%+v", s)
	}
	order(t, r.till.BasketPush, push)
	if s := r.current(); len(s.Items) != 2 {
		t.Errorf("%d lines", len(s.Items))
	}
	reject(t, r.till.BasketPush, sale.CodeInvalid, `{"items":[]}`)
}

func TestDevices(t *testing.T) {
	board := &device.Board{}
	r := newRig(t, func(o *till.Options) {
		o.Board = board
		o.TestDevice = func(_ context.Context, name string) error { return nil }
	})
	reject(t, r.till.DeviceTest, sale.CodeUnknownDevice, `{"name":"nobody"}`)
	board.Add(device.Spec{Name: "printer-1", Kind: device.Printer})
	order(t, r.till.DeviceTest, `{"name":"printer-1"}`)
	for range 20 { // a loose plug
		board.Report("printer-1", nil)
		board.Report("printer-1", errors.New("gone"))
	}
	r.until("the change is reported", func() bool { return len(r.events("device.changed")) > 0 })
	if n := len(r.events("device.changed")); n > 2 {
		t.Errorf("device.changed %d times", n)
	}
}

// A device's second change is reported once it has been quiet for long enough.
func TestDeviceChangesAreSpaced(t *testing.T) {
	clock, board := newClock(), &device.Board{}
	board.Add(device.Spec{Name: "scanner-1", Kind: device.Scanner})
	r := newRig(t, func(o *till.Options) { o.Board, o.Now = board, clock.now })
	board.Report("scanner-1", nil)
	r.until("the first change", func() bool { return len(r.events("device.changed")) == 1 })
	board.Report("scanner-1", errors.New("gone"))
	r.open() // and everything that was due had its turn
	clock.add(31 * time.Second)
	r.open()
	r.until("the second change", func() bool { return len(r.events("device.changed")) == 2 })
	var at [2]struct{ At time.Time }
	for i, e := range r.events("device.changed") {
		if err := json.Unmarshal(e.Data, &at[i]); err != nil {
			t.Fatal(err)
		}
	}
	if d := at[1].At.Sub(at[0].At); d < 30*time.Second {
		t.Errorf("reported %v apart", d)
	}
}

func TestShiftAndReport(t *testing.T) {
	r := newRig(t)
	do := func(cmd any) map[string]any {
		t.Helper()
		a, err := r.till.Do(context.Background(), till.Call{}, cmd)
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(a.Body, &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	do(till.OpenShift{Cashier: "E-1", Float: 10000})
	r.do(sale.Pay{Sale: r.open().ID, Method: "cash", Given: money(5000)})
	m := do(till.CloseShift{Counted: 14200})
	if m["expected"] != 14250.0 || m["difference"] != -50.0 {
		t.Errorf("%v", m)
	}
	if len(r.events("shift.closed")) != 1 || len(r.events("journal.checkpoint")) != 1 {
		t.Error("shift.closed and a checkpoint are missing")
	}
	r.until("thanks are over or the till is closed", func() bool { k := r.scene().Kind; return k == display.Paid || k == display.ClosedTill })
	z, err := r.till.ZReport("")
	if err != nil || z.Sales != 1 || z.Gross != 4250 || z.Tenders["cash"] != 4250 || z.FirstNumber != 1 || z.LastNumber != 1 {
		t.Errorf("%+v, %v", z, err)
	}
	if _, err := r.till.ZReport("yesterday"); err == nil {
		t.Error("no day is fine")
	}
	if _, err := r.till.Report(context.Background(), nil); err != nil {
		t.Error(err)
	}
}

func TestSearch(t *testing.T) {
	r := newRig(t)
	var ids []string
	for range 5 {
		ids = append(ids, r.open().ID)
	}
	r.do(sale.Pay{Sale: ids[0], Method: "cash"})
	all, next, err := r.till.Sales(till.Filter{Limit: 2})
	if err != nil || len(all) != 2 || all[0].ID != ids[4] || next != ids[3] {
		t.Fatalf("%d, %q, %v", len(all), next, err)
	}
	rest, next, err := r.till.Sales(till.Filter{Limit: 3, After: next})
	if err != nil || len(rest) != 3 || rest[2].ID != ids[0] || next != "" {
		t.Errorf("%d, %q, %v", len(rest), next, err)
	}
	for want, f := range map[int]till.Filter{1: {State: sale.Closed}, 4: {State: sale.Parked}, 5: {Text: "大米", Amount: money(4250)}, 0: {Amount: money(1)}} {
		list, _, err := r.till.Sales(f)
		if err != nil || len(list) != want {
			t.Errorf("%+v finds %d, %v, want %d", f, len(list), err, want)
		}
	}
	if list, _, _ := r.till.Sales(till.Filter{From: r.o.Now().Add(time.Hour)}); len(list) != 0 {
		t.Errorf("%d from the future", len(list))
	}
}
