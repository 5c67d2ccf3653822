package sale

import "strconv"

// Money is an amount in the currency's minor unit: 1250 is ¥12.50. There are no
// floats between the scanner and the receipt.
type Money int64

// minorDigits lists currencies whose minor unit is not a hundredth (ISO 4217).
var minorDigits = map[string]int{"JPY": 0, "KRW": 0, "VND": 0, "KWD": 3, "BHD": 3}

// Decimal writes m as a decimal number of currency, without sign of currency:
// "12.50".
func (m Money) Decimal(currency string) string {
	digits, ok := minorDigits[currency]
	if !ok {
		digits = 2
	}
	sign, u := "", uint64(m)
	if m < 0 {
		sign, u = "-", uint64(-m)
	}
	s := strconv.FormatUint(u, 10)
	if digits == 0 {
		return sign + s
	}
	for len(s) <= digits {
		s = "0" + s
	}
	return sign + s[:len(s)-digits] + "." + s[len(s)-digits:]
}

// MinorUnits converts hundredths, as amounts are configured, into minor units
// of currency: 500.00 is 50,000 fen, or 500 yen.
func MinorUnits(hundredths int64, currency string) Money {
	digits, ok := minorDigits[currency]
	if !ok {
		digits = 2
	}
	for ; digits < 2; digits++ {
		hundredths /= 10
	}
	for ; digits > 2; digits-- {
		hundredths *= 10
	}
	return Money(hundredths)
}
