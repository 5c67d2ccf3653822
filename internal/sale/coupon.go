package sale

import "time"

// CouponApplied redeems a coupon with the sale: it counts when the sale closes
// and is free again when the sale is void.
type CouponApplied struct {
	At     time.Time
	Sale   string
	Coupon Coupon
}

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
// were scanned, never below zero.
func (s *Sale) applyCoupons() {
	for i := range s.Coupons {
		c := &s.Coupons[i]
		if c.Issued {
			continue
		}
		base := s.Total
		if c.SKU != "" {
			base = 0
			for _, it := range s.Items {
				if it.SKU == c.SKU {
					base += it.Total
				}
			}
		}
		off := c.Amount
		if c.Percent > 0 {
			off = (base*Money(min(c.Percent, 100)) + 50) / 100
		}
		c.Applied = max(0, min(off, base, s.Total))
		s.Total -= c.Applied
		s.DiscountTotal += c.Applied
	}
}
