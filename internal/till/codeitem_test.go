package till_test

import (
	"strings"
	"testing"

	"tilld/internal/sale"
)

// What is asked for beside a code is done or refused, never left out silently,
// and it makes no difference whether the sale is open already.
func TestItemsByCode(t *testing.T) {
	r := newRig(t)
	r.prices()
	r.cloud.says("price.lookup", `{"items":[{"sku":"milk","gtin":"06923644266066","name":"牛奶","unit_price":650}]}`)
	r.cloud.says("basket.fetch", `{"items":[{"sku":"serum","name":"精华","unit_price":88000}]}`)
	const milk, weighed, basket = "6923644266066", "2212345007356", "B:HAND01"
	ways := map[string]func(a sale.Add) any{
		"opening": func(a sale.Add) any { return sale.OpenSale{Items: []sale.Add{a}} },
		"adding":  func(a sale.Add) any { return sale.AddItem{Sale: r.do(sale.OpenSale{}).ID, Add: a} },
	}
	for way, cmd := range ways {
		s := r.do(cmd(sale.Add{Code: milk, Quantity: "2", Discount: 100}))
		if it := s.Items[0]; it.Quantity != "2" || s.DiscountTotal != 100 || s.Total != 1200 {
			t.Errorf("%s: %+v", way, it)
		}
		if s = r.do(cmd(sale.Add{Code: weighed, Discount: 9})); s.Items[0].Quantity != "0.735" || s.Total != 1460 {
			t.Errorf("%s: %+v", way, s.Items)
		}
		for _, a := range []sale.Add{
			{Code: milk, UnitPrice: money(100)},
			{Code: milk, Name: "奶"},
			{Code: milk, SKU: "milk"},
			{Code: milk, GTIN: milk},
			{Code: milk, Unit: "kg"},
			{Code: milk, OldPrice: 700},
			{Code: milk, Serial: "1"},
			{Code: weighed, Quantity: "3"},
		} {
			r.refused(sale.CodeInvalid, cmd(a))
		}
	}
	// A basket goes into a sale once; it is not what a sale is opened with.
	r.refused(sale.CodeInvalid, ways["opening"](sale.Add{Code: basket}))
	r.do(ways["adding"](sale.Add{Code: basket}))
	r.refused(sale.CodeBasketUsed, ways["adding"](sale.Add{Code: basket}))
}

// Nothing ticked is not everything.
func TestRefundOfNoLines(t *testing.T) {
	r := newRig(t)
	s := r.open()
	r.do(sale.Pay{Sale: s.ID, Method: "cash"})
	r.refused(sale.CodeInvalid, sale.RefundSale{Sale: s.ID, Lines: []int{}, Reason: "r"})
	if s = r.sale(s.ID); s.State != sale.Closed || len(s.Refunds) != 0 {
		t.Errorf("%s, refunds %+v", s.State, s.Refunds)
	}
}

// What nobody has an id for is not found, however long it is.
func TestEndlessIDs(t *testing.T) {
	r := newRig(t)
	long := strings.Repeat("x", 5000)
	s := r.open()
	_, err := r.till.Sale(long)
	wantCode(t, err, sale.CodeUnknownSale)
	_, err = r.till.Job(long)
	wantCode(t, err, sale.CodeUnknownJob)
	r.refused(sale.CodeUnknownSale, sale.Pay{Sale: long, Method: "cash"})
	r.refused(sale.CodeUnknownSale, sale.VoidSale{Sale: long, Reason: "r"})
	r.refused(sale.CodeUnknownSale, sale.AddItem{Sale: long, Add: sale.Add{Code: "6901234567892"}})
	r.refused(sale.CodeUnknownCode, sale.AddItem{Sale: s.ID, Add: sale.Add{SKU: long}})
	r.refused(sale.CodeInvalid, sale.OpenSale{ExternalID: long})
}
