package code

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// label is an in-store label rule: a pattern whose letters say what each digit
// means: digits are the literal prefix, I item, A amount in minor units, W
// weight in grams, Q quantity, C check digit.
type label struct {
	pattern string
	prefix  string
	check   bool
}

func parseLabel(pattern string) (label, error) {
	l := label{pattern: pattern}
	if len(pattern) < 8 || len(pattern) > 24 {
		return l, errors.New("a label pattern has 8 to 24 places")
	}
	l.prefix = pattern[:len(pattern)-len(strings.TrimLeft(pattern, "0123456789"))]
	if l.prefix == "" {
		return l, errors.New("a label pattern begins with digits")
	}
	for i, r := range pattern[len(l.prefix):] {
		if !strings.ContainsRune("IAWQC", r) {
			return l, fmt.Errorf("place %d: %q is none of I A W Q C", len(l.prefix)+i+1, r)
		}
	}
	if i := strings.IndexByte(pattern, 'C'); i >= 0 {
		if i != len(pattern)-1 {
			return l, errors.New("the check digit C must be the last place")
		}
		l.check = true
	}
	if !strings.Contains(pattern, "I") {
		return l, errors.New("a label pattern needs places for the item, I")
	}
	return l, nil
}

// read fills c when text is a label of this rule.
func (l label) read(text string, c *Code) bool {
	if len(text) != len(l.pattern) || !strings.HasPrefix(text, l.prefix) || l.check && !validCheck(text) {
		return false
	}
	c.Kind = Weighed
	c.SKU = l.pick(text, 'I')
	if a, err := strconv.ParseInt(l.pick(text, 'A'), 10, 64); err == nil {
		c.Price = a
	}
	if w, err := strconv.ParseInt(l.pick(text, 'W'), 10, 64); err == nil && w > 0 {
		c.Quantity = fmt.Sprintf("%d.%03d", w/1000, w%1000)
	}
	if q, err := strconv.ParseInt(l.pick(text, 'Q'), 10, 64); err == nil && q > 0 {
		c.Quantity = strconv.FormatInt(q, 10)
	}
	return true
}

func (l label) pick(text string, letter byte) string {
	var b strings.Builder
	for i := range len(text) {
		if l.pattern[i] == letter && i >= len(l.prefix) {
			b.WriteByte(text[i])
		}
	}
	return b.String()
}
