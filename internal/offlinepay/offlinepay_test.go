package offlinepay_test

import (
	"bytes"
	"encoding/base32"
	"errors"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tilld/internal/offlinepay"
)

var b32 = base32.StdEncoding.WithPadding(base32.NoPadding)

func base32Bytes(t testing.TB, text string) []byte {
	t.Helper()
	b, err := b32.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// number reads the digits of a proof, independently of the code under test.
func number(t testing.TB, text string) []byte {
	t.Helper()
	n, ok := new(big.Int).SetString(text[2:], 10)
	if !ok {
		t.Fatal("no number")
	}
	return n.FillBytes(make([]byte, 101))
}

// digits writes them.
func digits(n *big.Int) string {
	s := n.String()
	return "92" + strings.Repeat("0", 244-len(s)) + s
}

func reason(err error) offlinepay.Reason {
	if e, ok := errors.AsType[*offlinepay.Error](err); ok {
		return e.Reason
	}
	return ""
}

func TestEveryBitOfARequestCounts(t *testing.T) {
	text := exampleRequest.Text(prefix, signer(tillKey))
	if _, err := offlinepay.ParseRequest(text, prefix, tillKeyOf); err != nil {
		t.Fatal(err)
	}
	token := base32Bytes(t, text[len(prefix):])
	if len(token)*8 != 752 {
		t.Fatalf("%d bits", len(token)*8)
	}
	for bit := range len(token) * 8 {
		token[bit/8] ^= 0x80 >> (bit % 8)
		if r, err := offlinepay.ParseRequest(prefix+b32.EncodeToString(token), prefix, tillKeyOf); reason(err) == "" {
			t.Errorf("bit %d flipped: accepted as %+v", bit, r)
		}
		token[bit/8] ^= 0x80 >> (bit % 8)
	}
	// The three bits behind the last byte.
	for i := 1; i < 8; i++ {
		last := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", text[len(text)-1])
		other := text[:len(text)-1] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[last^i])
		if _, err := offlinepay.ParseRequest(other, prefix, tillKeyOf); reason(err) != offlinepay.Malformed {
			t.Errorf("spare bits %03b set: %v", i, err)
		}
	}
}

func TestEveryBitOfAProofCounts(t *testing.T) {
	text := exampleProof.Text(signer(cloudKeys[8]))
	if _, err := offlinepay.Check(text, held, 1003); err != nil {
		t.Fatal(err)
	}
	token := number(t, text)
	if len(token)*8 != 808 {
		t.Fatalf("%d bits", len(token)*8)
	}
	for bit := range len(token) * 8 {
		token[bit/8] ^= 0x80 >> (bit % 8)
		if p, err := offlinepay.Check(digits(new(big.Int).SetBytes(token)), held, 1003); reason(err) == "" {
			t.Errorf("bit %d flipped: accepted as %+v", bit, p)
		}
		token[bit/8] ^= 0x80 >> (bit % 8)
	}
}

// Bits that mean nothing yet are no proof, even when the cloud signed them: what
// they say may change what the money is for.
func TestSpareBitsOfAProof(t *testing.T) {
	for _, spare := range []byte{0x10, 0x20, 0x40} {
		body := exampleProof.Body()
		var signature []byte
		exampleProof.Text(func(message []byte) []byte {
			changed := bytes.Clone(body)
			changed[1] |= spare
			signature = signer(cloudKeys[8])(bytes.Replace(message, body, changed, 1))
			return signature
		})
		body[1] |= spare
		text := digits(new(big.Int).SetBytes(append(body, signature...)))
		if _, err := offlinepay.Check(text, held, 1003); reason(err) != offlinepay.Malformed {
			t.Errorf("spare bit %#x: %v", spare, err)
		}
	}
}

func TestNothingButTheWholeToken(t *testing.T) {
	pr, pp := exampleRequest.Text(prefix, signer(tillKey)), exampleProof.Text(signer(cloudKeys[8]))
	for _, text := range []string{
		pr[:len(pr)-1], pr + "A", pr + "=", pr[1:], strings.ToLower(pr), pr[:len(prefix)] + strings.ToLower(pr[len(prefix):]), "",
		"HTTPS://EVIL.EXAMPLE.CN" + pr[len(prefix):], "HTTPS://Q.EXAMPLE.CN/P/" + pr[len(prefix):], pr[len(prefix):],
	} {
		if _, err := offlinepay.ParseRequest(text, prefix, tillKeyOf); reason(err) != offlinepay.Malformed {
			t.Errorf("%.40q…: %v", text, err)
		}
	}
	if _, err := offlinepay.ParseRequest(strings.ToLower(pr[:len(prefix)])+pr[len(prefix):], prefix, tillKeyOf); err != nil {
		t.Errorf("with a host in lower case: %v", err)
	}
	limit := new(big.Int).Lsh(big.NewInt(1), 808)
	over := new(big.Int).Add(limit, new(big.Int).SetBytes(number(t, pp)))
	for _, text := range []string{
		pp[:len(pp)-1], pp + "0", "9" + pp, pp[1:], pp[:2] + pp[3:] + "0", "93" + pp[2:], pp[:100] + "-" + pp[101:], pp[:100] + " " + pp[101:],
		pp[:100] + "٣" + pp[102:], "92+" + pp[3:], "92-" + pp[3:], "92_" + pp[3:], "", "92", digits(limit), digits(over), "92" + strings.Repeat("9", 244),
		strings.Repeat("9", 1<<20), "92" + strings.Repeat("0", 1<<20),
	} {
		if _, err := offlinepay.Check(text, held, 1003); reason(err) != offlinepay.Malformed {
			t.Errorf("%d characters %.20q…: %v", len(text), text, err)
		}
	}
}

// The length is judged before the number is computed: a megabyte of digits
// costs no time.
func TestOversizeCostsNothing(t *testing.T) {
	long := "92" + strings.Repeat("7", 1<<20)
	if n := testing.AllocsPerRun(10, func() { offlinepay.Check(long, held, 1003) }); n > 2 {
		t.Errorf("%v allocations", n)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		p    offlinepay.Proof
		key  uint8
		want offlinepay.Reason
	}{
		"other till":          {change(func(p *offlinepay.Proof) { p.Till = 1004 }), 8, offlinepay.OtherTill},
		"key not held":        {change(func(p *offlinepay.Proof) { p.CloudKey = 9 }), 8, offlinepay.UnknownKey},
		"signed with another": {exampleProof, 7, offlinepay.BadSignature},
		"named another":       {change(func(p *offlinepay.Proof) { p.CloudKey = 7 }), 8, offlinepay.BadSignature},
		"discount above all":  {change(func(p *offlinepay.Proof) { p.Discount = 4251 }), 8, offlinepay.Malformed},
		"nothing":             {change(func(p *offlinepay.Proof) { p.Amount, p.Discount = 0, 0 }), 8, offlinepay.Malformed},
	} {
		if _, err := offlinepay.Check(c.p.Text(signer(cloudKeys[c.key])), held, 1003); reason(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	text := exampleProof.Text(signer(cloudKeys[8]))
	if _, err := offlinepay.Check(text, offlinepay.Keys{7: held[7]}, 1003); reason(err) != offlinepay.UnknownKey {
		t.Errorf("a key that was taken out: %v", err)
	}
	// A signature of the till is none of the cloud, and the other way round.
	if _, err := offlinepay.Check(exampleProof.Text(signer(tillKey)), offlinepay.Keys{8: public(tillKey)}, 1003); err != nil {
		t.Fatal(err)
	}
	crossed := func(m []byte) []byte {
		return signer(cloudKeys[8])([]byte("tilld/pay-request/v1\x00" + string(m[19:])))
	}
	if _, err := offlinepay.Check(exampleProof.Text(crossed), held, 1003); reason(err) != offlinepay.BadSignature {
		t.Errorf("signed for another purpose: %v", err)
	}
}

func change(f func(*offlinepay.Proof)) offlinepay.Proof { p := exampleProof; f(&p); return p }

func TestNewestKey(t *testing.T) {
	for _, c := range []struct {
		ids  []uint8
		want uint8
	}{{[]uint8{7, 8, 9}, 9}, {[]uint8{254, 255, 0}, 0}, {[]uint8{255, 0, 1}, 1}, {[]uint8{0}, 0}, {[]uint8{0, 128}, 128}, {[]uint8{200, 3}, 3}} {
		k := offlinepay.Keys{}
		for _, id := range c.ids {
			k[id] = held[7]
		}
		if got, ok := k.Newest(); !ok || got != c.want {
			t.Errorf("newest of %v is %d, want %d", c.ids, got, c.want)
		}
	}
	if _, ok := (offlinepay.Keys{}).Newest(); ok {
		t.Error("an empty set has a newest key")
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := offlinepay.Request{
			Flags: offlinepay.Flags(rapid.IntRange(0, 7).Draw(t, "flags")), Till: 1003, KeyGen: 2, CloudKey: rapid.Uint8().Draw(t, "key"),
			Nonce: rapid.Uint64().Draw(t, "nonce"), Amount: rapid.Uint32Range(1, 1<<32-1).Draw(t, "amount"), Currency: rapid.Uint16().Draw(t, "currency"),
			At: rapid.Uint32().Draw(t, "at"), TTL: rapid.Uint8Range(1, 255).Draw(t, "ttl"), Sale: rapid.Uint32Range(0, offlinepay.MaxSale).Draw(t, "sale"),
		}
		if got, err := offlinepay.ParseRequest(r.Text(prefix, signer(tillKey)), prefix, tillKeyOf); err != nil || got != r {
			t.Fatalf("%+v reads as %+v, %v", r, got, err)
		}
		p := offlinepay.Proof{
			Method: offlinepay.Method(rapid.IntRange(0, 15).Draw(t, "method")), Test: rapid.Bool().Draw(t, "test"),
			CloudKey: rapid.SampledFrom([]uint8{7, 8}).Draw(t, "signer"), Till: r.Till, Nonce: r.Nonce, Amount: r.Amount,
			Discount: rapid.Uint32Range(0, r.Amount).Draw(t, "discount"), Currency: r.Currency, PaidAt: r.At, Reference: rapid.Uint64().Draw(t, "reference"),
		}
		text := p.Text(signer(cloudKeys[p.CloudKey]))
		if got, err := offlinepay.Check(text, held, 1003); err != nil || got != p || !offlinepay.IsProof(text) {
			t.Fatalf("%+v reads as %+v, %v", p, got, err)
		}
	})
}

func FuzzCheck(f *testing.F) {
	good := exampleProof.Text(signer(cloudKeys[8]))
	f.Add(good)
	f.Add("92")
	f.Add(good[:245] + "x")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := offlinepay.Check(text, held, 1003)
		if err == nil && p.Text(signer(cloudKeys[p.CloudKey])) != text {
			t.Fatalf("%q is accepted and not the one spelling of %+v", text, p)
		}
		if err != nil && reason(err) == "" {
			t.Fatal(err)
		}
	})
}

func FuzzParseRequest(f *testing.F) {
	good := exampleRequest.Text(prefix, signer(tillKey))
	f.Add(good)
	f.Add(prefix)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := offlinepay.ParseRequest(text, prefix, tillKeyOf)
		if err == nil && !strings.EqualFold(r.Text(prefix, signer(tillKey)), text) {
			t.Fatalf("%q is accepted and not the one spelling of %+v", text, r)
		}
		if err != nil && reason(err) == "" {
			t.Fatal(err)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	text := exampleProof.Text(signer(cloudKeys[8]))
	for b.Loop() {
		if _, err := offlinepay.Check(text, held, 1003); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRequest(b *testing.B) {
	for b.Loop() {
		exampleRequest.Text(prefix, signer(tillKey))
	}
}
