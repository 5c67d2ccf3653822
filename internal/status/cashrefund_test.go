package status

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"tilld/display/screen/kiosktest"
	"tilld/internal/sale"
	"tilld/internal/till"
)

// On the cashier page a refund that the payment side refused is offered in cash,
// and only then; the slip of the refund can be looked at.
func TestCashRefundInBrowser(t *testing.T) {
	t.Parallel()
	cloud := &refundless{}
	b, engine, _ := realBenchWith(t, t.TempDir(), cloud, func(o *till.Options) { o.RequestTimeout = 10 * time.Second }, withCashier)
	var s sale.Sale
	read := func(text string) {
		t.Helper()
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
	}
	read(b.want(t, "POST", "/v1/sales", `{"items":[{"sku":"tea","name":"Tea","unit_price":1200}]}`, 201, "", ""))
	at := "/v1/sales/" + s.ID
	read(b.want(t, "POST", at+"/pay", `{"method":"qr"}`, 200, "", ""))
	result := fmt.Sprintf(`{"payment_id":%q,"state":"paid","amount":1200,"tenders":[{"method":"wallet","amount":1200}]}`, s.Payment.ID)
	if err := engine.PaymentResult(t.Context(), json.RawMessage(result)); err != nil {
		t.Fatal(err)
	}

	page := kiosktest.Start(t).Open(b.url+"/cashier?lang=en", 1024, 600)
	dialog := func(title string) {
		t.Helper()
		page.Until(fmt.Sprintf(`document.getElementById("dialog").open && document.getElementById("dialog-title").textContent.includes(%q)`, title))
	}
	receipt := func() {
		t.Helper()
		page.Press("F7")
		dialog("Sales")
		page.Type("000001")
		page.Until(`document.querySelectorAll("#dialog .list li").length === 1`)
		page.Press("Enter")
		dialog("Receipt 1")
	}
	const has = `document.getElementById("dialog").textContent.includes(%q)`
	page.Until(`document.querySelector('[data-act="past"]') && !document.querySelector('[data-act="past"]').disabled`)
	receipt()
	var offered bool
	if page.Eval(fmt.Sprintf(has, "Refund in cash"), &offered); offered {
		t.Error("cash is offered before anything was refused")
	}
	page.Press("F9")
	dialog("Refund")
	page.Press("F2", "Enter")
	page.Until(`document.getElementById("notice").textContent.includes("The refund was refused")`)
	receipt()
	page.Until(fmt.Sprintf(has, "Refund in cash"))
	page.Press("F8")
	dialog("Refund in cash")
	page.Press("F2", "Enter")
	page.Until(`document.getElementById("notice").textContent.includes("Hand out ¥12.00 in cash")`)
	read(b.want(t, "GET", at, "", 200, "", ""))
	if s.State != sale.Refunded || len(s.Refunds) != 2 || s.Refunds[1].Tenders[0].Method != "cash" || s.Refunds[1].Reason != "The payment side refused" {
		t.Errorf("%+v", s.Refunds)
	}
	receipt()
	page.Press("F7")
	dialog("Refund picture")
	page.Until(`document.querySelectorAll("#dialog img.picture").length === 1`)
}

// refundless is a cloud whose payment side gives nothing back.
type refundless struct{ cloudStub }

func (c *refundless) Ask(ctx context.Context, kind, saleID, id string, data any) (json.RawMessage, error) {
	if kind == "payment.refund" {
		return json.RawMessage(`{"state":"failed"}`), nil
	}
	return c.cloudStub.Ask(ctx, kind, saleID, id, data)
}
