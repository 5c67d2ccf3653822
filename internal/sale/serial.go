package sale

import (
	"crypto/sha256"
	"slices"
	"strings"
)

// sameItem reports whether two one-item-one-codes name one piece. Leading zeros
// of a GTIN say nothing; without a GTIN the SKU tells kinds apart.
func sameItem(it Item, gtin, sku, serial string) bool {
	if it.Serial != serial || serial == "" {
		return false
	}
	a, b := strings.TrimLeft(it.GTIN, "0"), strings.TrimLeft(gtin, "0")
	if a == "" && b == "" {
		return it.SKU == sku
	}
	return a == b
}

// ShortCode is a sale's name in links that are printed: ten characters of
// Crockford's base 32 (no I, L, O, U) of the SHA-256 of its id. Nobody can guess
// one from another, and what it leads to is for head office to say, also after
// the receipt is out of the shop.
func ShortCode(saleID string) string {
	const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	sum := sha256.Sum256([]byte(saleID))
	var n uint64
	for _, b := range sum[:8] {
		n = n<<8 | uint64(b)
	}
	out := make([]byte, 10)
	for i := range out {
		out[i] = digits[n>>59]
		n <<= 5
	}
	return string(out)
}

// HasSerial reports whether that very piece goes, or went, to the shopper with
// this sale: it is on a line that was not given back.
func (s Sale) HasSerial(gtin, sku, serial string) bool {
	if s.State == Void || s.State == Refunded {
		return false
	}
	return slices.ContainsFunc(s.Items, func(it Item) bool {
		return sameItem(it, gtin, sku, serial) && !slices.ContainsFunc(s.Refunds, func(r Refund) bool {
			return !r.GiveBack && r.State != RefundFailed && slices.Contains(r.Lines, it.Line)
		})
	})
}

// Redeems reports whether a coupon is used with this sale. Codes of coupons are
// erased in time, ids stay.
func (s Sale) Redeems(c Coupon) bool {
	return s.State != Void && slices.ContainsFunc(s.Coupons, func(k Coupon) bool {
		return !k.Issued && (k.ID == c.ID || k.Code != "" && k.Code == c.Code)
	})
}
