package display

import (
	"strconv"
	"strings"

	"golang.org/x/text/width"
)

// Cells returns how many character cells s takes on a panel that draws Chinese
// characters two cells wide.
func Cells(s string) int {
	n := 0
	for _, r := range s {
		n += RuneCells(r)
	}
	return n
}

// RuneCells is 2 for Chinese and full-width characters, else 1.
func RuneCells(r rune) int {
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	default:
		return 1
	}
}

// Cut returns the longest beginning of s that fits into so many cells.
func Cut(s string, cells int) string {
	for i, r := range s {
		if cells -= RuneCells(r); cells < 0 {
			return s[:i]
		}
	}
	return s
}

// Row sets left and right to the two ends of a row of so many cells. If they do
// not both fit with a space between them, left is cut: right is the money.
func Row(left, right string, columns int) string {
	room := columns - Cells(right)
	if left != "" {
		left = Cut(left, max(0, room-1))
	}
	return left + strings.Repeat(" ", max(0, room-Cells(left))) + right
}

// Money writes minor units as a decimal with the currency's own number of
// places, without symbol: 12800 CNY is "128.00", 500 JPY is "500".
func Money(amount int64, currency string) string {
	places := Places(currency)
	sign, digits := "", strconv.FormatInt(amount, 10)
	if amount < 0 {
		sign, digits = "-", digits[1:]
	}
	if places == 0 {
		return sign + digits
	}
	if short := places + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	point := len(digits) - places
	return sign + digits[:point] + "." + digits[point:]
}

// Places is the number of decimal places of a currency (ISO 4217).
func Places(currency string) int {
	switch currency {
	case "JPY", "KRW", "VND", "CLP", "ISK", "UGX", "XAF", "XOF", "XPF", "PYG", "RWF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	default:
		return 2
	}
}
