package sale_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tilld/internal/sale"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// play steps events and fails on the first problem.
type play struct {
	t       *testing.T
	m       sale.Machine
	effects []sale.Effect
}

func begin(t *testing.T, events ...sale.Event) *play {
	p := &play{t: t, m: sale.New(sale.Config{Currency: "CNY", Location: time.UTC, Receipts: true}, sale.Book{})}
	p.do(sale.Opened{At: noon, ID: "S"})
	p.do(events...)
	return p
}

func (p *play) do(events ...sale.Event) {
	p.t.Helper()
	for _, e := range events {
		m, r, err := p.m.Step(e)
		if err != nil {
			p.t.Fatalf("%T: %v", e, err)
		}
		p.m = m
		p.effects = append(p.effects, r.Effects...)
		if len(r.Touched) > 0 {
			p.m = p.m.With(r.Touched[0]) // ended sales stay at hand
		}
	}
}

func (p *play) refuse(code string, e sale.Event) {
	p.t.Helper()
	_, _, err := p.m.Step(e)
	if got, ok := errors.AsType[*sale.Problem](err); !ok || got.Code != code {
		p.t.Errorf("%T: %v, want %s", e, err, code)
	}
}

func (p *play) sale() sale.Sale {
	p.t.Helper()
	s, ok := p.m.Sale("S")
	if !ok {
		p.t.Fatal("the sale is gone")
	}
	return s
}

func (p *play) reports(kind string) (list []sale.Report) {
	for _, e := range p.effects {
		if r, is := e.(sale.Report); is && r.Type == "tilld."+kind+".v1" {
			list = append(list, r)
		}
	}
	return list
}

func items(list ...sale.NewItem) sale.Event { return sale.ItemsAdded{At: noon, Sale: "S", Items: list} }

func item(sku string, price sale.Money, quantity string) sale.NewItem {
	return sale.NewItem{SKU: sku, Name: sku, UnitPrice: price, Quantity: quantity}
}

func qr(id string) sale.Event {
	return sale.PaymentStarted{At: noon, Sale: "S", PaymentID: id, Method: "qr", TTL: time.Minute}
}

func news(id string, state sale.PaymentState) sale.Event {
	return sale.PaymentNews{At: noon, PaymentID: id, State: state, URL: "https://pay.example/" + id}
}

func TestReckoning(t *testing.T) {
	three := item("cola", 300, "3")
	three.MultiBuy = &sale.MultiBuy{Quantity: 3, Price: 700}
	for _, c := range []struct {
		name            string
		items           []sale.NewItem
		coupons         []sale.Coupon
		total, discount sale.Money
	}{
		{"weight is rounded half up once", []sale.NewItem{item("apple", 1999, "0.735")}, nil, 1469, 0},
		{"half a minor unit goes up", []sale.NewItem{item("x", 5, "0.5")}, nil, 3, 0},
		{"three for 7.00", []sale.NewItem{three}, nil, 700, 200},
		{"coupon never below zero", []sale.NewItem{item("a", 300, "1")}, []sale.Coupon{{ID: "1", Amount: 500}}, 0, 300},
		{"percent of one product", []sale.NewItem{item("a", 300, "1"), item("b", 1000, "1")}, []sale.Coupon{{ID: "1", Percent: 15, SKU: "a"}}, 1255, 45},
		{"two coupons for one product", []sale.NewItem{item("a", 200, "1"), item("b", 1000, "1")}, []sale.Coupon{{ID: "1", Amount: 150, SKU: "a"}, {ID: "2", Amount: 150, SKU: "a"}}, 1000, 200},
	} {
		p := begin(t, items(c.items...))
		for _, k := range c.coupons {
			p.do(sale.CouponApplied{At: noon, Sale: "S", Coupon: k})
		}
		if s := p.sale(); s.Total != c.total || s.DiscountTotal != c.discount {
			t.Errorf("%s: total %d, discount %d, want %d, %d", c.name, s.Total, s.DiscountTotal, c.total, c.discount)
		}
	}
}

// Each of several cash tenders has its own change; all of it was handed out.
func TestChangeAddsUp(t *testing.T) {
	p := begin(t, items(item("a", 1000, "1")))
	part, ten, twenty := sale.Money(400), sale.Money(1000), sale.Money(2000)
	p.do(sale.CashTaken{At: noon, Sale: "S", Amount: &part, Given: &ten}, sale.CashTaken{At: noon, Sale: "S", Given: &twenty})
	if s := p.sale(); s.State != sale.Closed || s.Paid != 1000 || s.Change != 600+1400 {
		t.Errorf("%s, paid %d, change %d, want closed, 1000 and 2000", s.State, s.Paid, s.Change)
	}
}

func TestRefusals(t *testing.T) {
	p := begin(t)
	p.refuse(sale.CodeEmptySale, sale.CashTaken{At: noon, Sale: "S"})
	serial := item("milk", 500, "")
	serial.GTIN, serial.Serial = "06901234567892", "A1"
	p.do(items(serial))
	p.refuse(sale.CodeDuplicateSerial, items(serial))
	p.refuse(sale.CodeInvalid, items(item("", -1, "1")))
	p.refuse(sale.CodeInvalid, items(item("x", 100, "0.0001")))
	p.refuse(sale.CodeUnknownLine, sale.ItemRemoved{At: noon, Sale: "S", Line: 9})
	p.refuse(sale.CodeWrongState, sale.RefundRequested{At: noon, Sale: "S", RefundID: "R", Reason: "r"})
	p.refuse(sale.CodeInvalid, sale.VoidRequested{At: noon, Sale: "S", RefundID: "R"})
	long := make([]sale.NewItem, sale.MaxLines)
	for i := range long {
		long[i] = item("x", 1, "1")
	}
	p.refuse(sale.CodeTooManyLines, items(long...))
	p.do(sale.CashTaken{At: noon, Sale: "S"})
	p.refuse(sale.CodeWrongState, items(item("x", 1, "1")))
}

// An earlier payment that was given up comes after all: the later code asks
// for money that is no longer due and must go in the same step.
func TestLatePaymentWithdrawsTheNextCode(t *testing.T) {
	p := begin(t, items(item("a", 1000, "1")), qr("P1"), news("P1", sale.PayPending), sale.PaymentGivenUp{At: noon, Sale: "S"})
	p.refuse(sale.CodePaymentPending, qr("P2"))                                                          // the shopper can still pay the first
	p.do(news("P1", sale.PayCancelled), qr("P2"), news("P2", sale.PayPending), news("P1", sale.PayPaid)) // the cloud corrects itself
	s := p.sale()
	if s.State != sale.Closed || s.Paid != 1000 {
		t.Fatalf("%s with %d paid", s.State, s.Paid)
	}
	if s.Payment != nil || len(s.Payments) != 2 || !s.Payments[1].Withdrawn || s.Payments[1].URL != "" {
		t.Errorf("the second code is still good: %+v, %+v", s.Payment, s.Payments)
	}
	p.do(news("P2", sale.PayPaid))
	if s = p.sale(); !s.PaidButChanged || s.Paid != 2000 {
		t.Fatalf("paid twice shows as %+v", s)
	}
	p.do(sale.RefundRequested{At: noon, Sale: "S", RefundID: "R", Reason: "付了两次"}, sale.RefundNews{At: noon, Sale: "S", RefundID: "R", PaymentID: "P2", OK: true})
	s = p.sale()
	if s.PaidButChanged || s.Paid != 1000 || s.Refunds[0].Number != 0 || s.State != sale.Closed {
		t.Errorf("after the excess went back: %+v", s)
	}
	if len(p.reports("sale.refunded")) != 0 || len(p.reports("payment.unknown")) != 2 {
		t.Error("an excess is no refund of goods; it is reported as payment.unknown, twice")
	}
}

// A payment for a void sale is given back without anybody asking.
func TestVoidThenPaid(t *testing.T) {
	p := begin(t, items(item("a", 1000, "1")), qr("P1"), news("P1", sale.PayPending), sale.VoidRequested{At: noon, Sale: "S", RefundID: "R", Reason: "r"})
	if s := p.sale(); s.State != sale.Void || len(p.reports("sale.voided")) != 1 {
		t.Fatalf("%s, %d reports", s.State, len(p.reports("sale.voided")))
	}
	p.do(news("P1", sale.PayPaid))
	s := p.sale()
	if len(s.Refunds) != 1 || s.Refunds[0].Amount != 1000 || s.Paid != 0 {
		t.Fatalf("refunds %+v", s.Refunds)
	}
	ask, _ := p.effects[len(p.effects)-2].(sale.Ask)
	if ask.Type != "payment.refund" || ask.PaymentID != "P1" {
		t.Errorf("asks %+v", ask)
	}
	p.do(sale.RefundNews{At: noon, Sale: "S", RefundID: s.Refunds[0].ID, PaymentID: "P1", OK: true})
	if n := len(p.reports("sale.voided")); n != 1 {
		t.Errorf("sale.voided %d times", n)
	}
}

// What the payment side refuses to give back for a void sale can be asked again.
func TestVoidRefundRefused(t *testing.T) {
	part := sale.Money(400)
	start := sale.PaymentStarted{At: noon, Sale: "S", PaymentID: "P1", Method: "qr", Amount: &part, TTL: time.Minute}
	p := begin(t, items(item("a", 1000, "1")), start, news("P1", sale.PayPaid), sale.VoidRequested{At: noon, Sale: "S", RefundID: "R", Reason: "r"})
	p.do(sale.RefundNews{At: noon, Sale: "S", RefundID: "R", PaymentID: "P1"})
	if s := p.sale(); s.State != sale.Void || s.Paid != 400 || s.Refunds[0].State != sale.RefundFailed || len(p.reports("sale.voided")) != 1 {
		t.Fatalf("%+v", s)
	}
	p.do(sale.RefundRequested{At: noon, Sale: "S", RefundID: "R2", Reason: "r"}, sale.RefundNews{At: noon, Sale: "S", RefundID: "R2", PaymentID: "P1", OK: true})
	if s := p.sale(); s.Paid != 0 || s.State != sale.Void || len(p.reports("sale.voided")) != 1 {
		t.Errorf("%+v", s)
	}
	p.refuse(sale.CodeRefundTooMuch, sale.RefundRequested{At: noon, Sale: "S", RefundID: "R3", Reason: "r"})
}

// What the payment side refused to give back may be handed out in cash instead:
// as much as it refused, once, and not before it has.
func TestCashInsteadOfARefusedRefund(t *testing.T) {
	p := begin(t, items(item("a", 600, "1"), item("b", 400, "1")), qr("P1"), news("P1", sale.PayPaid))
	ask := func(id string, amount sale.Money, cash bool) sale.RefundRequested {
		return sale.RefundRequested{At: noon, Sale: "S", RefundID: id, Amount: &amount, Cash: cash, Reason: "r"}
	}
	said := func(id string, ok bool) sale.RefundNews {
		return sale.RefundNews{At: noon, Sale: "S", RefundID: id, PaymentID: "P1", OK: ok}
	}
	p.refuse(sale.CodeWrongState, ask("R1", 300, true)) // nothing was refused yet
	p.do(ask("R1", 300, false), said("R1", false), ask("R2", 300, false))
	p.refuse(sale.CodeWrongState, ask("R3", 400, true))
	p.do(said("R2", false))
	p.refuse(sale.CodeWrongState, ask("R3", 400, true)) // refused twice, and still 300
	before := len(p.effects)
	p.do(ask("R3", 200, true))
	s := p.sale()
	r := s.Refunds[2]
	if r.State != sale.RefundDone || r.Number != 2 || len(r.Tenders) != 1 || r.Tenders[0] != (sale.Tender{Method: "cash", Amount: 200, InsteadOf: "P1", State: sale.RefundDone}) {
		t.Fatalf("%+v", r)
	}
	drawer := false
	for _, e := range p.effects[before:] {
		if a, is := e.(sale.Ask); is {
			t.Errorf("the payment side is asked: %+v", a)
		}
		_, is := e.(sale.Drawer)
		drawer = drawer || is
	}
	if got := p.m.Book().Totals.Tenders["cash"]; !drawer || got != -200 {
		t.Errorf("the drawer opens: %v, cash %d", drawer, got)
	}
	p.refuse(sale.CodeWrongState, ask("R4", 200, true)) // 100 of it are left
	p.do(ask("R4", 100, true))
	p.refuse(sale.CodeRefundTooMuch, ask("R5", 800, false))
	p.do(ask("R5", 700, false), said("R5", true))
	if s = p.sale(); s.State != sale.Refunded {
		t.Errorf("%+v", s)
	}
}

// Money that was paid for nothing, too, and the cloud hears which payment it was.
func TestCashInsteadOfARefusedGiveBack(t *testing.T) {
	part := sale.Money(400)
	start := sale.PaymentStarted{At: noon, Sale: "S", PaymentID: "P1", Method: "qr", Amount: &part, TTL: time.Minute}
	p := begin(t, items(item("a", 1000, "1")), start, news("P1", sale.PayPaid), sale.VoidRequested{At: noon, Sale: "S", RefundID: "R", Reason: "r"})
	p.do(sale.RefundNews{At: noon, Sale: "S", RefundID: "R", PaymentID: "P1"})
	p.do(sale.RefundRequested{At: noon, Sale: "S", RefundID: "R2", Cash: true, Reason: "r"})
	if s := p.sale(); s.Paid != 0 || s.State != sale.Void || s.Refunds[1].Tenders[0].Method != "cash" {
		t.Errorf("%+v", s)
	}
	list := p.reports("payment.unknown")
	if body, err := json.Marshal(list[len(list)-1].Data); err != nil || !strings.Contains(string(body), `"payment_id":"P1"`) || !strings.Contains(string(body), `"cash":true`) {
		t.Errorf("%s, %v", body, err)
	}
}

// "paid" overrules what the cloud called final before.
func TestCancelledThenPaid(t *testing.T) {
	p := begin(t, items(item("a", 1000, "1")), qr("P1"), news("P1", sale.PayPending), sale.PaymentDue{At: noon.Add(time.Minute), PaymentID: "P1"})
	if s := p.sale(); s.State != sale.Open || s.Payment.URL != "" {
		t.Fatalf("expired as %+v", s.Payment)
	}
	p.refuse(sale.CodePaymentPending, sale.CashTaken{At: noon, Sale: "S"})
	p.do(news("P1", sale.PayCancelled), news("P1", sale.PayPending))
	if s := p.sale(); s.Payment.URL != "" || s.Payment.State != sale.PayCancelled {
		t.Fatalf("a withdrawn code is back: %+v", s.Payment)
	}
	p.do(news("P1", sale.PayPaid))
	if s := p.sale(); s.State != sale.Closed {
		t.Errorf("paid after all is %s", s.State)
	}
}

// What is overpaid because goods were taken out goes back, and the sale closes.
func TestOverpaidBasket(t *testing.T) {
	part := sale.Money(800)
	p := begin(t, items(item("a", 500, "1"), item("b", 500, "1")), sale.CashTaken{At: noon, Sale: "S", Amount: &part}, sale.ItemRemoved{At: noon, Sale: "S", Line: 2})
	p.refuse(sale.CodeNothingDue, sale.CashTaken{At: noon, Sale: "S"})
	p.do(sale.RefundRequested{At: noon, Sale: "S", RefundID: "R", Reason: "r"})
	s := p.sale()
	if s.State != sale.Closed || s.Paid != 500 || s.Refunds[0].Amount != 300 || s.Number != 1 {
		t.Errorf("%+v", s)
	}
}

func TestDaysNumbersAndCheckpoints(t *testing.T) {
	p := begin(t, items(item("a", 500, "1")), sale.CashTaken{At: noon, Sale: "S"})
	next := func(id string, at time.Time) sale.Sale {
		p.do(sale.Opened{At: at, ID: id}, sale.ItemsAdded{At: at, Sale: id, Items: []sale.NewItem{item("a", 500, "1")}}, sale.CashTaken{At: at, Sale: id})
		s, _ := p.m.Sale(id)
		return s
	}
	if s := next("T", noon.Add(time.Hour)); s.Number != 2 || s.Day != "2026-03-14" {
		t.Errorf("%d on %s", s.Number, s.Day)
	}
	if s := next("U", noon.Add(24*time.Hour)); s.Number != 1 || s.Day != "2026-03-15" {
		t.Errorf("%d on %s", s.Number, s.Day)
	}
	if s := next("V", noon); s.Number != 2 || s.Day != "2026-03-15" {
		t.Errorf("a clock set back leads to %d on %s", s.Number, s.Day)
	}
	if n := len(p.reports("journal.checkpoint")); n != 1 {
		t.Errorf("%d checkpoints, want one for the day that ended", n)
	}
}

func TestShift(t *testing.T) {
	p := begin(t, sale.SignedIn{At: noon, Cashier: "E-7"}, sale.ShiftOpened{At: noon, Float: 10000}, items(item("a", 500, "1")))
	p.refuse(sale.CodeShiftOpen, sale.ShiftOpened{At: noon})
	p.refuse(sale.CodeSaleOpen, sale.ShiftEnded{At: noon})
	given := sale.Money(1000)
	p.do(sale.CashTaken{At: noon, Sale: "S", Given: &given}, sale.ShiftEnded{At: noon, Counted: 10400}, sale.SignedOut{At: noon})
	d, _ := p.reports("shift.closed")[0].Data.(sale.ShiftData)
	if d.Expected != 10500 || d.Difference != -100 || d.Cashier != "E-7" {
		t.Errorf("%+v", d)
	}
	if len(p.reports("cashier.signed_in")) != 1 || len(p.reports("cashier.signed_out")) != 1 {
		t.Error("signing in and out is not reported")
	}
}

func TestDecimal(t *testing.T) {
	for m, want := range map[sale.Money]string{0: "0.00", 5: "0.05", 1250: "12.50", -1250: "-12.50"} {
		if got := m.Decimal("CNY"); got != want {
			t.Errorf("%d is %q, want %q", m, got, want)
		}
	}
	if got := sale.Money(1250).Decimal("JPY"); got != "1250" {
		t.Errorf("JPY %q", got)
	}
	if got := sale.Money(1250).Decimal("KWD"); got != "1.250" {
		t.Errorf("KWD %q", got)
	}
}

// A quantity is written as it is printed, sent and read by others.
func TestQuantitiesAsWritten(t *testing.T) {
	for _, q := range []string{"1", "10", "0.735", "0.5", "1.500", "300"} {
		p := begin(t, items(item("a", 1000, q)))
		if got := p.sale().Items[0].Quantity; got != q {
			t.Errorf("%q became %q", q, got)
		}
	}
	p := begin(t, items(item("a", 1000, "1")))
	for _, q := range []string{"1e3", "+1", "-1", ".5", "5.", "01", "00.5", "0", "0.000", "0.7351", "1,5", " 1", "1 ", "１", "NaN", "1.5.2", "0x1", "."} {
		p.refuse(sale.CodeInvalid, items(item("b", 1000, q)))
		p.refuse(sale.CodeInvalid, sale.ItemChanged{At: noon, Sale: "S", Line: 1, Quantity: &q})
	}
}

func TestCashOfNothing(t *testing.T) {
	p := begin(t, items(item("a", 1000, "1")))
	for _, given := range []sale.Money{0, -1, sale.MaxMoney + 1} {
		p.refuse(sale.CodeInvalid, sale.CashTaken{At: noon, Sale: "S", Given: &given})
	}
	p.refuse(sale.CodeNotPaying, sale.PaymentGivenUp{At: noon, Sale: "S"})
	var nothing, less sale.Money = 0, -1
	free := begin(t, items(item("gift", 0, "1")))
	free.refuse(sale.CodeInvalid, sale.CashTaken{At: noon, Sale: "S", Given: &less})
	if free.do(sale.CashTaken{At: noon, Sale: "S", Given: &nothing}); free.sale().State != sale.Closed {
		t.Errorf("a gift: %s", free.sale().State)
	}
}

// The cloud learns of a sale whose basket was not the one that was paid for,
// however it ends; for the till it is then settled.
func TestClosedSaysPaidButChanged(t *testing.T) {
	p := begin(t, items(item("a", 1000, "1")), qr("P1"), news("P1", sale.PayPending), items(item("b", 200, "1")), news("P1", sale.PayPaid))
	if !p.sale().PaidButChanged {
		t.Fatalf("%+v", p.sale())
	}
	p.do(sale.CashTaken{At: noon, Sale: "S"})
	closed := p.reports("sale.closed")
	if len(closed) != 1 || !closed[0].Data.(sale.Sale).PaidButChanged {
		t.Errorf("reported %+v", closed)
	}
	if s := p.sale(); s.State != sale.Closed || s.PaidButChanged {
		t.Errorf("%s, paid_but_changed %v", s.State, s.PaidButChanged)
	}
}

// A payment that was given up turns out to be paid after the goods came back: that
// money too can be given back.
func TestPaidAfterAllCameBack(t *testing.T) {
	p := begin(t, items(item("a", 500, "1")), qr("P"), sale.PaymentGivenUp{At: noon, Sale: "S"}, sale.CashTaken{At: noon, Sale: "S"})
	p.do(sale.RefundRequested{At: noon, Sale: "S", RefundID: "R1", Reason: "r"}, news("P", sale.PayPaid))
	if s := p.sale(); s.State != sale.Refunded || s.Paid != 1000 || !s.PaidButChanged {
		t.Fatalf("%+v", s)
	}
	p.do(sale.RefundRequested{At: noon, Sale: "S", RefundID: "R2", Reason: "paid twice"})
	p.do(sale.RefundNews{At: noon, Sale: "S", RefundID: "R2", PaymentID: "P", OK: true})
	s := p.sale()
	if r := s.Refunds[1]; !r.GiveBack || r.Amount != 500 || r.State != sale.RefundDone || r.Tenders[0].PaymentID != "P" {
		t.Errorf("%+v", r)
	}
	if s.State != sale.Refunded || s.Paid != 500 || s.PaidButChanged {
		t.Errorf("%+v", s)
	}
	p.refuse(sale.CodeRefundTooMuch, sale.RefundRequested{At: noon, Sale: "S", RefundID: "R3", Reason: "r"})
}

// A payment of several tenders goes back as it came: the day's tenders are as if
// nothing had been sold. The payment side is asked once, for the sum.
func TestTendersComeBackAsTheyWent(t *testing.T) {
	paid := news("P", sale.PayPaid).(sale.PaymentNews)
	paid.Tenders = []sale.Tender{{Method: "wallet", Amount: 300, Scheme: "wechat"}, {Method: "stored_value", Amount: 150}, {Method: "coupon", Amount: 50}}
	p := begin(t, items(item("a", 400, "1"), item("b", 100, "1")), qr("P"), paid)
	back := func(id string, lines ...int) {
		p.effects = nil
		p.do(sale.RefundRequested{At: noon, Sale: "S", RefundID: id, Lines: lines, Reason: "r"})
		asked := sale.Money(0)
		for _, e := range p.effects {
			if a, ok := e.(sale.Ask); ok {
				if asked != 0 {
					t.Errorf("%s is asked for twice", id)
				}
				asked = a.Amount
			}
		}
		s := p.sale()
		if r := s.Refunds[len(s.Refunds)-1]; asked != r.Amount {
			t.Errorf("%s: asked for %d, %+v", id, asked, r)
		}
		p.do(sale.RefundNews{At: noon, Sale: "S", RefundID: id, PaymentID: "P", OK: true})
	}
	back("R1", 1)
	if r := p.sale().Refunds[0]; len(r.Tenders) != 2 || r.Tenders[0].Method != "wallet" || r.Tenders[0].Amount != 300 || r.Tenders[1].Amount != 100 {
		t.Errorf("%+v", r)
	}
	back("R2")
	for method, left := range p.m.Book().Totals.Tenders {
		if left != 0 {
			t.Errorf("%s: %d left of a day on which all came back", method, left)
		}
	}
}

// A coupon whose goods were taken away again is not used up.
func TestCouponThatTakesNothingOffIsKept(t *testing.T) {
	p := begin(t, items(item("a", 500, "1"), item("b", 100, "1")),
		sale.CouponApplied{At: noon, Sale: "S", Coupon: sale.Coupon{ID: "C", Code: "c", Title: "c", Amount: 50, SKU: "a"}},
		sale.ItemRemoved{At: noon, Sale: "S", Line: 1}, sale.CashTaken{At: noon, Sale: "S"})
	if s := p.sale(); s.State != sale.Closed || s.Total != 100 || len(s.Coupons) != 0 || s.Redeems(sale.Coupon{ID: "C"}) {
		t.Errorf("%+v", s)
	}
	if d := p.reports("sale.closed")[0].Data.(sale.Sale); len(d.Coupons) != 0 {
		t.Errorf("reported as redeemed: %+v", d.Coupons)
	}
}

// A sale that is paid in a thousand pieces can still be closed, and be void: its
// events have to hold the tenders.
func TestTendersWithoutEnd(t *testing.T) {
	long := strings.Repeat("<", 128)
	for name, piece := range map[string]func(n int) sale.Event{
		"cash":  func(int) sale.Event { one := sale.Money(1); return sale.CashTaken{At: noon, Sale: "S", Amount: &one} },
		"given": func(int) sale.Event { one := sale.Money(1); return sale.CashTaken{At: noon, Sale: "S", Given: &one} },
		"external": func(n int) sale.Event {
			one := sale.Money(1)
			return sale.ExternalTaken{At: noon, Sale: "S", Amount: &one, Reference: long[:120] + fmt.Sprint(n)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := begin(t, items(item("a", 5000, "1")))
			n := 0
			for ; n < 3000; n++ {
				if _, _, err := p.m.Step(piece(n)); err != nil {
					break
				}
				p.do(piece(n))
			}
			if n < 10 || n == 3000 {
				t.Fatalf("%d pieces", n)
			}
			p.refuse(sale.CodeTooManyPayments, piece(n))
			paid := p
			void := &play{t: t, m: p.m}
			void.do(sale.VoidRequested{At: noon, Sale: "S", RefundID: "R", Reason: "r"})
			paid.do(sale.CashTaken{At: noon, Sale: "S"})
			for _, e := range append(paid.effects, void.effects...) {
				if r, ok := e.(sale.Report); ok {
					if body, err := json.Marshal(r.Data); err != nil || len(body) > 100<<10 {
						t.Errorf("%s has %d bytes, %v", r.Type, len(body), err)
					}
				}
			}
		})
	}
}
