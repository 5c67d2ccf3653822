package offlinepay_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tilld/internal/offlinepay"
)

func TestEveryBitCountsForACode(t *testing.T) {
	body := codedRequest.Body()
	typed, barcode := codeKeys.Codes(body)
	if !codeKeys.Matches(typed, body) || !codeKeys.Matches(barcode, body) || len(typed) != 8 || len(barcode) != 18 || barcode[:2] != "93" {
		t.Fatalf("%q %q", typed, barcode)
	}
	for bit := range len(body) * 8 {
		body[bit/8] ^= 0x80 >> (bit % 8)
		if codeKeys.Matches(typed, body) || codeKeys.Matches(barcode, body) {
			t.Errorf("bit %d of the request flipped: the code is still right", bit)
		}
		body[bit/8] ^= 0x80 >> (bit % 8)
	}
	key := append([]byte{}, codeKeys[3]...)
	for bit := range len(key) * 8 {
		key[bit/8] ^= 0x80 >> (bit % 8)
		if other := (offlinepay.CodeKeys{3: key}); other.Matches(typed, body) || other.Matches(barcode, body) {
			t.Errorf("bit %d of the key flipped: the code is still right", bit)
		}
		key[bit/8] ^= 0x80 >> (bit % 8)
	}
	for _, code := range []string{typed, barcode} {
		for i := range code {
			for d := byte('0'); d <= '9'; d++ {
				if wrong := code[:i] + string(d) + code[i+1:]; wrong != code && codeKeys.Matches(wrong, body) {
					t.Errorf("%s is taken for %s", wrong, code)
				}
			}
		}
		for _, wrong := range []string{code[1:], code + "0", "", code[:4] + " " + code[4:]} {
			if codeKeys.Matches(wrong, body) {
				t.Errorf("%q is taken", wrong)
			}
		}
	}
	// Nothing of another kind is a request: a proof's body, one byte more or less.
	for _, b := range [][]byte{exampleProof.Body(), body[:29], append(body, 0), exampleRequest.Body(), nil} {
		if typed, barcode := codeKeys.Codes(b); typed != "" || barcode != "" {
			t.Errorf("%d bytes have a code", len(b))
		}
	}
}

// A request names the key by one bit: of two that follow one another, never the
// other; of none, no code.
func TestCodeKeyOfARequest(t *testing.T) {
	for gen := range 256 {
		now, before := uint8(gen), uint8(gen-1)
		both := offlinepay.CodeKeys{now: codeKeys[3], before: codeKeys[4]}
		r := withFlags(exampleRequest, both.Announce(0))
		want, _ := offlinepay.CodeKeys{now: codeKeys[3]}.Codes(r.Body())
		if got, _ := both.Codes(r.Body()); got != want || got == "" {
			t.Errorf("generation %d: %q, want %q", gen, got, want)
		}
		if got, _ := (offlinepay.CodeKeys{before: codeKeys[4]}).Codes(r.Body()); got != "" {
			t.Errorf("generation %d: the key before makes %q", gen, got)
		}
	}
	if f := (offlinepay.CodeKeys{}).Announce(offlinepay.Offline); f != offlinepay.Offline {
		t.Errorf("without a key: flags %b", f)
	}
	odd := withFlags(exampleRequest, offlinepay.OddCodeKey)
	if _, err := offlinepay.ParseRequest(odd.Text(prefix, signer(tillKey)), prefix, tillKeyOf); reason(err) != offlinepay.Malformed {
		t.Errorf("a key without a code: %v", err)
	}
}

func TestParseCodeKeys(t *testing.T) {
	k := func(b byte) string {
		return base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat(string(rune(b)), 32)))
	}
	one := func(kid, secret string) string {
		return fmt.Sprintf(`{"kty":"oct","kid":%q,"k":%q,"alg":"HS256"}`, kid, secret)
	}
	for set, want := range map[string]int{
		one("3", k('a')): 1, one("3", k('a')) + "," + one("4", k('b')): 2, one("0", k('a')) + "," + one("255", k('b')): 2,
		"": 0, one("3", k('a')) + "," + one("5", k('b')): 0, one("3", k('a')) + "," + one("3", k('b')): 0, one("256", k('a')): 0, one("-1", k('a')): 0,
		one("03", k('a')): 0, one("+3", k('a')): 0, one("", k('a')): 0, one("3", k('a')[1:]): 0, one("3", k('a')+"AA"): 0, one("3", strings.Repeat("=", 43)): 0,
		one("1", k('a')) + "," + one("2", k('b')) + "," + one("3", k('c')): 0, strings.Replace(one("3", k('a')), "oct", "OKP", 1): 0, `"x"`: 0,
	} {
		keys, err := offlinepay.ParseCodeKeys([]byte(`{"keys":[` + set + `]}`))
		if len(keys) != want || (err == nil) != (want > 0) {
			t.Errorf("%s: %d keys, %v", set, len(keys), err)
		}
		if err != nil && strings.Contains(err.Error(), k('a')) {
			t.Errorf("the secret is in %q", err)
		}
	}
	if _, err := offlinepay.ParseCodeKeys([]byte(k('a'))); err == nil || strings.Contains(err.Error(), "a") && strings.Contains(err.Error(), k('a')[:8]) {
		t.Error(err)
	}
	if _, err := offlinepay.ParseCodeKeys(make([]byte, 1<<20)); err == nil {
		t.Error("a megabyte is read")
	}
}

// Codes of different requests do not depend on one another: over many, each
// digit is as good as any other.
func TestCodesAreSpread(t *testing.T) {
	var count [8][10]int
	const n = 20_000
	for i := range n {
		r := codedRequest
		r.Nonce = uint64(i)
		typed, _ := codeKeys.Codes(r.Body())
		for at := range typed {
			count[at][typed[at]-'0']++
		}
	}
	for at, digits := range count {
		for d, c := range digits {
			if c < n/10-n/50 || c > n/10+n/50 { // ±20 %, nine times the deviation
				t.Errorf("digit %d is %d in %d of %d", at, d, c, n)
			}
		}
	}
}

func TestCodeForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringMatching(`9?3?[0-9]{5,20}`), rapid.String()).Draw(t, "text")
		digits := strings.Trim(text, "0123456789") == ""
		want := offlinepay.CodeForm("")
		switch {
		case digits && len(text) == 8:
			want = offlinepay.Typed
		case digits && len(text) == 18 && text[:2] == "93":
			want = offlinepay.Barcode
		}
		if got := offlinepay.FormOf(text); got != want || got != "" && offlinepay.IsProof(text) {
			t.Fatalf("%q is %q, want %q", text, got, want)
		}
	})
}

func FuzzParseCodeKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"oct","kid":"3","k":"` + base64.RawURLEncoding.EncodeToString(codeKeys[3]) + `"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := offlinepay.ParseCodeKeys(data)
		if (err == nil) != (len(keys) == 1 || len(keys) == 2) {
			t.Fatalf("%d keys, %v", len(keys), err)
		}
		for gen, k := range keys {
			if len(k) != 32 {
				t.Fatalf("key %d has %d bytes", gen, len(k))
			}
		}
	})
}

func BenchmarkMatches(b *testing.B) {
	body := codedRequest.Body()
	for b.Loop() {
		codeKeys.Matches("12345678", body)
	}
}
