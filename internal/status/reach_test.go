package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"tilld/internal/fault"
	"tilld/internal/sale"
	"tilld/internal/till"
)

// unwilling is a cloud that says no, or nothing.
type unwilling struct {
	cloudStub
	silent bool
}

func (c *unwilling) Ask(ctx context.Context, kind, saleID, id string, data any) (json.RawMessage, error) {
	switch {
	case c.silent && kind == "payment.create":
		<-ctx.Done()
		return nil, till.ErrNoAnswer
	case kind == "payment.create":
		return json.RawMessage(`{"state":"failed"}`), nil
	case kind == "pickup.lookup":
		return json.RawMessage(`{"pickup":{"id":"P1","state":"ready","items":[{"sku":"a","name":"A","unit_price":1}]}}`), nil
	case kind == "sale.lookup", kind == "price.lookup":
		return nil, &till.CloudError{Code: "not_found", Message: "nobody sold that"}
	}
	return c.cloudStub.Ask(ctx, kind, saleID, id, data)
}

// Refusals that the document promises are those of the real engine.
func TestRefusalsAreReached(t *testing.T) {
	cloud := &unwilling{}
	b, _, _ := realBenchWith(t, t.TempDir(), cloud, func(o *till.Options) { o.RequestTimeout = 2 * time.Second })
	ask := func(method, path, body string, want int) string {
		t.Helper()
		resp, answer := b.ask(t, method, path, body)
		if resp.StatusCode != want {
			t.Errorf("%s %s %s: %d %s, want %d", method, path, body, resp.StatusCode, answer, want)
		}
		return answer
	}
	open := func(body string) string {
		t.Helper()
		var s sale.Sale
		if err := json.Unmarshal([]byte(ask("POST", "/v1/sales", body, 201)), &s); err != nil {
			t.Fatal(err)
		}
		return "/v1/sales/" + s.ID
	}
	const tea = `{"sku":"tea","name":"Tea","unit_price":550}`
	ask("POST", "/v1/shift/open", `{}`, 201)
	ask("POST", "/v1/shift/open", `{}`, 409)
	ask("POST", "/v1/sales", `{"items":[{"code":"6900000000007"}]}`, 404)
	ask("POST", "/v1/sales", `{"items":[{"sku":"a","name":"A","unit_price":1,"serial":"1"},{"sku":"a","name":"A","unit_price":1,"serial":"1"}]}`, 409)
	s := open(`{"items":[` + tea + `]}`)
	ask("PUT", "/v1/screen", `{"scene":{"kind":"message","title":"Hi"}}`, 409)
	ask("DELETE", s+"/items/99", "", 404)
	ask("POST", s+"/pay", `{"method":"qr"}`, 402)
	ask("POST", s+"/cancel-payment", "", 409)
	ask("POST", s+"/reprint", "", 409)
	ask("GET", "/v1/receipts/"+s[len("/v1/sales/"):]+".png", "", 409)
	ask("POST", "/v1/shift/close", `{"counted":0}`, 409)
	ask("POST", s+"/pay", `{"method":"cash"}`, 200)
	for _, call := range []struct{ method, path, body string }{
		{"POST", "/items", tea}, {"PATCH", "/items/1", `{"quantity":"2"}`}, {"DELETE", "/items/1", ""}, {"POST", "/recall", ""}, {"POST", "/void", `{"reason":"r"}`},
	} {
		ask(call.method, s+call.path, call.body, 409)
	}
	for _, call := range []struct{ path, body string }{
		{"/cancel-payment", ""},
		{"/pay", `{"method":"cash"}`},
		{"/recall", ""},
		{"/refund", `{"reason":"r"}`},
		{"/reprint", ""},
		{"/void", `{"reason":"r"}`},
		{"/park", ""},
		{"/items", tea},
	} {
		ask("POST", "/v1/sales/01JD0000000000000000000000"+call.path, call.body, 404)
	}
	ask("POST", "/v1/refunds", fmt.Sprintf(`{"code":%q,"amount":999999,"reason":"r"}`, s[len("/v1/sales/"):]), 409)
	ask("POST", "/v1/refunds", `{"code":"05-20200101-0001","reason":"r"}`, 404)
	ask("GET", "/v1/refunds/lookup?code=05-20200101-0001", "", 404)
	ask("POST", "/v1/print", `{"job_id":"a","receipt":"01JD0000000000000000000000"}`, 404)
	ask("POST", "/v1/print/none/reprint", "", 404)
	ask("POST", "/v1/scans/99/ack", "", 404)
	// One key, several calls: only the first is meant.
	for i, path := range []string{"/v1/cashier/sign-in", "/v1/cashier/sign-out", "/v1/devices/printer-1/test", "/v1/drawer/open", "/v1/pickups/none/confirm", "/v1/reports/z/print"} {
		body, want := "{}", http.StatusUnprocessableEntity
		switch i {
		case 0:
			body, want = `{"badge":"B7"}`, http.StatusOK
		case 3:
			body = `{"reason":"r"}`
		}
		if resp, answer := b.ask(t, "POST", path, body, "Idempotency-Key", "once"); resp.StatusCode != want {
			t.Errorf("%s: %d %s, want %d", path, resp.StatusCode, answer, want)
		}
	}
	if resp, answer := b.ask(t, "POST", "/v1/cashier/sign-in", `{"badge":"B8"}`, "Idempotency-Key", "once"); resp.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("another badge: %d %s", resp.StatusCode, answer)
	}
	ask("POST", "/v1/scans", `{"code":"P-PU8801"}`, 200)
	ask("POST", "/v1/pickups/P1/confirm", "", 200)
	ask("POST", "/v1/pickups/P1/confirm", "", 409)
	cloud.silent = true
	s = open(`{"items":[` + tea + `]}`)
	ask("POST", s+"/pay", `{"method":"qr"}`, 504)
	if resp, _ := b.ask(t, http.MethodPost, s+"/void", `{"reason":"r"}`); resp.StatusCode != 200 {
		t.Error("not void: ", resp.StatusCode)
	}
	ask("POST", "/v1/shift/close", `{"counted":0}`, 200)
	ask("POST", "/v1/shift/close", `{"counted":0}`, 409)
}

// A till without a printer has no drawer to open, and a device that refuses its
// test says so.
func TestNoDrawer(t *testing.T) {
	b, _, _ := realBenchWith(t, t.TempDir(), &cloudStub{}, func(o *till.Options) {
		o.ReceiptPrinter, o.Printers, o.KickDrawer = "", nil, nil
		o.TestDevice = func(context.Context, string) error {
			return fault.New(fault.Refused, "printer-1", "test", errors.New("no test"))
		}
	})
	b.want(t, "POST", "/v1/devices/printer-1/test", "", 503, sale.CodeUnavailable, "name")
	b.want(t, "POST", "/v1/drawer/open", `{"reason":"r"}`, 409, sale.CodeNoPrinter, "")
}
