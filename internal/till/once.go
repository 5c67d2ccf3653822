package till

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"tilld/internal/sale"
	"tilld/queue"
)

// What may be used once: item serials, coupons, hand-over codes of baskets,
// signed tokens. Bucket Index has, for each, the sale that it went into last;
// whether it is used up is for that sale to say (docs/adr/0037), so a void or a
// refund sets it free without a record of its own. Keys have hashes: whoever has
// a coupon's code can use it.

func onceKey(kind, text string) string {
	sum := sha256.Sum256([]byte(text))
	return "once/" + kind + "/" + hex.EncodeToString(sum[:])
}

// serialKey names one very item. Leading zeros of a GTIN say nothing.
func serialKey(gtin, sku, serial string) string {
	return onceKey("serial", firstText(strings.TrimLeft(gtin, "0"), sku)+"\x00"+serial)
}

func couponKey(c sale.Coupon) string { return onceKey("coupon", firstText(c.Code, c.ID)) }

// user returns the sale, other than saleID, that something went into; ok is
// false when there is none any more.
func (x *txn) user(key, saleID string) (s sale.Sale, ok bool, err error) {
	var id []byte
	err = x.t.o.Store.View(func(tx *queue.Tx) error {
		id, err = tx.Get(queue.Index, []byte(key))
		if err != nil || id == nil || string(id) == saleID {
			return err
		}
		if s, ok = x.m.Sale(string(id)); ok {
			return nil
		}
		s, err = x.t.readSale(tx, string(id))
		ok = s.ID != ""
		return err
	})
	return s, ok && s.State != sale.Void, err
}

// checkOnce refuses an event that would use something again, and notes what it
// uses, as part of the commit.
func (x *txn) checkOnce(e sale.Event) error {
	switch e := e.(type) {
	case sale.ItemsAdded:
		return x.checkSerials(e)
	case sale.CouponApplied:
		return x.checkCoupon(e)
	default:
		return nil
	}
}

// checkSerials refuses an item that is in another sale of this till already.
func (x *txn) checkSerials(e sale.ItemsAdded) error {
	for _, n := range e.Items {
		if n.Serial == "" {
			continue
		}
		key := serialKey(n.GTIN, n.SKU, n.Serial)
		s, used, err := x.user(key, e.Sale)
		if err != nil {
			return err
		}
		if used && s.HasSerial(n.GTIN, n.SKU, n.Serial) {
			return serialUsed(s)
		}
		x.index(key, e.Sale)
	}
	return nil
}

func serialUsed(s sale.Sale) *sale.Problem {
	if s.Number > 0 {
		return problem(sale.CodeSerialSold, "serial", "这件商品（序列号）已经售出，单号 "+shortNumber(s), "this very item was sold already, receipt "+shortNumber(s))
	}
	return problem(sale.CodeDuplicateSerial, "serial", "这件商品（序列号）已在另一笔未结束的销售中", "this very item is in another sale that is not finished")
}

// checkCoupon refuses a coupon that this till has redeemed, or that is in
// another sale. c is given as it will be in the sale.
func (x *txn) checkCoupon(e sale.CouponApplied) error {
	keys := []string{couponKey(e.Coupon)}
	if e.Coupon.Token != "" {
		keys = append(keys, onceKey("token", e.Coupon.Token))
	}
	for _, key := range keys {
		s, used, err := x.user(key, e.Sale)
		if err != nil {
			return err
		}
		switch {
		case !used || !s.Redeems(e.Coupon):
			x.index(key, e.Sale)
		case s.Number > 0:
			return problem(sale.CodeCouponRefused, "code", "这张券已在本机使用，单号 "+shortNumber(s), "this coupon was redeemed at this till already, receipt "+shortNumber(s))
		default:
			return problem(sale.CodeCouponRefused, "code", "这张券已用在另一笔未结束的销售中", "this coupon is in another sale that is not finished")
		}
	}
	return nil
}

// checkBasket refuses a hand-over code whose basket was taken over already,
// unless that sale was voided.
func (x *txn) checkBasket(handover, saleID string) error {
	key := onceKey("basket", handover)
	s, used, err := x.user(key, "")
	if err != nil {
		return err
	}
	if used {
		return problem(sale.CodeBasketUsed, "code", "这个购物篮已经取用过（"+stateWord(s)+"）", "this basket was taken over already; its sale is "+string(s.State))
	}
	x.index(key, saleID)
	return nil
}

func stateWord(s sale.Sale) string {
	switch s.State {
	case sale.Open, sale.Paying, sale.Parked:
		return "销售未结束"
	default:
		return "单号 " + shortNumber(s)
	}
}

// shortNumber is a receipt's number as it is printed, without the till.
func shortNumber(s sale.Sale) string {
	return strings.ReplaceAll(s.Day, "-", "") + "-" + fmt.Sprintf("%04d", s.Number)
}
