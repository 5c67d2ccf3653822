package status

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"

	"tilld/internal/sale"
	"tilld/internal/till"
)

func readToken(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// ask sends one request; headers come in pairs and "" removes one.
func (b *bench) ask(t *testing.T, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, b.url+path, r)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+b.token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		switch name := headers[i]; {
		case name == "Host":
			req.Host = headers[i+1]
		case headers[i+1] == "":
			req.Header.Del(name)
		default:
			req.Header.Set(name, headers[i+1])
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(data)
}

// want asks and checks status and, for problems, the code and field.
func (b *bench) want(t *testing.T, method, path, body string, status int, code, field string, headers ...string) string {
	t.Helper()
	resp, data := b.ask(t, method, path, body, headers...)
	if resp.StatusCode != status {
		t.Errorf("%s %s: %d %s, want %d", method, path, resp.StatusCode, data, status)
		return data
	}
	if code == "" {
		return data
	}
	var p Problem
	if err := json.Unmarshal([]byte(data), &p); err != nil || resp.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s %s: no problem: %s", method, path, data)
		return data
	}
	if p.Code != code || p.Field != field || p.Status != status || p.Detail == "" || p.Title == "" || p.Type != "urn:tilld:problem:"+code {
		t.Errorf("%s %s: %+v, want code %s field %q", method, path, p, code, field)
	}
	return data
}

func ptr[T any](v T) *T { return &v }

// Every call of the contract reaches the engine as the command it means.
func TestCommands(t *testing.T) {
	b := newBench(t)
	for _, tc := range []struct {
		method, path, body string
		status             int
		want               any
	}{
		{"POST", "/v1/sales", ``, 201, sale.OpenSale{}},
		{
			"POST", "/v1/sales", `{"external_id":"x","items":[{"code":"69"},{"sku":"tea","name":"茶","quantity":"2","unit_price":1250}]}`, 201,
			sale.OpenSale{ExternalID: "x", Items: []sale.Add{{Code: "69"}, {SKU: "tea", Name: "茶", Quantity: "2", UnitPrice: ptr(sale.Money(1250))}}},
		},
		{"POST", "/v1/sales/S/items", `{"code":"69"}`, 200, sale.AddItem{Sale: "S", Add: sale.Add{Code: "69"}}},
		{"PATCH", "/v1/sales/S/items/2", `{"quantity":"0.735"}`, 200, sale.ChangeItem{Sale: "S", Line: 2, Quantity: ptr("0.735")}},
		{"DELETE", "/v1/sales/S/items/2", ``, 200, sale.RemoveItem{Sale: "S", Line: 2}},
		{"POST", "/v1/sales/S/pay", `{"method":"cash","given":5000}`, 200, sale.Pay{Sale: "S", Method: "cash", Given: ptr(sale.Money(5000))}},
		{"POST", "/v1/sales/S/cancel-payment", ``, 200, sale.CancelPayment{Sale: "S"}},
		{"POST", "/v1/sales/S/void", `{"reason":"r"}`, 200, sale.VoidSale{Sale: "S", Reason: "r"}},
		{"POST", "/v1/sales/S/park", `{}`, 200, sale.Park{Sale: "S"}},
		{"POST", "/v1/sales/S/park", `{"reason":"r","cashier":"E-7"}`, 200, sale.Park{Sale: "S", Reason: "r", Cashier: "E-7"}},
		{"POST", "/v1/sales/S/recall", ``, 200, sale.Recall{Sale: "S"}},
		{"POST", "/v1/sales/S/reprint", `{"reason":"r","cashier":"E-7"}`, 200, sale.Reprint{Sale: "S", Reason: "r", Cashier: "E-7"}},
		{"POST", "/v1/print/j/1/reprint", `{"reason":"r"}`, 201, till.ReprintJob{JobID: "j/1", Reason: "r"}},
		{"POST", "/v1/scans", `{"code":"69"}`, 200, till.ScanCode{Code: "69"}},
		{"POST", "/v1/sales/S/refund", `{"lines":[1,2],"reason":"r"}`, 200, sale.RefundSale{Sale: "S", Lines: []int{1, 2}, Reason: "r"}},
		{"POST", "/v1/sales/S/reprint", ``, 200, sale.Reprint{Sale: "S"}},
		{"POST", "/v1/scans/7/ack", ``, 200, till.AckScan{Seq: 7}},
		{"POST", "/v1/print", `{"job_id":"j/1","escpos_base64":"G0A="}`, 201, till.PrintRequest{JobID: "j/1", Escpos: []byte("\x1b@")}},
		{"POST", "/v1/reports/z/print", `{"day":"2026-03-14","printer":"p"}`, 201, till.PrintZ{Day: "2026-03-14", Printer: "p"}},
		{"POST", "/v1/print/j/1/reprint", ``, 201, till.ReprintJob{JobID: "j/1"}},
		{"POST", "/v1/print/j%2F1/reprint", ``, 201, till.ReprintJob{JobID: "j/1"}},
		{"DELETE", "/v1/screen", ``, 200, till.ClearScene{}},
		{"POST", "/v1/devices/printer-1/test", ``, 200, till.TestDevice{Name: "printer-1"}},
		{"POST", "/v1/shift/open", `{"float":20000}`, 201, till.OpenShift{Float: 20000}},
		{"POST", "/v1/shift/close", `{"counted":50000}`, 200, till.CloseShift{Counted: 50000}},
		{"POST", "/v1/drawer/open", `{"reason":"change"}`, 200, till.OpenDrawer{Reason: "change"}},
		{"POST", "/v1/cashier/sign-in", `{"badge":"B7"}`, 200, till.SignIn{Badge: "B7"}},
		{"POST", "/v1/pickups/P1/confirm", ``, 200, till.ConfirmPickup{ID: "P1"}},
		{"POST", "/v1/cashier/sign-out", ``, 200, till.SignOut{}},
	} {
		b.want(t, tc.method, tc.path, tc.body, tc.status, "", "", "Idempotency-Key", "k-1")
		call, got := b.engine.last()
		if !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s %s: %#v, want %#v", tc.method, tc.path, got, tc.want)
		}
		if call.Key != "k-1" || call.Origin != "api" || len(call.Fingerprint) != 64 {
			t.Errorf("%s %s: call %+v", tc.method, tc.path, call)
		}
	}
}

// A POS application that asks for what is next, again and again, gets each scan
// once, also from the last page.
func TestScansNext(t *testing.T) {
	b := newBench(t)
	var seen []uint64
	after := uint64(0)
	for range 3 {
		body := b.want(t, "GET", fmt.Sprintf("/v1/scans?after=%d", after), "", 200, "", "", "Authorization", "Bearer "+b.token)
		var list ScanList
		if err := json.Unmarshal([]byte(body), &list); err != nil {
			t.Fatal(err)
		}
		for _, x := range list.Scans {
			seen = append(seen, x.Seq)
		}
		after = list.Next
	}
	if len(seen) != 1 || after != 7 {
		t.Errorf("scans %v, next %d; want 7 once", seen, after)
	}
}
