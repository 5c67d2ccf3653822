package reading_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tilld/scanner/internal/reading"
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
		{"a whole EAN-8", "https://sh", "96385074", false, time.Second, true},
		{"an EAN with a wrong check digit", "690123", "6901234567893", false, time.Second, false},
		// 50123452 is an EAN-8, and 4012950123452 an EAN-13.
		{"whole alone and whole together", "40129", "50123452", false, time.Second, false},
		{"an address", "690123", "HTTPS://ID.GS1.ORG/01/09520123456788", false, time.Second, true},
		{"the scanner's own beginning", "690123", "42", true, time.Second, true},
		{"long after", "690123", "42", false, reading.TearFor, true},
		{"just before", "690123", "42", false, reading.TearFor - 1, false},
		{"a break on the line", "\x00\x00", "42", false, time.Second, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var tear reading.Tear
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

// Whatever a code consists of and wherever it is torn: its rest is not believed
// unless it is a number that checks by itself.
func TestTornCodesAreNotBelieved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.StringMatching(`[0-9A-Za-z/.?=-]{2,60}`).Draw(t, "code")
		at := rapid.IntRange(1, len(whole)-1).Draw(t, "torn after")
		rest := whole[at:]
		var tear reading.Tear
		tear.Begin([]byte(whole[:at]), time.Unix(0, 0))
		if !tear.Believe([]byte(rest), false, time.Unix(5, 0)) {
			return
		}
		digits := strings.Trim(rest, "0123456789") == ""
		if n := len(rest); !digits || n != 8 && n != 12 && n != 13 && n != 14 {
			t.Fatalf("%q after %q was believed", rest, whole[:at])
		}
	})
}
