package sale

import "time"

// CouponApplied redeems a coupon with the sale: it counts when the sale closes
// and is free again when the sale is void.
type CouponApplied struct {
	At     time.Time
	Sale   string
	Coupon Coupon
}

// maxRedeemed bounds the coupons of a sale that is not paid yet.
const maxRedeemed = 16

// MemberAttached names the member before payment.
type MemberAttached struct {
	At     time.Time
	Sale   string
	Member Member
	Points *Points
}

func (e CouponApplied) step(w *stepper) error {
	s, err := w.change(e.Sale, e.At)
	if err != nil {
		return err
	}
	for _, c := range s.Coupons {
		if c.ID == e.Coupon.ID && !c.Issued {
			return problem(CodeCouponRefused, "code", "这张券已经用在本单了", "this coupon is already in the sale")
		}
	}
	if len(s.Coupons) >= maxRedeemed {
		return problem(CodeCouponRefused, "code", "本单用券过多", "a sale takes at most 16 coupons")
	}
	c := e.Coupon
	c.Issued, c.Applied = false, 0
	s.Coupons = append(s.Coupons, c)
	if err := s.reckon(); err != nil {
		return err
	}
	if s.Coupons[len(s.Coupons)-1].Applied == 0 {
		return problem(CodeCouponRefused, "code", "这张券不适用于本单商品", "this coupon takes nothing off this basket")
	}
	return nil
}

func (e MemberAttached) step(w *stepper) error {
	s, err := w.change(e.Sale, e.At)
	if err != nil {
		return err
	}
	member := e.Member
	s.Member = &member
	if e.Points != nil {
		points := *e.Points
		s.Points = &points
	}
	return nil
}

// applyCoupons takes redeemed coupons off the total, in the order in which they
// were scanned, never more than what is left of the lines that they are for.
func (s *Sale) applyCoupons() {
	net := s.lineTotals()
	for i := range s.Coupons {
		c := &s.Coupons[i]
		if c.Issued {
			continue
		}
		base := s.couponBase(*c, net)
		off := c.Amount
		if c.Percent > 0 {
			off = (base*Money(min(c.Percent, 100)) + 50) / 100
		}
		c.Applied = max(0, min(off, base))
		s.spread(*c, net)
		s.Total -= c.Applied
		s.DiscountTotal += c.Applied
	}
}

func (s *Sale) lineTotals() []Money {
	net := make([]Money, len(s.Items))
	for i, it := range s.Items {
		net[i] = it.Total
	}
	return net
}

// couponBase is what is left of the lines that a coupon is for.
func (s *Sale) couponBase(c Coupon, net []Money) (base Money) {
	for i, it := range s.Items {
		if c.SKU == "" || c.SKU == it.SKU {
			base += net[i]
		}
	}
	return base
}

// spread takes a coupon off its lines in proportion, to the last minor unit.
func (s *Sale) spread(c Coupon, net []Money) {
	base := s.couponBase(c, net)
	var seen, given Money
	for i, it := range s.Items {
		if base > 0 && (c.SKU == "" || c.SKU == it.SKU) {
			seen += net[i]
			share := mulDiv(c.Applied, seen, base) - given
			given += share
			net[i] -= share
		}
	}
}

// nets is what was paid for each line; the sum is the total.
func (s *Sale) nets() []Money {
	net := s.lineTotals()
	for _, c := range s.Coupons {
		if !c.Issued && c.Applied > 0 {
			s.spread(c, net)
		}
	}
	return net
}
