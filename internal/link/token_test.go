package link

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
)

var (
	testKey   = ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", 32)))
	otherKey  = ed25519.NewKeyFromSeed([]byte(strings.Repeat("x", 32)))
	testIssue = time.Unix(1764000000, 0)
)

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// tokenOf makes a compact JWT without any library, so that wrong ones can be made.
func tokenOf(header string, claims any, key ed25519.PrivateKey) []byte {
	var body []byte
	switch c := claims.(type) {
	case string:
		body = []byte(c)
	default:
		body, _ = json.Marshal(c)
	}
	head := b64([]byte(header)) + "." + b64(body)
	return []byte(head + "." + b64(ed25519.Sign(key, []byte(head))))
}

const goodHeader = `{"alg":"EdDSA","kid":"k1","typ":"JWT"}`

func goodClaims() map[string]any {
	return map[string]any{
		"iss": "cloud", "aud": tillPath, "jti": "j1", "iat": testIssue.Unix(), "exp": testIssue.Unix() + 600,
		"type": "screen.clear", "data": map[string]any{},
	}
}

func testVerifier() *verifier {
	trust := Trust{
		message: map[string]ed25519.PublicKey{"k1": testKey.Public().(ed25519.PublicKey)},
		proof:   map[string]ed25519.PublicKey{"7": otherKey.Public().(ed25519.PublicKey)},
	}
	return newVerifier("acme", "sh-001", "03", func(string) (Trust, error) { return trust, nil })
}

func with(name string, value any) map[string]any {
	c := goodClaims()
	if value == nil {
		delete(c, name)
	} else {
		c[name] = value
	}
	return c
}

func TestVerifyGood(t *testing.T) {
	v := testVerifier()
	for name, claims := range map[string]any{
		"plain":           goodClaims(),
		"store":           with("aud", "acme/sh-001/*"),
		"merchant":        with("aud", "acme/*"),
		"list":            with("aud", []string{"acme/sh-001/09", tillPath}),
		"ref":             with("ref", "01JZZZZZZZZZZZZZZZZZZZZZZZ"),
		"fraction":        with("iat", json.Number("1764000000.250")),
		"24 h":            with("exp", testIssue.Unix()+86400),
		"without data":    with("data", nil),
		"chinese in data": with("data", map[string]any{"text": "你好"}),
	} {
		m, err := v.verify(tokenOf(goodHeader, claims, testKey), testIssue)
		if err != nil || m.jti != "j1" || m.kind != "screen.clear" || m.data[0] != '{' {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	v := testVerifier()
	extra := goodClaims()
	extra["nbf"] = 1
	good := string(tokenOf(goodHeader, goodClaims(), testKey))
	parts := strings.Split(good, ".")
	hs := b64([]byte(`{"alg":"HS256","kid":"k1","typ":"JWT"}`)) + "." + parts[1]
	mac := hmac.New(sha256.New, testKey.Public().(ed25519.PublicKey))
	mac.Write([]byte(hs))
	claimsText := func(s string) []byte { return tokenOf(goodHeader, s, testKey) }
	for name, c := range map[string]struct {
		token []byte
		why   refusal
	}{
		"empty":            {nil, refMalformed},
		"json":             {[]byte(`{"type":"drawer.open"}`), refMalformed},
		"two parts":        {[]byte(parts[0] + "." + parts[1]), refMalformed},
		"four parts":       {[]byte(good + ".AA"), refMalformed},
		"line break":       {[]byte(parts[0] + "." + parts[1] + "\n." + parts[2]), refMalformed},
		"space at the end": {[]byte(good + " "), refMalformed},
		"padding":          {[]byte(good + "=="), refMalformed},
		"oversized":        {[]byte(strings.Repeat("A", maxMessage+1)), refOversized},
		"alg none":         {[]byte(b64([]byte(`{"alg":"none","kid":"k1","typ":"JWT"}`)) + "." + parts[1] + "."), refMalformed},
		"HS256 by public":  {[]byte(hs + "." + b64(mac.Sum(nil))), refMalformed},
		"no typ":           {tokenOf(`{"alg":"EdDSA","kid":"k1"}`, goodClaims(), testKey), refMalformed},
		"typ at+jwt":       {tokenOf(`{"alg":"EdDSA","kid":"k1","typ":"at+jwt"}`, goodClaims(), testKey), refMalformed},
		"no kid":           {tokenOf(`{"alg":"EdDSA","typ":"JWT"}`, goodClaims(), testKey), refMalformed},
		"kid number":       {tokenOf(`{"alg":"EdDSA","kid":1,"typ":"JWT"}`, goodClaims(), testKey), refMalformed},
		"crit":             {tokenOf(`{"alg":"EdDSA","kid":"k1","typ":"JWT","crit":["exp"]}`, goodClaims(), testKey), refMalformed},
		"jku":              {tokenOf(`{"alg":"EdDSA","kid":"k1","typ":"JWT","jku":"https://evil.test"}`, goodClaims(), testKey), refMalformed},
		"jwk":              {tokenOf(`{"alg":"EdDSA","kid":"k1","typ":"JWT","jwk":{}}`, goodClaims(), testKey), refMalformed},
		"alg twice":        {tokenOf(`{"alg":"none","alg":"EdDSA","kid":"k1","typ":"JWT"}`, goodClaims(), testKey), refMalformed},
		"ALG":              {tokenOf(`{"ALG":"EdDSA","kid":"k1","typ":"JWT"}`, goodClaims(), testKey), refMalformed},
		"foreign kid":      {tokenOf(`{"alg":"EdDSA","kid":"k2","typ":"JWT"}`, goodClaims(), testKey), refKey},
		"proof key":        {tokenOf(`{"alg":"EdDSA","kid":"7","typ":"JWT"}`, goodClaims(), otherKey), refKey},
		"other signer":     {tokenOf(goodHeader, goodClaims(), otherKey), refSignature},
		"no exp":           {tokenOf(goodHeader, with("exp", nil), testKey), refClaims},
		"no iat":           {tokenOf(goodHeader, with("iat", nil), testKey), refClaims},
		"no jti":           {tokenOf(goodHeader, with("jti", nil), testKey), refClaims},
		"no iss":           {tokenOf(goodHeader, with("iss", nil), testKey), refClaims},
		"no type":          {tokenOf(goodHeader, with("type", nil), testKey), refClaims},
		"no aud":           {tokenOf(goodHeader, with("aud", nil), testKey), refAudience},
		"24 h and 1 s":     {tokenOf(goodHeader, with("exp", testIssue.Unix()+86401), testKey), refClaims},
		"exp before iat":   {tokenOf(goodHeader, with("exp", testIssue.Unix()-1), testKey), refClaims},
		"exp text":         {tokenOf(goodHeader, with("exp", "1764000600"), testKey), refClaims},
		"exp huge":         {tokenOf(goodHeader, with("exp", json.Number("1e300")), testKey), refClaims},
		"unknown claim":    {tokenOf(goodHeader, extra, testKey), refClaims},
		"JTI":              {claimsText(strings.Replace(mustJSON(goodClaims()), `"jti"`, `"JTI"`, 1)), refClaims},
		"jti twice":        {claimsText(strings.Replace(mustJSON(goodClaims()), `"jti"`, `"jti":"j0","jti"`, 1)), refClaims},
		"jti with slash":   {tokenOf(goodHeader, with("jti", "answer/x"), testKey), refClaims},
		"jti long":         {tokenOf(goodHeader, with("jti", strings.Repeat("j", maxJTI+1)), testKey), refClaims},
		"jti control":      {tokenOf(goodHeader, with("jti", "a\x00b"), testKey), refClaims},
		"data text":        {tokenOf(goodHeader, with("data", "x"), testKey), refClaims},
		"data list":        {tokenOf(goodHeader, with("data", []int{1}), testKey), refClaims},
		"claims list":      {claimsText(`[]`), refClaims},
		"claims deep":      {claimsText(strings.Repeat(`{"data":`, 40) + "1" + strings.Repeat("}", 40)), refClaims},
		"another till":     {tokenOf(goodHeader, with("aud", "acme/sh-001/04"), testKey), refAudience},
		"another store":    {tokenOf(goodHeader, with("aud", "acme/sh-002/*"), testKey), refAudience},
		"prefix":           {tokenOf(goodHeader, with("aud", "acme/sh-001/0"), testKey), refAudience},
		"everybody":        {tokenOf(goodHeader, with("aud", "*"), testKey), refAudience},
		"deep wildcard":    {tokenOf(goodHeader, with("aud", "acme/*/03"), testKey), refAudience},
	} {
		m, err := v.verify(c.token, testIssue)
		r, ok := errors.AsType[*refused](err)
		if m != nil || !ok || r.why != c.why {
			t.Errorf("%s: %v, %v; want refused: %s", name, m, err, c.why)
		}
	}
}

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// Every byte of a valid message, changed in every way that keeps it a character
// of the compact form, and in some that do not, makes it refused.
func TestVerifyFlips(t *testing.T) {
	v := testVerifier()
	good := tokenOf(goodHeader, goodClaims(), testKey)
	if _, err := v.verify(good, testIssue); err != nil {
		t.Fatal(err)
	}
	alphabet := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.\n= \x00"
	for i := range good {
		for _, c := range []byte(alphabet) {
			if c == good[i] {
				continue
			}
			bad := append([]byte(nil), good...)
			bad[i] = c
			if _, err := v.verify(bad, testIssue); err == nil {
				t.Fatalf("byte %d as %q passes", i, c)
			}
		}
	}
}

// Audiences: three forms of this till's path, and nothing else of a cross
// product of merchants, stores and tills.
func TestVerifyAudiences(t *testing.T) {
	v := testVerifier()
	want := map[string]bool{"acme/sh-001/03": true, "acme/sh-001/*": true, "acme/*": true}
	for _, m := range []string{"acme", "acme2", "*", ""} {
		for _, s := range []string{"sh-001", "sh-0011", "*", "", "SH-001"} {
			for _, till := range []string{"03", "3", "*", "", "03/x"} {
				for _, aud := range []string{m, m + "/" + s, m + "/" + s + "/" + till} {
					_, err := v.verify(tokenOf(goodHeader, with("aud", aud), testKey), testIssue)
					if (err == nil) != want[aud] {
						t.Errorf("audience %q: %v", aud, err)
					}
				}
			}
		}
	}
}

func TestFresh(t *testing.T) {
	m := &message{issued: testIssue, expires: testIssue.Add(time.Minute)}
	for _, c := range []struct {
		now     time.Duration
		trusted bool
		why     refusal
	}{
		{0, true, ""},
		{time.Minute - 1, true, ""},
		{time.Minute, true, refExpired},
		{-maxAhead, true, ""},
		{-maxAhead - 1, true, refFuture},
		{-time.Hour, false, ""},
		{time.Hour, false, refExpired},
	} {
		err := m.fresh(testIssue.Add(c.now), c.trusted)
		r, _ := errors.AsType[*refused](err)
		if (err == nil) != (c.why == "") || r != nil && r.why != c.why {
			t.Errorf("%v later: %v, want %q", c.now, err, c.why)
		}
	}
}

func FuzzVerify(f *testing.F) {
	v := testVerifier()
	f.Add(tokenOf(goodHeader, goodClaims(), testKey))
	f.Add([]byte("a.b.c"))
	f.Add(tokenOf(goodHeader, with("exp", json.Number("1e400")), testKey))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := v.verify(b, testIssue)
		if (m == nil) == (err == nil) {
			t.Fatalf("%v and %v", m, err)
		}
	})
}

// FuzzClaims feeds what a trusted signer may have signed by mistake.
func FuzzClaims(f *testing.F) {
	v := testVerifier()
	f.Add([]byte(mustJSON(goodClaims())))
	f.Add([]byte(`{"aud":["acme/*"],"iat":1.5,"exp":2,"iss":"x","jti":"y","type":"z","data":{"a":[{}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := v.claims(b, testIssue)
		if (m == nil) == (err == nil) {
			t.Fatalf("%v and %v", m, err)
		}
		if m != nil && (!m.expires.After(m.issued) || m.expires.Sub(m.issued) > maxLife || !validJTI(m.jti) || m.kind == "") {
			t.Fatalf("accepted %+v", m)
		}
	})
}

func TestParseTrust(t *testing.T) {
	x := b64(testKey.Public().(ed25519.PublicKey))
	key := func(extra string) string {
		return `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"` + x + `","kid":"5"` + extra + `}]}`
	}
	for name, c := range map[string]struct {
		file            string
		messages, proof int
		bad             bool
	}{
		"default":         {key(""), 1, 0, false},
		"message":         {key(`,"tilld:use":["message"]`), 1, 0, false},
		"proof":           {key(`,"tilld:use":["proof"]`), 0, 1, false},
		"both":            {key(`,"tilld:use":["message","proof"],"alg":"EdDSA","use":"sig","key_ops":["verify"]`), 1, 1, false},
		"none":            {key(`,"tilld:use":[]`), 0, 0, false},
		"unknown use":     {key(`,"tilld:use":["all"]`), 0, 0, true},
		"private":         {key(`,"d":"AAAA"`), 0, 0, true},
		"other algorithm": {`{"keys":[{"kty":"RSA","kid":"r","n":"AQAB","e":"AQAB"}]}`, 0, 0, true},
		"twice":           {`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"` + x + `","kid":"5"},{"kty":"OKP","crv":"Ed25519","x":"` + x + `","kid":"5"}]}`, 0, 0, true},
		"short x":         {`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA","kid":"5"}]}`, 0, 0, true},
		"padded x":        {`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"` + x + `=","kid":"5"}]}`, 0, 0, true},
		"no kid":          {`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"` + x + `"}]}`, 0, 0, true},
		"empty":           {`{}`, 0, 0, true},
		"not JSON":        {`keys`, 0, 0, true},
	} {
		trust, err := ParseTrust([]byte(c.file))
		m, p := trust.Len()
		if (err != nil) != c.bad || !c.bad && (m != c.messages || p != c.proof) {
			t.Errorf("%s: %d message and %d proof keys, %v", name, m, p, err)
		}
	}
	for kid, ok := range map[string]bool{"0": true, "255": true, "256": false, "01": false, "k1": false, "": false, "-1": false} {
		if proofKid(kid) != ok {
			t.Errorf("proof kid %q: %v", kid, !ok)
		}
	}
}

func FuzzParseTrust(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA","kid":"5","tilld:use":["proof"]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		trust, err := ParseTrust(b)
		if err != nil {
			return
		}
		for k, v := range maps.All(trust.message) {
			if len(v) != ed25519.PublicKeySize || k == "" {
				t.Fatalf("key %q of %d bytes", k, len(v))
			}
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	v := testVerifier()
	token := tokenOf(goodHeader, with("data", map[string]any{"epoch": strings.Repeat("ab", 16), "through": 12345, "hash": strings.Repeat("cd", 32)}), testKey)
	b.SetBytes(int64(len(token)))
	for b.Loop() {
		if _, err := v.verify(token, testIssue); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleParseTrust() {
	t, err := ParseTrust([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2026-a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
	messages, proofs := t.Len()
	fmt.Println(messages, proofs, err)
	// Output: 1 0 <nil>
}
