package till_test

import (
	"context"
	"encoding/json"
	"testing"

	"tilld/internal/sale"
	"tilld/internal/till"
)

// FuzzPaymentResult: whatever the cloud says of a payment, the sale closes only
// when the tenders are its total, and never twice.
func FuzzPaymentResult(f *testing.F) {
	for _, seed := range []string{
		`{"payment_id":"$id","state":"paid","amount":4250}`,
		`{"payment_id":"$id","state":"paid","amount":1,"tenders":[{"method":"wallet","amount":4250}]}`,
		`{"payment_id":"$id","state":"paid","tenders":[{"method":"wallet","amount":-1},{"method":"card","amount":4251}]}`,
		`{"payment_id":"$id","state":"paid","amount":4250,"tenders":[{"method":"cash","amount":4250}]}`,
		`{"payment_id":"$id","state":"failed"}`, `{"payment_id":"$id","state":"pending","amount":4250}`,
		`{"payment_id":"$id","state":"paid","amount":4250,"coupons":[{"id":"c","amount":-5}],"offers":[{"id":"","url":"\u0000"}],"member":{"id_masked":"13812345678","consent":true}}`,
		`{"payment_id":"$id","state":"paid","amount":9223372036854775807}`, `[]`, `{}`, `{"payment_id":"$id"}{}`,
	} {
		f.Add(seed)
	}
	r := newRig(f)
	r.cloud.on("payment.create", echo(`{"state":"pending","url":"https://pay.example/$id"}`))
	r.cloud.says("payment.cancel", `{"state":"cancelled"}`)
	s := r.do(sale.Pay{Sale: r.open().ID, Method: "qr"})
	f.Fuzz(func(t *testing.T, text string) {
		r.t = t
		body, _ := echo(text)(json.RawMessage(`{"payment_id":"` + s.Payment.ID + `"}`))
		before := r.sale(s.ID)
		err := r.till.PaymentResult(context.Background(), json.RawMessage(body))
		after := r.sale(s.ID)
		if err != nil && (after.State != before.State || after.Paid != before.Paid) {
			t.Fatalf("refused (%v), yet %s %d became %s %d", err, before.State, before.Paid, after.State, after.Paid)
		}
		var sum sale.Money
		for _, x := range after.Tenders {
			sum += x.Amount
		}
		if after.State == sale.Closed && sum != after.Total || len(after.Tenders) > 8 {
			t.Fatalf("closed with %d of %d", sum, after.Total)
		}
		if after.State != sale.Paying { // the next input gets a new payment
			s = r.do(sale.Pay{Sale: r.open().ID, Method: "qr"})
		}
	})
}

// FuzzCommands: data of commands from outside never breaks the engine, opens
// the drawer or makes a scene that says "paid".
func FuzzCommands(f *testing.F) {
	for i, seed := range []string{
		`{"items":[{"sku":"a","name":"A","unit_price":1,"markdowns":[{"from":"23:00","to":"01:00","percent":10}]}],"adviser":"x"}`,
		`{"scene":{"kind":"message","title":"x"},"seconds":5}`, `{"job_id":"j","markup":"x"}`, `{"qr":[{"title":"a","url":"https://a.example"}],"footer":"f"}`,
		`{"version":"1","items":[{"sku":"a","gtins":["6901234567892"],"name":"A","unit_price":1}]}`, `{"payment.qr_ttl":"3m","receipt.qr":null}`, `{"level":"info"}`,
	} {
		f.Add(uint8(i), seed)
	}
	r := newRig(f, plainMarkup, func(o *till.Options) { o.SetLogLevel = func(string) error { return nil } })
	list := []command{r.till.BasketPush, r.till.ScreenShow, r.till.PrinterPrint, r.till.ReceiptSet, r.till.PriceBookApply, r.till.ConfigPatch, r.till.LogLevel}
	f.Fuzz(func(t *testing.T, which uint8, data string) {
		r.t = t
		if _, err := list[int(which)%len(list)](context.Background(), json.RawMessage(data)); err == nil && !json.Valid([]byte(data)) {
			t.Fatalf("%q was done", data)
		}
		if sc := r.scene(); sc.Paid != nil || sc.Pay != nil {
			t.Fatalf("scene %+v", sc)
		}
		if len(r.kicks) > 0 {
			t.Fatal("the drawer opened")
		}
		if s, err := r.till.Current(); err == nil { // the next input finds no sale
			if _, err := r.try(sale.VoidSale{Sale: s.ID, Reason: "fuzz"}); err != nil {
				t.Fatal(err)
			}
		}
	})
}
