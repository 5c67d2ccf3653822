package code_test

import (
	"strings"
	"testing"

	"tilld/scanner/code"
)

// Where short codes are taken instead of proofs, 18 digits that begin with 93 are
// one in every state, unless the symbology says GS1; elsewhere never.
func TestProofCode(t *testing.T) {
	text := "93" + "8418219219023465"
	for _, state := range []code.State{code.Basket, code.AwaitingPayment, code.AwaitingMember, code.AwaitingPickup} {
		for _, aim := range []string{"", "]C0", "]Q1"} {
			if c := code.DefaultRules().WithProofCodes().Classify(state, aim, []byte(text)); c.Kind != code.ProofCode || c.Text != text || strings.Contains(c.String(), text[2:]) {
				t.Errorf("%s %s: %s %q", state, aim, c.Kind, c)
			}
			if c := code.DefaultRules().Classify(state, aim, []byte(text)); c.Kind == code.ProofCode {
				t.Errorf("%s %s: a code although none is taken", state, aim)
			}
		}
	}
	r := code.DefaultRules().WithProofCodes()
	for _, other := range []string{text[1:], text + "0", "92" + text[2:], "134567890123456789"} {
		if c := r.Classify(code.AwaitingPayment, "", []byte(other)); c.Kind == code.ProofCode {
			t.Errorf("%s is a code", other)
		}
	}
	if c := r.Classify(code.Basket, "]C1", []byte(text)); c.Kind == code.ProofCode {
		t.Error("GS1-128 data is a code")
	}
}

// A payment proof is one in every state, whatever the chain's own patterns and
// the symbology say; nothing shorter or longer is.
func TestPaymentProof(t *testing.T) {
	proof := "92" + strings.Repeat("0123456789", 25)[:244]
	config := code.DefaultConfig()
	config.Member, config.Coupon = []string{`\d+`}, []string{`92.*`}
	config.ForwardUnknown = true
	greedy, err := code.Compile(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []code.Rules{code.DefaultRules(), greedy} {
		for _, state := range []code.State{code.Basket, code.AwaitingPayment, code.AwaitingMember, code.AwaitingPickup} {
			for _, aim := range []string{"", "]Q1", "]Q3", "]C1", "]E0", "]d2"} {
				if c := r.Classify(state, aim, []byte(proof)); c.Kind != code.Proof || c.Text != proof || strings.Contains(c.String(), proof[:20]) {
					t.Errorf("%s %s: %s %q", state, aim, c.Kind, c)
				}
			}
		}
	}
	for _, text := range []string{proof[:245], proof + "0", "93" + proof[2:], proof[:100] + "x" + proof[101:], proof + "\r"} {
		if c := code.DefaultRules().Classify(code.Basket, "", []byte(text)); c.Kind != code.Unknown {
			t.Errorf("%d characters are a %s", len(text), c.Kind)
		}
	}
}
