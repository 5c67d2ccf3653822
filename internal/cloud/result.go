package cloud

import (
	"fmt"
	"hash/fnv"
	"time"
)

// result is a paid payment's result. Rich ones differ from payment to payment,
// but a payment always gets the same.
func result(p *Payment, scheme string, rich bool) *Result {
	r := &Result{PaymentID: p.ID, State: "paid", Amount: p.Amount}
	if !rich {
		r.Tenders = []Tender{{Method: "wallet", Amount: p.Amount, Scheme: scheme, Reference: reference(p)}}
		return r
	}
	h := fnv.New32a()
	h.Write([]byte(p.ID))
	kind := h.Sum32() % 3
	balance := int64(20_000)
	switch kind {
	case 0: // all from the wallet, the shopper becomes a member
		r.Tenders = []Tender{{Method: "wallet", Amount: p.Amount, Scheme: scheme, Reference: reference(p)}}
		r.Member = &Member{IDMasked: "138****5678", NameMasked: "陈**", Level: "silver", Joined: true, Consent: true}
	case 1: // part from a stored-value card
		part := p.Amount / 2
		r.Tenders = []Tender{{Method: "wallet", Amount: p.Amount - part, Scheme: scheme, Reference: reference(p)}}
		if part > 0 {
			r.Tenders = append(r.Tenders, Tender{Method: "stored_value", Amount: part, Balance: &balance})
		}
		r.StoredValue = &StoredValue{CardMasked: "****8899", Balance: balance, Bought: 50_000}
	case 2: // a member
		r.Tenders = []Tender{{Method: "wallet", Amount: p.Amount, Scheme: "alipay", Reference: reference(p)}}
		r.Member = &Member{IDMasked: "136****0001", NameMasked: "赵**", Level: "gold", Consent: true}
	}
	total := 1280 + p.Amount/100
	r.Points = &Points{Earned: p.Amount / 100, Balance: &total}
	r.Coupons = []Coupon{{ID: "next-5", Title: "下次立减 5 元", Amount: 500, Expires: time.Now().AddDate(0, 1, 0).Format(time.DateOnly)}}
	r.Offers = []Offer{{ID: "offer-coffee", Title: "楼上咖啡 第二杯半价", Text: "凭小票至 3 楼", Brand: "Hill Coffee", URL: "https://pay.example/o/coffee"}}
	return r
}

func reference(p *Payment) string { return fmt.Sprintf("wx%s", p.ID) }
