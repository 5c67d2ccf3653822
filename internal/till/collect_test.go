package till_test

import (
	"encoding/json"
	"testing"

	"tilld/internal/sale"
	"tilld/internal/till"
)

// A cloud that cannot say whether the shopper was charged has not said that
// nothing was: the till asks until it knows, and meanwhile nobody is told to
// charge again.
func TestCollectUndecided(t *testing.T) {
	for _, code := range []string{"timeout", "internal", "unavailable"} {
		t.Run(code, func(t *testing.T) {
			r := newRig(t)
			r.cloud.on("payment.collect", func(json.RawMessage) (string, error) {
				return "", &till.CloudError{Code: code, Message: "the payment side does not answer"}
			})
			asked := make(chan struct{})
			r.cloud.on("payment.query", func(data json.RawMessage) (string, error) {
				<-asked
				return echo(`{"state":"paid","amount":4250,"tenders":[{"method":"wallet","amount":4250,"scheme":"wechat"}]}`)(data)
			})
			s := r.open()
			r.refused(sale.CodePaymentUnknown, sale.Pay{Sale: s.ID, Method: "collect", Code: "134567890123456789"})
			r.refused(sale.CodePaymentPending, sale.Pay{Sale: s.ID, Method: "cash"})
			close(asked)
			r.until("the sale is paid once", func() bool { return r.sale(s.ID).State == sale.Closed })
			if n := r.cloud.count("payment.collect"); n != 1 || len(r.sale(s.ID).Tenders) != 1 {
				t.Errorf("charged %d times: %+v", n, r.sale(s.ID).Tenders)
			}
		})
	}
	r := newRig(t)
	r.cloud.on("payment.collect", func(json.RawMessage) (string, error) { return "", &till.CloudError{Code: "declined"} })
	r.refused(sale.CodePaymentFailed, sale.Pay{Sale: r.open().ID, Method: "collect", Code: "134567890123456789"})
}
