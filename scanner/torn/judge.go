package torn

import (
	"bytes"
	"strings"
	"sync"

	"tilld/scanner/code"
	"tilld/scanner/code/gs1"
)

var defaultRules = sync.OnceValue(code.DefaultRules)

func (m *Memory) rules() code.Rules {
	if m == nil || m.o.Rules == nil {
		return defaultRules()
	}
	return *m.o.Rules
}

// beside reports whether a number with its check digit is one of its own after
// half, rather than the end of something longer: one digit in ten fits by
// chance. Halves of EANs are common, and so is a whole one after them; but half
// must be able to be one, and the two together must be no number that is known:
// to the rules, to the standards, to the price book, from an earlier reading. The
// end of a text proves nothing.
func (m *Memory) beside(half, number []byte) bool {
	n := len(half) + len(number)
	if len(half) > maxHalf || !digits(half) || checked(n) || len(half) == maxHalf && !checks(half) {
		return false
	}
	both := append(bytes.Clone(half), number...)
	defer clear(both)
	if serial(n) && check(both) {
		return false
	}
	if m.known(both) || elements(both) {
		return false
	}
	sold, _ := m.sold(both)
	return !sold
}

// goods reports whether a number is an article of the price book, or there is no
// price book that could tell.
func (m *Memory) goods(number []byte) bool {
	sold, prices := m.sold(number)
	return sold || !prices
}

func (m *Memory) sold(number []byte) (sold, prices bool) {
	if m == nil || m.o.Sold == nil {
		return false, false
	}
	return m.o.Sold(string(number))
}

// known reports whether all of these digits are a code that the chain's rules
// name: an auth code, a member's card, a label of its own; or as long as the
// numbers of its own that begin like that.
func (m *Memory) known(all []byte) bool {
	c := m.rules().Classify(code.AwaitingPayment, "", all)
	return c.Kind != code.Product || c.SKU != "" || m.learned(all)
}

// elements reports whether digits are a GS1 element string with a check digit.
func elements(b []byte) bool {
	m, err := gs1.Parse("^" + string(b))
	if err != nil {
		return false
	}
	for _, e := range m {
		if withCheckDigit(e.AI) {
			return true
		}
	}
	return false
}

// withCheckDigit reports whether the value of an application identifier ends in
// a check digit, by the AI's first digits: SSCC, GTIN, GLN, GRAI, GSRN, ITIP.
func withCheckDigit(ai string) bool {
	for _, head := range []string{"00", "01", "02", "03", "253", "255", "402", "41", "8003", "8006", "8017", "8018", "8026"} {
		if strings.HasPrefix(ai, head) {
			return true
		}
	}
	return false
}

func address(b []byte) bool {
	head := bytes.ToLower(b[:min(len(b), 8)])
	return bytes.HasPrefix(head, []byte("http://")) || bytes.HasPrefix(head, []byte("https://"))
}

// checks reports whether b has the length of an EAN-8, UPC-A, EAN-13 or GTIN-14
// and its check digit.
func checks(b []byte) bool { return checked(len(b)) && digits(b) && check(b) }

func check(digits []byte) bool {
	n := len(digits) - 1
	return code.CheckDigit(string(digits[:n])) == digits[n]
}

// checked reports whether articles' numbers of n digits have a check digit.
func checked(n int) bool { return n == 8 || n >= 12 && n <= 14 }

// serial reports whether n digits may be a GSIN, SSCC or GSRN, or a label of a
// scale, which end in a check digit as well.
func serial(n int) bool { return n == 17 || n == 18 }

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}
