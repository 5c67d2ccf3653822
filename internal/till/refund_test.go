package till_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tilld/internal/health"
	"tilld/internal/sale"
)

// A refund that the payment side refused is handed out in cash instead, when
// somebody says so, and the condition goes with it.
func TestRefundInCashInstead(t *testing.T) {
	r := newRig(t)
	raised := func() bool {
		return slices.ContainsFunc(r.health.List("en"), func(c health.Condition) bool { return c.Code == "refund_failed" })
	}
	r.cloud.on("payment.create", echo(`{"state":"pending","url":"https://pay.example/$id"}`))
	s := r.do(sale.Pay{Sale: r.open().ID, Method: "qr"})
	result := fmt.Sprintf(`{"payment_id":%q,"state":"paid","amount":4250,"tenders":[{"method":"wallet","amount":4250}]}`, s.Payment.ID)
	if err := r.till.PaymentResult(t.Context(), json.RawMessage(result)); err != nil {
		t.Fatal(err)
	}
	r.cloud.says("payment.refund", `{"state":"failed"}`)
	r.refused(sale.CodeInvalid, sale.RefundSale{Sale: s.ID, Method: "wallet", Reason: "r"})
	r.refused(sale.CodeWrongState, sale.RefundSale{Sale: s.ID, Method: "cash", Reason: "r"})
	r.do(sale.RefundSale{Sale: s.ID, Reason: "r"})
	r.until("it is refused", func() bool { return r.sale(s.ID).Refunds[0].State == sale.RefundFailed && raised() })
	s = r.do(sale.RefundSale{Sale: s.ID, Method: "cash", Reason: "the wallet is closed"})
	if s.State != sale.Refunded || s.Refunds[1].Tenders[0].Method != "cash" {
		t.Errorf("%+v", s)
	}
	if raised() {
		t.Error("the condition stays")
	}
	list := r.events("sale.refunded")
	if len(list) != 1 || !strings.Contains(string(list[0].Data), `"instead_of":"`+s.Payment.ID+`"`) {
		t.Errorf("%s", list)
	}
}
