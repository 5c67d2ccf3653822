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

// GTIN14 normalises what a scanner reads from a retail code to a GTIN of 14
// digits by zeros on the left: EAN-13, UPC-A, EAN-8, GTIN-14, and UPC-E in 6, 7
// or 8 digits where the AIM identifier says EAN/UPC or the digits leave no
// doubt. False when length or check digit is wrong.
func GTIN14(digits, aim string) (string, bool) {
	pad := func(s string) (string, bool) {
		if !validCheck(s) {
			return "", false
		}
		return strings.Repeat("0", 14-len(s)) + s, true
	}
	retail := strings.HasPrefix(aim, "]E")
	switch len(digits) {
	case 12, 13, 14:
		return pad(digits)
	case 8:
		if aim == "]E4" || aim == "" || strings.HasPrefix(aim, "]F") {
			if gtin, ok := pad(digits); ok {
				return gtin, true
			}
		}
		if upc, ok := ExpandUPCE(digits); ok && (retail || aim == "") && aim != "]E4" {
			return pad(upc)
		}
	case 6, 7:
		if upc, ok := ExpandUPCE(digits); ok && retail {
			return pad(upc)
		}
	}
	return "", false
}

// ExpandUPCE expands UPC-E to UPC-A. It takes six digits (number system 0, no
// check digit), seven (number system, six digits) or eight (with check digit,
// which must be right). GS1 General Specifications §5.2.2.4.2.
func ExpandUPCE(digits string) (string, bool) {
	check := byte(0)
	switch len(digits) {
	case 6:
		digits = "0" + digits
	case 7:
	case 8:
		check = digits[7]
		digits = digits[:7]
	default:
		return "", false
	}
	if !allDigits(digits) || digits[0] > '1' {
		return "", false
	}
	d, last := digits[1:6], digits[6]
	var upc string
	switch {
	case last <= '2':
		upc = digits[:1] + d[:2] + string(last) + "0000" + d[2:]
	case last == '3':
		upc = digits[:1] + d[:3] + "00000" + d[3:]
	case last == '4':
		upc = digits[:1] + d[:4] + "00000" + d[4:]
	default:
		upc = digits[:1] + d + "0000" + string(last)
	}
	upc += string(CheckDigit(upc))
	if check != 0 && upc[11] != check {
		return "", false
	}
	return upc, true
}
