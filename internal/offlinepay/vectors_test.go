package offlinepay_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"tilld/internal/offlinepay"
	"tilld/internal/qr"
	"tilld/internal/unchecked"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew")

const vectorFile = "testdata/vectors.json"

// vectors is testdata/vectors.json: what both sides of the protocol must make
// of the same values. Bytes are hex.
type vectors struct {
	Prefix   string          `json:"prefix"`
	TillSeed string          `json:"till_seed"` // RFC 8032 private keys, for tests only
	TillKey  string          `json:"till_public_key"`
	Cloud    []cloudVector   `json:"cloud_keys"`
	Requests []requestVector `json:"requests"`
	Proofs   []proofVector   `json:"proofs"`
	Codes    []codeVector    `json:"codes"`
}

// codeVector is the code of a request: Request is its body.
type codeVector struct {
	Name       string `json:"name"`
	Generation uint8  `json:"generation"`
	Key        string `json:"key"`
	Request    string `json:"request"`
	Typed      string `json:"typed"`
	Barcode    string `json:"barcode"`
}

type cloudVector struct {
	ID   uint8  `json:"id"`
	Seed string `json:"seed"`
	Key  string `json:"public_key"`
}

type requestVector struct {
	Name      string             `json:"name"`
	Fields    offlinepay.Request `json:"fields"`
	Body      string             `json:"body"`
	Signature string             `json:"signature"`
	Text      string             `json:"text"`
	Modules   map[string]int     `json:"qr_modules"` // by error correction level
}

type proofVector struct {
	Name      string           `json:"name"`
	Fields    offlinepay.Proof `json:"fields"`
	Body      string           `json:"body"`
	Signature string           `json:"signature"`
	Text      string           `json:"text"`
	Modules   map[string]int   `json:"qr_modules"`
}

func seed(first byte) ed25519.PrivateKey {
	s := make([]byte, ed25519.SeedSize)
	for i := range s {
		s[i] = first + byte(i)
	}
	return ed25519.NewKeyFromSeed(s)
}

func signer(k ed25519.PrivateKey) func([]byte) []byte {
	return func(m []byte) []byte { return ed25519.Sign(k, m) }
}

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

const prefix = "HTTPS://P.EXAMPLE.CN/P/"

var (
	tillKey   = seed(0)
	cloudKeys = map[uint8]ed25519.PrivateKey{7: seed(0x40), 8: seed(0x80)}
	held      = offlinepay.Keys{7: public(cloudKeys[7]), 8: public(cloudKeys[8])}
)

func tillKeyOf(till uint32, gen uint8) (ed25519.PublicKey, bool) {
	return public(tillKey), till == 1003 && gen == 2
}

var exampleRequest = offlinepay.Request{
	Flags: offlinepay.Offline | offlinepay.ClockTrusted, Till: 1003, KeyGen: 2, CloudKey: 8, Nonce: 0x0123456789abcdef,
	Amount: 4250, Currency: 156, At: 1773460800, TTL: 1, Sale: 427193,
}

// codeKeys are those that the till shares with the cloud.
var codeKeys = offlinepay.CodeKeys{3: seed(0xc0).Seed(), 4: seed(0x60).Seed()}

// codedRequest is the example at a till that takes codes; its key is number 3.
var codedRequest = withFlags(exampleRequest, offlinepay.CodeKeys{3: codeKeys[3]}.Announce(0))

func withFlags(r offlinepay.Request, f offlinepay.Flags) offlinepay.Request {
	r.Flags |= f
	return r
}

var exampleProof = offlinepay.Proof{
	Method: offlinepay.WeChat, CloudKey: 8, Till: 1003, Nonce: 0x0123456789abcdef, Amount: 4250, Discount: 250, Currency: 156,
	PaidAt: 1773460842, Reference: 0x00a1b2c3d4e5f607,
}

// made computes the vectors with the code under test.
func made(t *testing.T) vectors {
	t.Helper()
	v := vectors{Prefix: prefix, TillSeed: hex.EncodeToString(tillKey.Seed()), TillKey: hex.EncodeToString(public(tillKey))}
	for _, id := range []uint8{7, 8} {
		v.Cloud = append(v.Cloud, cloudVector{id, hex.EncodeToString(cloudKeys[id].Seed()), hex.EncodeToString(public(cloudKeys[id]))})
	}
	largest := offlinepay.Request{
		Flags: offlinepay.Offline | offlinepay.ClockTrusted | offlinepay.Test, Till: 1<<32 - 1, KeyGen: 255, CloudKey: 255, Nonce: 1<<64 - 1,
		Amount: 1<<32 - 1, Currency: 999, At: 1<<32 - 1, TTL: 255, Sale: offlinepay.MaxSale,
	}
	for _, c := range []struct {
		name string
		r    offlinepay.Request
	}{{"a basket of 42.50", exampleRequest}, {"all fields at their largest", largest}, {"the basket at a till that takes codes", codedRequest}} {
		name, r := c.name, c.r
		text := r.Text(prefix, signer(tillKey))
		raw := base32Bytes(t, strings.TrimPrefix(text, prefix))
		v.Requests = append(v.Requests, requestVector{name, r, hex.EncodeToString(r.Body()), hex.EncodeToString(raw[30:]), text, modules(t, text)})
	}
	small := offlinepay.Proof{Method: offlinepay.StoredValue, Test: true, CloudKey: 7, Till: 1, Amount: 1, Currency: 36}
	for _, p := range []struct {
		name string
		p    offlinepay.Proof
	}{{"42.50 paid, 2.50 of it attested discount", exampleProof}, {"a test with the smallest numbers", small}} {
		text := p.p.Text(signer(cloudKeys[p.p.CloudKey]))
		raw := number(t, text)
		v.Proofs = append(v.Proofs, proofVector{p.name, p.p, hex.EncodeToString(p.p.Body()), hex.EncodeToString(raw[37:]), text, modules(t, text)})
	}
	for _, c := range []struct {
		name string
		gen  uint8
		r    offlinepay.Request
	}{{"the basket of 42.50, code key 3", 3, codedRequest}, {"the largest request, code key 4", 4, withFlags(largest, offlinepay.TakesCode)}} {
		typed, barcode := codeKeys.Codes(c.r.Body())
		v.Codes = append(v.Codes, codeVector{c.name, c.gen, hex.EncodeToString(codeKeys[c.gen]), hex.EncodeToString(c.r.Body()), typed, barcode})
	}
	return v
}

func modules(t *testing.T, text string) map[string]int {
	t.Helper()
	m := map[string]int{}
	for _, level := range []qr.Level{qr.L, qr.M, qr.Q} {
		c, err := qr.Make(text, level)
		if err != nil {
			t.Fatal(err)
		}
		m[string(level)] = c.Size
	}
	return m
}

func TestVectors(t *testing.T) {
	got := made(t)
	if *update {
		body, err := json.MarshalIndent(got, "", "  ")
		if err == nil {
			err = os.WriteFile(vectorFile, append(body, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	body, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var want vectors
	if err := json.Unmarshal(body, &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the code makes\n%+v\nthe vectors say\n%+v", got, want)
	}
	for _, v := range []requestVector{want.Requests[0], want.Requests[2]} {
		r, err := offlinepay.ParseRequest(v.Text, want.Prefix, tillKeyOf)
		if err != nil || r != v.Fields {
			t.Errorf("%s: read %+v, %v", v.Name, r, err)
		}
	}
	for _, v := range want.Proofs {
		p, err := offlinepay.Check(v.Text, held, v.Fields.Till)
		if err != nil || p != v.Fields {
			t.Errorf("%s: read %+v, %v", v.Name, p, err)
		}
	}
	// Sizes that screens and scanners are built for (docs/offline-pay.md).
	if m := want.Requests[0].Modules; m["M"] != 45 || m["L"] != 41 {
		t.Errorf("PR1 has %v modules", m)
	}
	if m := want.Proofs[0].Modules; m["M"] != 41 || m["L"] != 37 {
		t.Errorf("PP1 has %v modules", m)
	}
}

// docs/offline-pay.md shows the same vectors.
func TestVectorsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/offline-pay.md")
	if err != nil {
		t.Fatal(err)
	}
	v := made(t)
	for _, s := range []string{
		v.TillSeed, v.TillKey, v.Cloud[1].Seed, v.Cloud[1].Key, v.Requests[0].Body, v.Requests[0].Signature, v.Requests[0].Text,
		v.Proofs[0].Body, v.Proofs[0].Signature, v.Proofs[0].Text, v.Codes[0].Key, v.Codes[0].Request, v.Codes[0].Typed, v.Codes[0].Barcode,
	} {
		if !strings.Contains(string(doc), s) {
			t.Errorf("docs/offline-pay.md lacks %s", s)
		}
	}
}

// Another implementation, in another language, reads the same requests and makes
// the same proofs.
func TestAnotherImplementation(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		unchecked.Skip(t, "node is not installed")
	}
	out, err := exec.Command(node, "testdata/other.mjs", vectorFile).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var other struct {
		Requests []offlinepay.Request `json:"requests"`
		Proofs   []string             `json:"proofs"`
		Codes    [][2]string          `json:"codes"`
	}
	if err := json.Unmarshal(out, &other); err != nil {
		t.Fatal(err)
	}
	v := made(t)
	if len(other.Requests) != len(v.Requests) || len(other.Proofs) != len(v.Proofs) || len(other.Codes) != len(v.Codes) {
		t.Fatalf("%s", out)
	}
	for i, r := range other.Requests {
		if r != v.Requests[i].Fields {
			t.Errorf("request %d is %+v, want %+v", i, r, v.Requests[i].Fields)
		}
	}
	for i, p := range other.Proofs {
		if p != v.Proofs[i].Text {
			t.Errorf("proof %d is %s, want %s", i, p, v.Proofs[i].Text)
		}
	}
	for i, c := range other.Codes {
		if c != [2]string{v.Codes[i].Typed, v.Codes[i].Barcode} {
			t.Errorf("code %d is %s, want %+v", i, c, v.Codes[i])
		}
	}
}
