package till_test

import (
	"errors"
	"strings"
	"testing"

	"tilld/internal/sale"
	"tilld/internal/till"
)

// Right after the start a code that only the cloud knows waits for the link
// instead of being refused although nobody was asked.
func TestPriceWaitsForTheLink(t *testing.T) {
	r := newRig(t)
	r.cloud.says("price.lookup", `{"items":[{"sku":"tea","name":"乌龙茶","unit_price":550}]}`)
	soon := make(chan struct{})
	r.cloud.expect(soon)
	s := r.open()
	added := make(chan error, 1)
	go func() {
		_, err := r.try(sale.AddItem{Sale: s.ID, Add: sale.Add{Code: "4006381333931"}})
		added <- err
	}()
	r.until("somebody waits for the link", func() bool { return r.cloud.waits() > 0 })
	r.cloud.setDown(false)
	close(soon)
	if err := <-added; err != nil {
		t.Fatal(err)
	}
	if got := r.current().Items; len(got) != 3 || got[2].SKU != "tea" {
		t.Errorf("items %+v", got)
	}
}

// A link that does not come is waited for as long as for an answer, and the
// cashier hears that nobody could be asked; nor does anything but a lookup wait.
func TestPriceDoesNotWaitForEver(t *testing.T) {
	r := newRig(t, impatient)
	r.cloud.expect(make(chan struct{}))
	s := r.open()
	_, err := r.try(sale.AddItem{Sale: s.ID, Add: sale.Add{Code: "4006381333931"}})
	wantCode(t, err, sale.CodeUnknownCode)
	if p, ok := errors.AsType[*sale.Problem](err); !ok || !strings.Contains(p.Detail.EN, "without a link") || !strings.Contains(p.Detail.ZH, "断网") {
		t.Errorf("the cashier is told %v", err)
	}

	r = newRig(t) // its lookups may take 20 s
	r.cloud.expect(make(chan struct{}))
	s = r.open()
	r.do(sale.AddItem{Sale: s.ID, Add: sale.Add{SKU: "x", Name: "x", UnitPrice: money(550)}})
	r.refused(sale.CodeLinkDown, sale.Pay{Sale: s.ID, Method: "qr"})
	if n := r.cloud.waits(); n != 0 {
		t.Errorf("%d waited", n)
	}
}

// Once the link is known to be away nobody waits.
func TestPriceOffline(t *testing.T) {
	r := newRig(t, func(o *till.Options) { o.LookupTimeout = o.LookupTimeout * 1000 })
	r.cloud.setDown(true)
	s := r.open()
	r.refused(sale.CodeUnknownCode, sale.AddItem{Sale: s.ID, Add: sale.Add{Code: "4006381333931"}})
}
