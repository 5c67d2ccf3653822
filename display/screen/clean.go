package screen

import (
	"slices"
	"strings"
	"unicode"

	"tilld/display"
)

// Longest texts on the glass, in characters. What is longer is cut with an
// ellipsis: a product name must not push the total off the screen.
const (
	maxName  = 160
	maxTitle = 120
	maxText  = 600
	maxMarks = 2 // combining marks on one letter
	maxLines = 500
)

// clean returns sc with every text made harmless to look at. Scenes are shared,
// so nothing of sc is changed.
func clean(sc display.Scene) display.Scene {
	sc.Title, sc.Text = text(sc.Title, maxTitle), text(sc.Text, maxText)
	sc.Lines = slices.Clone(sc.Lines)
	if n := len(sc.Lines); n > maxLines {
		sc.Lines = sc.Lines[n-maxLines:]
	}
	for i := range sc.Lines {
		sc.Lines[i].Name = text(sc.Lines[i].Name, maxName)
		sc.Lines[i].Unit = text(sc.Lines[i].Unit, 8)
		sc.Lines[i].Quantity = text(sc.Lines[i].Quantity, 16)
	}
	sc.Offers = slices.Clone(sc.Offers)
	for i := range sc.Offers {
		o := &sc.Offers[i]
		o.Title, o.Text, o.Brand = text(o.Title, maxTitle), text(o.Text, maxText), text(o.Brand, maxTitle)
	}
	sc.QR = slices.Clone(sc.QR)
	for i := range sc.QR {
		sc.QR[i].Title = text(sc.QR[i].Title, maxTitle)
	}
	if sc.Paid != nil {
		p := *sc.Paid
		if p.Member != nil {
			m := *p.Member
			m.IDMasked, m.NameMasked, m.Level = text(m.IDMasked, 40), text(m.NameMasked, 40), text(m.Level, 40)
			p.Member = &m
		}
		p.Coupons = slices.Clone(p.Coupons)
		for i := range p.Coupons {
			p.Coupons[i].Title, p.Coupons[i].Expires = text(p.Coupons[i].Title, maxTitle), text(p.Coupons[i].Expires, 40)
		}
		if p.StoredValue != nil {
			v := *p.StoredValue
			v.CardMasked = text(v.CardMasked, 40)
			p.StoredValue = &v
		}
		sc.Paid = &p
	}
	if sc.Lines == nil {
		sc.Lines = []display.Line{}
	}
	if sc.Offers == nil {
		sc.Offers = []display.Offer{}
	}
	if sc.QR == nil {
		sc.QR = []display.QR{}
	}
	return sc
}

// text removes control and formatting characters, which include those that
// turn the direction of writing around, thins out piles of combining marks,
// and cuts to max characters.
func text(s string, max int) string {
	var b strings.Builder
	n, marks := 0, 0
	for _, r := range s {
		switch {
		case r == '\n':
		case r == '\t':
			r = ' '
		case r == '\u200d' || r == '\ufe0f': // joins emoji
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), unicode.Is(unicode.Cs, r),
			r == '\u2028', r == '\u2029', r == unicode.ReplacementChar:
			continue
		}
		if unicode.Is(unicode.M, r) {
			if marks++; marks > maxMarks || n == 0 {
				continue
			}
		} else {
			marks = 0
			if n++; n > max {
				return strings.TrimRight(b.String(), " \n") + "…"
			}
		}
		b.WriteRune(r)
	}
	return b.String()
}
