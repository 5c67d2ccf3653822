package torn_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tilld/scanner/code"
	"tilld/scanner/torn"
)

func TestTear(t *testing.T) {
	start := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name, half, next string
		framed           bool
		after            time.Duration
		want             bool
	}{
		{"the rest of an EAN", "690123", "4567892", false, time.Second, false},
		{"the rest of a text", "https://shop.example/", "a?id=12", false, time.Second, false},
		{"the rest of an auth code", "13456789", "0123456789", false, time.Second, false},
		{"a whole EAN", "690123", "6901234567892", false, time.Second, true},
		{"a whole EAN-8", "690123456", "96385074", false, time.Second, true},
		{"what may be the end of an address", "https://sh", "96385074", false, time.Second, false},
		{"the same address again", "https://sh", "https://shop.example/1", false, time.Second, true},
		{"the same member again", "M:1234", "M:12345678", false, time.Second, true},
		{"too little to know it again", "M:12", "M:12345678", false, time.Second, false},
		{"zeros after zeros", "000000", "0000001", false, time.Second, false},
		{"what may be the end of an auth code", "13456", "6901234567892", false, time.Second, false},
		{"what may be the end of a long number", "13456789012345", "6901234567892", false, time.Second, false},
		{"as long as an EAN together", "69012", "96385074", false, time.Second, false},
		{"a cable plugged in", "\xff\x80", "42", false, time.Second, true},
		{"a cable plugged in, then a half", "\xff690123", "6901234567892", false, time.Second, true},
		{"an EAN with a wrong check digit", "690999", "6901234567893", false, time.Second, false},
		// 50123452 is an EAN-8, and 4012950123452 an EAN-13.
		{"whole alone and whole together", "40129", "50123452", false, time.Second, false},
		{"13 digits that only lack their end", "6901234567892", "6909999999996", false, time.Second, true},
		{"13 digits of something longer", "6901234567893", "6909999999996", false, time.Second, false},
		{"the rest of an SSCC", "69014", "6901234567892", false, time.Second, false},
		{"the rest of a GSIN", "6909", "6901234567892", false, time.Second, false},
		{"a whole EAN after as much", "6902", "6901234567892", false, time.Second, true},
		{"the rest of a GTIN with its AI", "01", "06901234567892", false, time.Second, false},
		{"an EAN after a GTIN's AI", "0106901", "6909999999996", false, time.Second, true},
		{"an address", "690123", "HTTPS://ID.GS1.ORG/01/09520123456788", false, time.Second, true},
		{"the scanner's own beginning", "690123", "42", true, time.Second, true},
		{"long after", "690123", "42", false, torn.For, true},
		{"just before", "690123", "42", false, torn.For - 1, false},
		{"a break on the line", "\x00\x00", "42", false, time.Second, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var tear torn.Tear
			tear.Begin([]byte(tt.half), start)
			if got := tear.Believe([]byte(tt.next), tt.framed, start.Add(tt.after)); got != tt.want {
				t.Errorf("%q then %q: believed %v, want %v", tt.half, tt.next, got, tt.want)
			}
			if !tear.Believe([]byte("42"), false, start.Add(tt.after)) {
				t.Error("doubts more than one code")
			}
		})
	}
}

// A code is torn after every byte, or after every two bytes: its rest, all of
// it that is not the start, is never believed, though one in ten checks.
func TestTheRestIsNeverBelieved(t *testing.T) {
	start := time.Unix(0, 0)
	digits := func(n int) *rapid.Generator[string] {
		return rapid.StringMatching(fmt.Sprintf(`[0-9]{%d}`, n))
	}
	checked := rapid.Custom(func(t *rapid.T) string {
		n := digits(rapid.SampledFrom([]int{7, 11, 12, 13}).Draw(t, "digits")).Draw(t, "number")
		return n + string(code.CheckDigit(n))
	})
	auth := rapid.Custom(func(t *rapid.T) string {
		head := rapid.SampledFrom([]string{"10", "13", "15", "25", "28", "30"}).Draw(t, "scheme")
		return head + digits(16).Draw(t, "auth code")
	})
	// A text or a long number whose end happens to be an article number.
	tail := rapid.Custom(func(t *rapid.T) string {
		return rapid.StringMatching(`[0-9]*[A-Za-z/.?=-][0-9A-Za-z/.?=-]{0,60}|[0-9]{14,60}`).Draw(t, "text") + checked.Draw(t, "tail")
	})
	// Logistic units, shipments and service relations, and element strings.
	serial := rapid.Custom(func(t *rapid.T) string {
		n := digits(rapid.SampledFrom([]int{16, 17}).Draw(t, "digits")).Draw(t, "serial")
		return n + string(code.CheckDigit(n))
	})
	element := rapid.Custom(func(t *rapid.T) string {
		ai := rapid.SampledFrom([]string{"00 17", "01 13", "02 13", "410 12", "414 12", "8018 17"}).Draw(t, "AI")
		ai, n, _ := strings.Cut(ai, " ")
		length, _ := strconv.Atoi(n)
		value := digits(length).Draw(t, "value")
		return ai + value + string(code.CheckDigit(value))
	})
	// A till with a price book, and one without.
	book := torn.New(torn.Options{Sold: func(number string) (sold, prices bool) { return number == ean, true }})
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.OneOf(checked, auth, serial, element, tail, rapid.StringMatching(`[0-9]{17,26}|[0-9A-Za-z/.?=-]{2,60}`)).Draw(t, "code")
		for a := 1; a < len(whole); a++ {
			for b := a; b < len(whole); b++ {
				for _, prices := range []bool{true, false} {
					var tear torn.Tear
					if prices {
						tear = book.Take(spec)
					}
					tear.Begin([]byte(whole[:a]), start)
					if b > a {
						tear.Begin([]byte(whole[a:b]), start.Add(time.Second))
					}
					if tear.Believe([]byte(whole[b:]), false, start.Add(2*time.Second)) && !repeated(whole, a, b) && (prices || !excused(whole, b)) {
						t.Fatalf("price book: %v; %q, %q, then %q was believed", prices, whole[:a], whole[a:b], whole[b:])
					}
				}
			}
		}
	})
}

var element = regexp.MustCompile(`^(00[0-9]{18}|0[12][0-9]{14}|41[04][0-9]{13}|8018[0-9]{18})$`)

// excused reports whether nothing can tell the rest from a whole code without a
// price book: a number without a check digit whose end has one, as long as an
// EAN's half and an EAN.
func excused(whole string, b int) bool {
	n := len(whole)
	numbered := (n == 17 || n == 18) && code.CheckDigit(whole[:n-1]) == whole[n-1] || element.MatchString(whole) // a serial number, an element string
	return strings.Trim(whole, "0123456789") == "" && b <= 13 && n != 8 && n != 12 && n != 13 && n != 14 && !numbered &&
		code.DefaultRules().Classify(code.AwaitingPayment, "", []byte(whole)).Kind != code.AuthCode
}

// repeated reports whether the rest begins like a half, as a code that is read
// again does.
func repeated(whole string, a, b int) bool {
	rest := whole[b:]
	return b >= 6 && (strings.HasPrefix(rest, whole[:b]) || b-a >= 6 && strings.HasPrefix(rest, whole[a:b]) || a >= 6 && strings.HasPrefix(rest, whole[:a]))
}

// After a stray half the code that is read next is believed, if it is an EAN or
// the same code again; anything else the second time.
func TestReadAgainAfterATear(t *testing.T) {
	start := time.Unix(0, 0)
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.StringMatching(`69[0-9]{10}`).Draw(t, "first")
		first += string(code.CheckDigit(first))
		next := rapid.StringMatching(`[0-9]{12}`).Draw(t, "next")
		next += string(code.CheckDigit(next))
		var tear torn.Tear
		half := first[:rapid.IntRange(2, 12).Draw(t, "torn after")]
		tear.Begin([]byte(half), start)
		both := half + next // as long as a serial number, and with its check digit: one time in ten
		n := len(both) - 1
		doubtful := (n == 16 || n == 17) && code.CheckDigit(both[:n]) == both[n]
		if tear.Believe([]byte(next), false, start.Add(time.Second)) == doubtful {
			t.Fatalf("%q after the half %q is believed: %v", next, half, doubtful)
		}
		text := rapid.StringMatching(`[A-Za-z:/.=-][0-9A-Za-z:/.=-]{7,40}`).Draw(t, "text")
		at := rapid.IntRange(1, len(text)-1).Draw(t, "text torn after")
		tear.Begin([]byte(text[:at]), start)
		if tear.Believe([]byte(next), false, start.Add(time.Second)) {
			t.Fatalf("%q after %q is believed at once", next, text[:at])
		}
		if !tear.Believe([]byte(next), false, start.Add(2*time.Second)) {
			t.Fatalf("%q is not believed the second time", next)
		}
		if text = "ab" + text; at >= 4 {
			tear.Begin([]byte(text[:at+2]), start)
			if !tear.Believe([]byte(text), false, start.Add(time.Second)) {
				t.Fatalf("%q is not believed after %q", text, text[:at+2])
			}
		}
	})
}

// A burst that is longer than any code is noise: what checks after it is a code.
func TestAfterNoise(t *testing.T) {
	for next, want := range map[string]bool{"6901234567892": true, "96385074": true, "42": false} {
		var tear torn.Tear
		tear.Begin([]byte("https://shop.example/"), time.Unix(0, 0))
		tear.Noise(time.Unix(1, 0))
		if got := tear.Believe([]byte(next), false, time.Unix(2, 0)); got != want {
			t.Errorf("%s is believed: %v", next, got)
		}
	}
}

// However many pieces come, little is held, and nothing is proved by them.
func TestManyPieces(t *testing.T) {
	var tear torn.Tear
	for i := range 10_000 {
		tear.Begin([]byte("6"), time.Unix(int64(i)/10, 0))
	}
	if tear.Believe([]byte("6901234567892"), false, time.Unix(1000, 0)) {
		t.Error("believed after ten thousand pieces")
	}
	if !tear.Believe([]byte("6901234567892"), false, time.Unix(1001, 0)) {
		t.Error("not believed the second time")
	}
}
