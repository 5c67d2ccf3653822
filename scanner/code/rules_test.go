package code_test

import (
	"testing"

	"tilld/scanner/code"
)

func TestClassify(t *testing.T) {
	r := code.DefaultRules()
	for _, tt := range []struct {
		name  string
		state code.State
		aim   string
		data  string
		want  code.Kind
		gtin  string
	}{
		{"EAN-13", code.Basket, "]E0", "6901234567892", code.Product, "06901234567892"},
		{"UPC-A", code.Basket, "", "036000291452", code.Product, "00036000291452"},
		{"wrong check digit is looked up as an article number", code.Basket, "", "6901234567893", code.Product, ""},
		{"WeChat code awaited", code.AwaitingPayment, "]Q1", "134567890123456789", code.AuthCode, ""},
		{"WeChat code not awaited is still a secret", code.Basket, "]Q1", "134567890123456789", code.AuthCode, ""},
		{"weight label", code.Basket, "", "2212345007356", code.Weighed, ""},
		{"coupon", code.Basket, "]Q1", "C-SAVE2026", code.Coupon, ""},
		{"member", code.Basket, "]Q1", "M-88001234", code.Member, ""},
		{"pickup", code.Basket, "]Q1", "P-778899", code.Pickup, ""},
		{"noise", code.Basket, "", "\x01\x02", code.Unknown, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := r.Classify(tt.state, tt.aim, []byte(tt.data))
			if got.Kind != tt.want || got.GTIN != tt.gtin {
				t.Errorf("got %s gtin %q (%s), want %s %q", got.Kind, got.GTIN, got.Reason, tt.want, tt.gtin)
			}
		})
	}
}

func TestLabelQuantity(t *testing.T) {
	c := code.DefaultRules().Classify(code.Basket, "", []byte("2212345007356"))
	if c.SKU != "12345" || c.Quantity != "0.735" {
		t.Errorf("got SKU %q quantity %q, want 12345 and 0.735", c.SKU, c.Quantity)
	}
}

func FuzzClassify(f *testing.F) {
	f.Add("]Q1", []byte("https://id.gs1.org/01/09520123456788/21/12345"))
	f.Add("", []byte("2812345015800079 1"))
	r := code.DefaultRules()
	f.Fuzz(func(t *testing.T, aim string, data []byte) {
		for _, s := range []code.State{code.Basket, code.AwaitingPayment} {
			r.Classify(s, aim, data)
		}
	})
}
