package link

import (
	"crypto/ed25519"
	"os"
	"strings"
	"testing"
	"time"
)

// golden is the token of docs/tokens.md, by the key whose seed is 32 times "k".
func golden(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("../../docs/tokens.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), "```token\n")
	text, _, ok2 := strings.Cut(rest, "\n```")
	if !ok || !ok2 {
		t.Fatal("docs/tokens.md has no golden token")
	}
	return strings.ReplaceAll(text, "\n", "")
}

func bearerLink(now time.Time) *Link {
	v := testVerifier()
	v.size, v.life = maxBearer, maxBearerLife
	return &Link{clock: &Clock{wall: func() time.Time { return now }}, bearers: v}
}

func bearerClaims(name string, value any) map[string]any {
	c := with("type", "coupon")
	c["exp"] = testIssue.Unix() + 30*86400
	c["data"] = map[string]any{"id": "K1", "title": "x", "amount": 500}
	if name != "" {
		c[name] = value
	}
	if value == nil && name != "" {
		delete(c, name)
	}
	return c
}

func TestBearer(t *testing.T) {
	l := bearerLink(testIssue)
	for name, c := range map[string]struct {
		claims any
		why    refusal
	}{
		"30 days":          {bearerClaims("", nil), ""},
		"store":            {bearerClaims("aud", "acme/sh-001/*"), ""},
		"400 days":         {bearerClaims("exp", testIssue.Unix()+400*86400), ""},
		"401 days":         {bearerClaims("exp", testIssue.Unix()+401*86400), refClaims},
		"another till":     {bearerClaims("aud", "acme/sh-001/04"), refAudience},
		"another merchant": {bearerClaims("aud", "evil/*"), refAudience},
		"no jti":           {bearerClaims("jti", nil), refClaims},
		"no exp":           {bearerClaims("exp", nil), refClaims},
		"a response":       {bearerClaims("ref", "01JZZZZZZZZZZZZZZZZZZZZZZZ"), refClaims},
		"unknown claim":    {bearerClaims("nbf", 1), refClaims},
		"too long":         {bearerClaims("data", map[string]any{"text": strings.Repeat("x", maxBearer)}), refOversized},
	} {
		b, err := l.Bearer(string(tokenOf(goodHeader, c.claims, testKey)))
		if c.why == "" {
			if err != nil || b.Kind != "coupon" || b.ID != "j1" || !strings.Contains(string(b.Data), "K1") {
				t.Errorf("%s: %+v, %v", name, b, err)
			}
			continue
		}
		if r, ok := err.(*refused); !ok || r.why != c.why {
			t.Errorf("%s: %v, want %s", name, err, c.why)
		}
	}
	if _, err := bearerLink(testIssue.Add(31 * 24 * time.Hour)).Bearer(string(tokenOf(goodHeader, bearerClaims("", nil), testKey))); err == nil {
		t.Error("accepted after its time")
	}
	if _, err := l.Bearer(string(tokenOf(`{"alg":"EdDSA","kid":"7","typ":"JWT"}`, bearerClaims("", nil), otherKey))); err == nil {
		t.Error("a key for proofs signs a coupon")
	}
}

// Each byte of a token counts.
func TestBearerEachByte(t *testing.T) {
	l := bearerLink(testIssue)
	text := golden(t)
	if b, err := l.Bearer(text); err != nil || b.Kind != "coupon" || b.ID != "01KDB0V8G0T0KEN00000000001" {
		t.Fatalf("the golden token: %+v, %v", b, err)
	}
	for i := range text {
		for _, c := range []byte("A9_.") {
			if text[i] == c {
				continue
			}
			if _, err := l.Bearer(text[:i] + string(c) + text[i+1:]); err == nil {
				t.Fatalf("byte %d may be %q", i, c)
			}
		}
	}
}

// FuzzBearer: nothing is accepted that the key did not sign.
func FuzzBearer(f *testing.F) {
	l := bearerLink(testIssue)
	good := golden(f)
	f.Add(good)
	f.Add(string(tokenOf(goodHeader, bearerClaims("", nil), ed25519.NewKeyFromSeed([]byte(strings.Repeat("e", 32))))))
	f.Add("eyJ..")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := l.Bearer(text); err == nil && text != good {
			t.Errorf("accepted %q", text)
		}
	})
}
