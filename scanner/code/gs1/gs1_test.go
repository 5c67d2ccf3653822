package gs1_test

import (
	"strings"
	"testing"

	"tilld/scanner/code/gs1"
)

func TestDictionary(t *testing.T) {
	for code, title := range map[string]string{"01": "GTIN", "3103": "NET WEIGHT (kg)", "99": "INTERNAL", "7250": "DOB"} {
		if ai := gs1.Find(code); ai == nil || ai.Title != title {
			t.Errorf("(%s): %+v, want title %q", code, ai, title)
		}
	}
	if gs1.Find("89") != nil {
		t.Error("(89) is in the dictionary")
	}
}

// Values that only a linter can tell.
func TestLinters(t *testing.T) {
	for _, tt := range []struct {
		in string
		ok bool
	}{
		{"(01)12345678901231", true},
		{"(01)12345678901232", false},              // csum
		{"(17)240229", true},                       // leap year
		{"(17)230229", false},                      // not one
		{"(17)261200", true},                       // day 00: the last of the month
		{"(17)261300", false},                      // month 13
		{"(8013)1987654Ad4X4bL5ttr2310c2K", true},  // the example of the GMN's standard
		{"(8013)1987654Ad4X4bL5ttr2310c2L", false}, // csumalpha
		{"(8007)GB82WEST12345698765432", true},     // iban
		{"(8007)GB82WEST12345698765433", false},
		{"(3911)15612345", true},  // CNY
		{"(3911)99812345", false}, // no such currency
		{"(421)156200000", true},  // China
		{"(421)999200000", false},
		{"(4307)CN", true},
		{"(4307)XX", false},
		{"(8006)123456789012310102", true},
		{"(8006)123456789012310302", false}, // piece 3 of 2
		{"(8008)26112407", true},
		{"(8008)26112424", false},
		{"(8011)0123", false},
		{"(4300)A%20B", true},
		{"(4300)A%2", false},
		{"(7258)1/2", true},
		{"(7258)3/2", false},
	} {
		if _, err := gs1.ParseBracketed(tt.in, gs1.Options{}); (err == nil) != tt.ok {
			t.Errorf("%s: %v, want accepted %v", tt.in, err, tt.ok)
		}
	}
}

func TestReference(t *testing.T) {
	// peripherals: element strings as scanners send them
	for in, want := range map[string]string{
		"]C1011231231231233310ABC123\x1d17261231":                            "(01)12312312312333(10)ABC123(17)261231",
		"]d20195012345678903310300125010ABC\x1d17251231":                     "(01)95012345678903(3103)001250(10)ABC(17)251231",
		"]Q1https://id.gs1.org/01/09520123456788/10/ABC1/21/12345?17=180426": "(01)09520123456788(10)ABC1(21)12345(17)180426",
	} {
		s, err := gs1.ParseScan(in)
		if err != nil || s.Message.Bracketed() != want {
			t.Errorf("%q: %s, %v; want %s", in, s.Message.Bracketed(), err, want)
		}
	}
	m, err := gs1.ParseBracketed("(01)09501101530003(3922)1575", gs1.Options{})
	if err != nil || m.Validate() == nil {
		t.Errorf("a price without a measure is accepted (%v)", err)
	}
}

// What is read can be written and reads the same again.
func FuzzParse(f *testing.F) {
	f.Add("^011231231231233310ABC123^99TESTING")
	f.Add("^423528528")
	f.Fuzz(func(t *testing.T, in string) {
		m, err := gs1.Parse(in)
		if err != nil {
			return
		}
		again, err := gs1.Parse(m.String())
		if err != nil || again.String() != m.String() {
			t.Errorf("%q: %q, then %q, %v", in, m.String(), again.String(), err)
		}
		if b, err := gs1.ParseBracketed(m.Bracketed(), gs1.Options{}); err != nil || b.String() != m.String() {
			t.Errorf("%q: bracketed %q: %v", in, m.Bracketed(), err)
		}
		m.Validate() //nolint:errcheck // must not panic
	})
}

func FuzzParseLink(f *testing.F) {
	f.Add("https://id.gs1.org/01/09520123456788/10/ABC1/21/12345?17=180426")
	f.Add("HTTP://a/8004/9520614141234567?01=2112345678900&&x=%zz")
	f.Fuzz(func(t *testing.T, in string) {
		for _, o := range []gs1.Options{{}, {UnknownAIs: true, ZeroSuppressed: true, Aliases: true, UnknownAttributes: true}} {
			m, err := gs1.ParseLink(in, o)
			if err != nil || o.UnknownAIs {
				continue
			}
			uri, err := m.Link("")
			if err != nil {
				continue // an attribute of one key may be a second key
			}
			if again, err := gs1.ParseLink(uri, o); err != nil || len(again) != len(m) {
				t.Errorf("%q: written %q, read %v, %v", in, uri, again, err)
			}
		}
	})
}

func FuzzParseScan(f *testing.F) {
	f.Add("]C1011231231231233310ABC123\x1d99TESTING")
	f.Add("]E402345673|]e099COMPOSITE\x1d98XYZ")
	f.Fuzz(func(t *testing.T, in string) {
		s, err := gs1.ParseScan(in)
		if err == nil && strings.HasPrefix(s.Data, "^") && strings.Contains(s.Data, "\x1d") {
			t.Errorf("%q keeps a separator", in)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		if _, err := gs1.Parse("^011231231231233310ABC123^17261231"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseLink(b *testing.B) {
	for b.Loop() {
		if _, err := gs1.ParseLink("https://id.gs1.org/01/09520123456788/10/ABC1/21/12345?17=180426", gs1.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
