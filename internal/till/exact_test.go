package till_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"tilld/internal/sale"
	"tilld/internal/till"
)

// Data of the cloud is read exactly: no field under another name, none twice,
// none missing. A price that is not there is not a price of nothing.
func TestCloudDataIsReadExactly(t *testing.T) {
	r := newRig(t)
	handle := map[string]command{
		"basket": r.till.BasketPush, "print": r.till.PrinterPrint, "prices": r.till.PriceBookApply, "drawer": r.till.DrawerOpen,
		"level": r.till.LogLevel, "receipt": r.till.ReceiptSet, "scene": r.till.ScreenShow,
	}
	for _, c := range [][2]string{
		{"basket", `{"items":[{"sku":"a","name":"b"}]}`},
		{"basket", `{"items":[{"sku":"a","name":"b","unit_price":null}]}`},
		{"basket", `{"items":[{"sku":"a","name":"b","unit_price":1,"Unit_Price":0}]}`},
		{"basket", `{"Items":[{"sku":"a","name":"b","unit_price":1}]}`},
		{"basket", `{"items":[{"sku":"a","name":"b","unit_price":1,"multi_buy":{"quantity":2}}]}`},
		{"basket", `{"items":[{"sku":"a","name":"b","unit_price":1,"markdowns":[{"from":"10:00"}]}]}`},
		{"prices", `{"version":"1","items":[{"sku":"a","name":"b"}]}`},
		{"prices", `{"version":"1","items":[{"sku":"a","name":"b","unit_price":1,"unit":"piece"}]}`},
		{"prices", `{"version":"1","items":[{"sku":"a","name":"b","unit_price":1,"old_price":-1}]}`},
		{"prices", `{"version":{},"items":[{"sku":"a","name":"b","unit_price":1}]}`},
		{"prices", `{"version":true,"items":[{"sku":"a","name":"b","unit_price":1}]}`},
		{"prices", `{"version":"a\u0000","items":[{"sku":"a","name":"b","unit_price":1}]}`},
		{"print", `{"markup":"x"}`},
		{"print", `{"job_id":"1","Markup":"x"}`},
		{"drawer", `{"Reason":"x"}`},
		{"level", `{"Level":"debug"}`},
		{"receipt", `{"qr":[{"Title":"x","url":"https://a.example"}],"footer":""}`},
		{"scene", `{"scene":{"Kind":"message"}}`},
	} {
		reject(t, handle[c[0]], sale.CodeInvalid, c[1])
	}
	if _, err := r.till.Current(); err == nil {
		t.Error("a sale was opened")
	}
}

// The articles of a file are read as those of a command.
func TestPriceFileIsReadExactly(t *testing.T) {
	file := ""
	r := newRig(t, func(o *till.Options) {
		o.FetchPrices = func(context.Context, string, string, int64) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(file)), nil
		}
	})
	for _, file = range []string{
		`[{"sku":"a","name":"b"}]`, `[{"sku":"a","name":"b","Unit_price":1}]`, `[{"sku":"a","name":"b","unit_price":1,"unit_price":2}]`, `[{"sku":"a","name":"b","unit_price":1,"x":2}]`,
	} {
		reject(t, r.till.PriceBookApply, sale.CodeUnavailable, `{"version":"2","url":"https://repo.example/p","sha256":"","bytes":1}`)
	}
	file = `[ {"sku":"a","name":"b","unit_price":0} , {"sku":"c","name":"d","unit_price":2} ]`
	order(t, r.till.PriceBookApply, `{"version":"2","url":"https://repo.example/p","sha256":"","bytes":1}`)
}

// An answer to payment.create without a code is no answer: nothing could be
// shown. The payment is unknown until the cloud is asked again.
func TestPendingWithoutACode(t *testing.T) {
	r := newRig(t)
	r.cloud.on("payment.create", echo(`{"state":"pending"}`))
	r.cloud.on("payment.query", func(json.RawMessage) (string, error) { return "", errors.New("silence") })
	r.refused(sale.CodePaymentUnknown, sale.Pay{Sale: r.open().ID, Method: "qr"})
}
