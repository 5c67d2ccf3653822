package sale

import "github.com/govalues/decimal"

// lineTotal returns quantity × unit price, rounded half up once to the minor
// unit. A quantity has at most three decimals ("0.735" kg).
func lineTotal(quantity string, unit Money) (Money, bool) {
	q, err := decimal.Parse(quantity)
	if err != nil || !q.IsPos() || q.Scale() > 3 {
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
