package sale

import (
	"strings"

	"github.com/govalues/decimal"
)

// lineTotal returns quantity × unit price, rounded half up once to the minor
// unit. A quantity has at most three decimals ("0.735" kg).
func lineTotal(quantity string, unit Money) (Money, bool) {
	if !plainQuantity(quantity) {
		return 0, false
	}
	q, err := decimal.Parse(quantity)
	if err != nil || !q.IsPos() {
		return 0, false
	}
	p, err := decimal.New(int64(unit), 0)
	if err != nil {
		return 0, false
	}
	half := decimal.MustNew(5, 1)
	exact, err := q.Mul(p)
	if err != nil {
		return 0, false
	}
	up, err := exact.Add(half)
	if err != nil {
		return 0, false
	}
	whole, _, ok := up.Floor(0).Int64(0)
	return Money(whole), ok && Money(whole) <= MaxMoney
}

// plainQuantity reports whether q is written as a quantity is printed and sent:
// digits, no zero before them, at most three decimals. A number may be written
// in more ways ("1e3", "+1", ".5"), but receipts and receivers read this one.
func plainQuantity(q string) bool {
	whole, places, point := strings.Cut(q, ".")
	if whole == "" || len(whole) > 1 && whole[0] == '0' || point && (places == "" || len(places) > 3) {
		return false
	}
	return strings.Trim(whole+places, "0123456789") == ""
}

// pieces returns quantity as a whole number, or 0 for a weight.
func pieces(quantity string) int {
	q, err := decimal.Parse(quantity)
	if err != nil || !q.IsInt() {
		return 0
	}
	n, _, ok := q.Int64(0)
	if !ok {
		return 0
	}
	return int(n)
}
