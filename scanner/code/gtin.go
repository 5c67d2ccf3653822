package code

import "strings"

// CheckDigit returns the GS1 check digit of digits, which do not include it:
// weights 3 and 1 in turn from the right (GS1 General Specifications §7.9).
func CheckDigit(digits string) byte {
	sum := 0
	for i := range len(digits) {
		n := int(digits[len(digits)-1-i] - '0')
		if i%2 == 0 {
			n *= 3
		}
		sum += n
	}
	return byte('0' + (10-sum%10)%10)
}

// validCheck reports whether the last digit is the check digit of the others.
func validCheck(digits string) bool {
	n := len(digits) - 1
	return n > 0 && CheckDigit(digits[:n]) == digits[n]
}

// GTIN14 normalises an EAN-8, UPC-A, EAN-13 or GTIN-14 to 14 digits by zeros on
// the left; false when the length or the check digit is wrong.
func GTIN14(digits, aim string) (string, bool) {
	switch len(digits) {
	case 8:
		if aim == "" || strings.HasPrefix(aim, "]E4") || strings.HasPrefix(aim, "]F") {
			break
		}
		return "", false
	case 12, 13, 14:
	default:
		return "", false
	}
	if !validCheck(digits) {
		return "", false
	}
	return strings.Repeat("0", 14-len(digits)) + digits, true
}
