package till_test

import (
	"context"
	"strings"
	"testing"

	"tilld/display"
	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/printer"
)

// With receipt.qr_hosts set, a code that leads to another host gets neither on a
// receipt nor on a screen, whoever asks for it.
func TestHostsOfCodes(t *testing.T) {
	r := newRig(t, func(o *till.Options) {
		o.Receipt.QRHosts = []string{"acme.example", "*.acme.example"}
		o.Receipt.QR = []till.Link{{Title: "good", URL: "https://acme.example/g"}, {Title: "bad", URL: "https://evil.example/g"}}
		o.Receipt.InvoiceURL = ""
		o.Markup = func(src string) (printer.Doc, error) {
			return printer.Doc{printer.Text{Line: "x"}, printer.QR{Payload: src}}, nil
		}
	})
	for content, ok := range map[string]bool{
		"https://acme.example/a": true, "http://ACME.example.:8080/a": true, "https://club.acme.example": true, "SALE-0042": true, "茶": true,
		"https://evil.example/": false, "https://acme.example.evil.example/": false, "https://evilacme.example/": false, "https://acme.example@evil.example/": false,
		`https://evil.example\@acme.example/`: false, "weixin://wxpay/x": false, "javascript:alert(1)": false, "evil.example/x": false, " https://evil.example": false, "tel:110": false,
	} {
		_, err := r.print(till.PrintRequest{Markup: content})
		if (err == nil) != ok {
			t.Errorf("markup with a code %q: %v", content, err)
		}
		if !ok {
			wantCode(t, err, sale.CodeInvalid)
			_, err = r.till.ReceiptSet(context.Background(), []byte(`{"qr":[{"title":"x","url":`+quote(content)+`}],"footer":""}`))
			wantCode(t, err, sale.CodeInvalid)
			_, err = r.till.Do(context.Background(), till.Call{}, till.ShowScene{Scene: display.Scene{Kind: display.Message, QR: []display.QR{{Title: "x", URL: content}}}})
			wantCode(t, err, sale.CodeInvalid)
		}
	}
	s := r.do(sale.Pay{Sale: r.open().ID, Method: "cash"})
	doc, err := r.till.ReceiptDoc(s.ID)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, b := range doc {
		if q, ok := b.(printer.QR); ok {
			codes = append(codes, q.Payload)
		}
	}
	if strings.Join(codes, " ") != "https://acme.example/g" {
		t.Errorf("codes on the receipt: %q", codes)
	}
}

// A code that runs or opens something on the phone itself is no code, whatever
// hosts are listed; wallets' schemes and plain text are.
func TestCodesThatLeadNowhere(t *testing.T) {
	r := newRig(t, func(o *till.Options) {
		o.Markup = func(src string) (printer.Doc, error) { return printer.Doc{printer.QR{Payload: src}}, nil }
	})
	for content, ok := range map[string]bool{
		"https://acme.example/a": true, "weixin://wxpay/bizpayurl?pr=1": true, "alipays://platformapi/startapp": true, "00020101021226": true, "BEGIN:VCARD": true, "database: 7": true, "tel:110": true,
		"javascript:alert(1)": false, " JavaScript:alert(1)": false, "\u3000vbscript:x": false, "data:text/html,x": false, "file:///etc/passwd": false, "view-source:https://acme.example": false,
	} {
		for _, sc := range []display.Scene{
			{Kind: display.Message, QR: []display.QR{{Title: "x", URL: content}}}, {Kind: display.Offers, Offers: []display.Offer{{ID: "o", Title: "x", URL: content}}},
		} {
			if _, err := r.till.Do(context.Background(), till.Call{}, till.ShowScene{Scene: sc}); (err == nil) != ok {
				t.Errorf("%s with %q: %v", sc.Kind, content, err)
			} else if !ok {
				wantCode(t, err, sale.CodeInvalid)
			}
		}
		if _, err := r.print(till.PrintRequest{Markup: content}); (err == nil) != ok {
			t.Errorf("markup with a code %q: %v", content, err)
		}
		if _, err := r.till.ReceiptSet(context.Background(), []byte(`{"qr":[{"title":"x","url":`+quote(content)+`}],"footer":""}`)); (err == nil) != ok {
			t.Errorf("receipt.set with %q: %v", content, err)
		}
	}
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
