package code_test

import (
	"strings"
	"testing"

	"tilld/scanner/code"
)

func TestClassify(t *testing.T) {
	config := code.DefaultConfig()
	config.ItemURL = []string{`https://v\.example\.cn/(?P<gtin>\d{13})/(?P<serial>\w+)`}
	r, err := code.Compile(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		state code.State
		aim   string
		data  string
		want  code.Code // Kind and what follows from the payload
	}{
		{"EAN-13", code.Basket, "]E0", "6901234567892", code.Code{Kind: code.Product, GTIN: "06901234567892"}},
		{"UPC-A sent with 12 digits", code.Basket, "]E0", "036000291452", code.Code{Kind: code.Product, GTIN: "00036000291452"}},
		{"UPC-A without AIM", code.Basket, "", "036000291452", code.Code{Kind: code.Product, GTIN: "00036000291452"}},
		{"check digit 0", code.Basket, "]E0", "6901234567090", code.Code{Kind: code.Product, GTIN: "06901234567090"}},
		{"EAN-8", code.Basket, "]E4", "96385074", code.Code{Kind: code.Product, GTIN: "00000096385074"}},
		{"UPC-E with check digit", code.Basket, "]E0", "04252614", code.Code{Kind: code.Product, GTIN: "00042100005264"}},
		{"eight digits in Code 128 are no UPC-E", code.Basket, "]C0", "04252614", code.Code{Kind: code.Product}},
		{"EAN with a wrong check digit", code.Basket, "]E0", "6901234567893", code.Code{Kind: code.Unknown}},
		{"the same without AIM is an article number", code.Basket, "", "6901234567893", code.Code{Kind: code.Product}},
		{"ITF-14", code.Basket, "]I1", "15400141288763", code.Code{Kind: code.Product, GTIN: "15400141288763"}},
		{"Code 128 article number", code.Basket, "]C0", "AB-1234", code.Code{Kind: code.Product}},
		{"weight label", code.Basket, "", "2212345007356", code.Code{Kind: code.Weighed, SKU: "12345", Quantity: "0.735"}},
		{"amount label", code.Basket, "]E0", "2106013040083", code.Code{Kind: code.Weighed, SKU: "06013", Price: 4008}},
		{"GS1-128", code.Basket, "]C1", "011231231231233310ABC123\x1d17261231", code.Code{Kind: code.Product, GTIN: "12312312312333", Batch: "ABC123", Expiry: "261231"}},
		{"GS1 with weight", code.Basket, "]d2", "0195012345678903310300125010ABC\x1d17251231", code.Code{Kind: code.Weighed, GTIN: "95012345678903", Batch: "ABC", Expiry: "251231", Quantity: "1.25"}},
		{"GS1 with price", code.Basket, "]e0", "01950110153000013922157530" + "2", code.Code{Kind: code.Unknown}},
		{"GS1 with price, two decimals", code.Basket, "]e0", "01950123456789033922001250", code.Code{Kind: code.Weighed, GTIN: "95012345678903", Price: 1250}},
		{"GS1 with price, no decimals", code.Basket, "]e0", "0195012345678903392012", code.Code{Kind: code.Weighed, GTIN: "95012345678903", Price: 1200}},
		{"GS1 with price, three decimals", code.Basket, "]e0", "0195012345678903392312500", code.Code{Kind: code.Weighed, GTIN: "95012345678903", Price: 1250}},
		{"GS1 with a price that no till has", code.Basket, "]e0", "0195012345678903392312505", code.Code{Kind: code.Product, GTIN: "95012345678903"}},
		{"GS1 with currency and price", code.Basket, "]e0", "01950123456789033932156001250", code.Code{Kind: code.Weighed, GTIN: "95012345678903", Price: 1250}},
		{"Digital Link with serial", code.Basket, "]Q1", "https://id.gs1.org/01/09520123456788/21/12345", code.Code{Kind: code.ItemCode, GTIN: "09520123456788", Serial: "12345"}},
		{"vendor URL", code.Basket, "]Q1", "https://v.example.cn/6901234567892/A1b2", code.Code{Kind: code.ItemCode, GTIN: "06901234567892", Serial: "A1b2"}},
		{"a foreign web address", code.Basket, "]Q1", "https://evil.example/x", code.Code{Kind: code.Unknown}},
		{"coupon", code.Basket, "]Q1", "C-SAVE2026", code.Code{Kind: code.Coupon}},
		{"member", code.Basket, "]Q1", "M-88001234", code.Code{Kind: code.Member}},
		{"pickup", code.Basket, "]Q1", "P-778899", code.Code{Kind: code.Pickup}},
		{"basket", code.AwaitingPayment, "]Q1", "B-778899", code.Code{Kind: code.Handover}},
		{"badge", code.Basket, "", "E-17", code.Code{Kind: code.Badge}},
		{"EMVCo", code.Basket, "]Q1", emv, code.Code{Kind: code.PayCode}},
		{"EMVCo with a wrong CRC", code.Basket, "]Q1", emv[:len(emv)-1] + "0", code.Code{Kind: code.Unknown}},
		{"control characters", code.Basket, "", "\x01\x02", code.Code{Kind: code.Unknown}},
		{"nothing", code.Basket, "]E0", "", code.Code{Kind: code.Unknown}},

		// Digit rules collide; the state decides first.
		{"WeChat while a payment is awaited", code.AwaitingPayment, "]Q1", "134567890123456789", code.Code{Kind: code.AuthCode, Scheme: "wechat"}},
		{"Alipay as Code 128", code.AwaitingPayment, "]C0", "281234501580007901", code.Code{Kind: code.AuthCode, Scheme: "alipay"}},
		{"UnionPay", code.AwaitingPayment, "]Q1", "6212345678901234567", code.Code{Kind: code.AuthCode, Scheme: "unionpay"}},
		{"e-CNY", code.AwaitingPayment, "]Q1", "0112345678901234567", code.Code{Kind: code.AuthCode, Scheme: "ecny"}},
		{"an EAN while a payment is awaited", code.AwaitingPayment, "]E0", "6901234567892", code.Code{Kind: code.Product, GTIN: "06901234567892"}},
		{"WeChat out of place is still a secret", code.Basket, "]Q1", "134567890123456789", code.Code{Kind: code.AuthCode, Scheme: "wechat"}},
		{"an SSCC in GS1-128 looks like WeChat", code.Basket, "]C1", "00106141411234567897", code.Code{Kind: code.Unknown}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := r.Classify(tt.state, tt.aim, []byte(tt.data))
			reason := got.Reason
			got.AIM, got.Symbology, got.Text, got.Reason = "", "", "", ""
			if got != tt.want {
				t.Errorf("got  %+v (%s)\nwant %+v", got, reason, tt.want)
			}
			if (got.Kind == code.Unknown) != (reason != "") {
				t.Errorf("kind %s with reason %q", got.Kind, reason)
			}
		})
	}
}

// emv is a merchant-presented code with a right CRC.
const emv = "00020101021129300012D15600000000051093450012345204411153031565802CN5914BEST TRANSPORT6007BEIJING6304DAA3"

// An 18-digit scale label collides with Alipay (28…). It is read as a label only
// when a rule names exactly its prefix, and never while a payment is awaited.
func TestScaleLabelAgainstAlipay(t *testing.T) {
	const text = "281234501580007901" // item 12345, 1.580 kg, 7.90
	config := code.DefaultConfig()
	config.InStore = []string{"28IIIIIWWWWWAAAAAC"}
	r, err := code.Compile(config)
	if err != nil {
		t.Fatal(err)
	}
	label := text[:17] + string(code.CheckDigit(text[:17]))
	if c := r.Classify(code.Basket, "]C0", []byte(label)); c.Kind != code.Weighed || c.SKU != "12345" || c.Quantity != "1.580" || c.Price != 790 {
		t.Errorf("as label: %+v", c)
	}
	if c := r.Classify(code.AwaitingPayment, "]C0", []byte(label)); c.Kind != code.AuthCode {
		t.Errorf("while paying: %v", c.Kind)
	}
	if c := code.DefaultRules().Classify(code.Basket, "]C0", []byte(label)); c.Kind != code.AuthCode {
		t.Errorf("without the rule: %v, a code that may be a secret must be treated as one", c.Kind)
	}
}

func TestForwardUnknown(t *testing.T) {
	config := code.DefaultConfig()
	config.ForwardUnknown = true
	r, err := code.Compile(config)
	if err != nil {
		t.Fatal(err)
	}
	if c := r.Classify(code.AwaitingPayment, "", []byte("99345678901234567890")); c.Kind != code.AuthCode || c.Scheme != "" {
		t.Errorf("awaited: %+v", c)
	}
	if c := r.Classify(code.Basket, "", []byte("99345678901234567890")); c.Kind == code.AuthCode {
		t.Errorf("not awaited: %v", c.Kind)
	}
	for n := 14; n <= 26; n++ {
		c := r.Classify(code.AwaitingPayment, "]Q1", []byte(strings.Repeat("9", n)))
		if sent := c.Kind == code.AuthCode; sent != (n >= 16 && n <= 24) {
			t.Errorf("%d digits: %v", n, c.Kind)
		}
	}
}

func TestPaymentRules(t *testing.T) {
	for _, c := range []struct {
		rule code.PaymentRule
		ok   bool
	}{
		{code.PaymentRule{Scheme: "wechat", Min: 8, Max: 64}, true},
		{code.PaymentRule{Scheme: "wechat", Min: 18, Max: 18}, true},
		{code.PaymentRule{Scheme: "", Min: 18, Max: 18}, false},
		{code.PaymentRule{Scheme: "wechat", Min: 7, Max: 18}, false},
		{code.PaymentRule{Scheme: "wechat", Min: 18, Max: 17}, false},
		{code.PaymentRule{Scheme: "wechat", Min: 18, Max: 65}, false},
	} {
		config := code.DefaultConfig()
		config.Payment = []code.PaymentRule{c.rule}
		if _, err := code.Compile(config); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c.rule, err)
		}
	}
}

func TestLabelPatterns(t *testing.T) {
	for pattern, want := range map[string]string{
		"22IIIIIXWWWWC": "in_store[0]: place 8: 'X' is none of I A W Q C",
		"22IIIICWWWWWW": "in_store[0]: the check digit C must be the last place",
		"IIIIIIWWWWWWC": "in_store[0]: a label pattern begins with digits",
		"2200000WWWWWC": "in_store[0]: a label pattern needs places for the item, I",
		"22IIIIC":       "in_store[0]: a label pattern has 8 to 24 places",
	} {
		config := code.DefaultConfig()
		config.InStore = []string{pattern}
		if _, err := code.Compile(config); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", pattern, err, want)
		}
	}
}

// The secret never shows in what is logged.
func TestAuthCodeIsNotShown(t *testing.T) {
	c := code.DefaultRules().Classify(code.AwaitingPayment, "", []byte("134567890123456789"))
	if strings.Contains(c.String(), "345678") {
		t.Errorf("shown: %s", c)
	}
}

func TestExpandUPCE(t *testing.T) {
	for in, want := range map[string]string{
		"04252614": "042100005264", "01234505": "012000003455", "06543217": "065100004327", "01234133": "012300000413",
		"01234145": "012340000015", "01234558": "012345000058", "0425261": "042100005264", "425261": "042100005264",
		"01234146": "", "21234145": "", "12345": "", "": "", "0123414x": "",
	} {
		if got, ok := code.ExpandUPCE(in); got != want || ok != (want != "") {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestCompileNamesTheEntry(t *testing.T) {
	for want, break_ := range map[string]func(*code.Config){
		"member[0]":   func(c *code.Config) { c.Member = []string{"("} },
		"in_store[1]": func(c *code.Config) { c.InStore = []string{"21IIIIIAAAAAC", "2ZIIIIIAAAAAC"} },
		"payment[0]":  func(c *code.Config) { c.Payment = []code.PaymentRule{{Scheme: "x", Min: 9, Max: 8}} },
		"item_url[0]": func(c *code.Config) { c.ItemURL = []string{"["} },
	} {
		c := code.DefaultConfig()
		break_(&c)
		if _, err := code.Compile(c); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want it to name %s", err, want)
		}
	}
}

func FuzzClassify(f *testing.F) {
	f.Add("]Q1", []byte("https://id.gs1.org/01/09520123456788/21/12345"))
	f.Add("]C1", []byte("0195012345678903310300125010ABC\x1d17251231"))
	f.Add("", []byte("2812345015800079 1"))
	f.Add("]", []byte(emv))
	r := code.DefaultRules()
	f.Fuzz(func(t *testing.T, aim string, data []byte) {
		for _, s := range []code.State{code.Basket, code.AwaitingPayment, code.AwaitingMember, code.AwaitingPickup} {
			c := r.Classify(s, aim, data)
			if c.GTIN != "" && len(c.GTIN) != 14 {
				t.Errorf("GTIN %q", c.GTIN)
			}
			if c.Kind == code.Unknown && c.Reason == "" {
				t.Errorf("%q is unknown without a reason", data)
			}
		}
	})
}

func BenchmarkClassify(b *testing.B) {
	r := code.DefaultRules()
	for name, data := range map[string]string{"ean13": "6901234567892", "label": "2212345007356", "article": "AB-1234"} {
		b.Run(name, func(b *testing.B) {
			payload := []byte(data)
			for b.Loop() {
				r.Classify(code.Basket, "]X0", payload)
			}
		})
	}
}

// A signed token has the form of a compact JWT; what only looks a bit like one is
// an article number, or nothing.
func TestToken(t *testing.T) {
	rules := code.DefaultRules()
	for text, want := range map[string]code.Kind{
		"eyJhbGciOiJFZERTQSJ9.eyJqdGkiOiIxIn0.c2ln": code.Token,
		"eyJhbGciOiJFZERTQSJ9.eyJqdGkiOiIxIn0":      code.Product,
		"EYJ.A.B":                                   code.Product,
		"eyJ.a b.c":                                 code.Product,
		"https://x.example/eyJ.a.b":                 code.Unknown,
	} {
		for _, state := range []code.State{code.Basket, code.AwaitingPayment} {
			c := rules.Classify(state, "]Q1", []byte(text))
			if c.Kind != want {
				t.Errorf("%s: %s while %s, want %s", text, c.Kind, state, want)
			}
			if want == code.Token && strings.Contains(c.String(), "eyJ") {
				t.Errorf("%s shows the token", c)
			}
		}
	}
	if rules.Offline("coupon") || rules.Offline("pickup") {
		t.Error("tokens count offline by default")
	}
	c := code.DefaultConfig()
	c.OfflineCoupons = true
	rules, err := code.Compile(c)
	if err != nil || !rules.Offline("coupon") || rules.Offline("pickup") {
		t.Errorf("%v", err)
	}
}
