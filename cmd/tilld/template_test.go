package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tilld/internal/lang"
	"tilld/internal/till"
	"tilld/printer"
	"tilld/printer/layout"
)

// lines are the texts of a document on paper, without rules and pictures; codes
// are what its codes say.
func lines(t *testing.T, doc printer.Doc, columns int) (text, codes []string) {
	t.Helper()
	page, err := layout.Compose(doc, printer.Caps{Columns: columns, Dots: 12 * columns, DPI: 203, Chinese: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range page.Rows {
		switch row := row.(type) {
		case layout.TextRow:
			if s := strings.TrimSpace(row.Text()); s != "" {
				text = append(text, strings.Join(strings.Fields(s), " "))
			}
		case layout.Picture:
			if row.Payload != "" {
				codes = append(codes, row.Payload)
			}
		}
	}
	return text, codes
}

// The template "classic" has everything that a receipt has, in both languages and
// on both papers, and nothing but the sale's frame when there is nothing.
func TestClassicTemplate(t *testing.T) {
	for tag, total := range map[lang.Tag]string{lang.ZH: "合计 ¥13.00", lang.EN: "TOTAL ¥13.00"} {
		for _, columns := range []int{48, 32} {
			tpl, err := receiptTemplate[till.ReceiptData]("classic", till.ClassicTemplate, tag)
			if err != nil {
				t.Fatal(err)
			}
			d := till.SampleReceipt()
			doc, err := tpl(d)
			if err != nil {
				t.Fatal(err)
			}
			text, codes := lines(t, doc, columns)
			for _, want := range []string{d.Header, "面包 Bread", "2 × 7.00 14.00", "SN SN1", total, "现金 ¥13.00", d.Footer, "加入社群", "Hill 咖啡八折", "CP-1", d.Sale} {
				if !slices.Contains(text, want) {
					t.Errorf("%s, %d columns: no line %q in\n%s", tag, columns, want, strings.Join(text, "\n"))
				}
			}
			if want := []string{"CP-1", "https://example.cn/invoice", "https://example.cn/g", "https://example.cn/o"}; !slices.Equal(codes, want) {
				t.Errorf("codes %q, want %q", codes, want)
			}
			for _, l := range text {
				if strings.ContainsAny(l, "[]{}") {
					t.Errorf("a piece of the template is on paper: %q", l)
				}
			}
		}
	}
}

// A store's own file; what is wrong with it is said by tilld check.
func TestOwnTemplate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "own.receipt")
	for src, why := range map[string]string{
		"^[[.Store]]\n[[range .Items]]\n|[[.Name]] | [[.Total]]\n[[end]]\n[[qr .Invoice]]\n": "",
		"[[.Nobody]]":                   "Nobody",
		"[[if .Total]]":                 "unexpected EOF",
		"{command:x}":                   "command",
		"[[range .Items]][[.X]][[end]]": "X",
	} {
		if err := os.WriteFile(file, []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
		err := checkTemplate(file, "", till.SampleReceipt())
		if why == "" && err != nil || why != "" && (err == nil || !strings.Contains(err.Error(), why)) {
			t.Errorf("%q: %v, want %q", src, err, why)
		}
	}
	if err := checkTemplate(filepath.Join(t.TempDir(), "none"), "", till.SampleReceipt()); err == nil {
		t.Error("a file that is not there is no problem")
	}
	if err := checkTemplate("default", "", till.SampleReceipt()); err != nil {
		t.Error(err)
	}
}

// The same of refunds: "classic" has everything, and a store's own file may name
// nothing but what a refund has.
func TestRefundTemplate(t *testing.T) {
	for tag, want := range map[lang.Tag][]string{
		lang.ZH: {"退款小票", "原单号 03-20260314-0001", "退款金额 -¥13.00", "现金 -¥13.00", "原因 包装破损", "SN SN1"},
		lang.EN: {"Refund", "Original no. 03-20260314-0001", "REFUNDED -¥13.00", "Reason 包装破损"},
	} {
		for _, columns := range []int{48, 32} {
			tpl, err := receiptTemplate[till.RefundData]("classic", till.ClassicRefundTemplate, tag)
			if err != nil {
				t.Fatal(err)
			}
			doc, err := tpl(till.SampleRefund())
			if err != nil {
				t.Fatal(err)
			}
			text, _ := lines(t, doc, columns)
			for _, w := range want {
				if !slices.Contains(text, w) {
					t.Errorf("%s, %d columns: no line %q in\n%s", tag, columns, w, strings.Join(text, "\n"))
				}
			}
		}
	}
	file := filepath.Join(t.TempDir(), "own.receipt")
	for src, why := range map[string]string{"[[.Refunded]]\n": "", "[[.Total]]\n": "Total"} {
		if err := os.WriteFile(file, []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
		err := checkTemplate(file, "", till.SampleRefund())
		if why == "" && err != nil || why != "" && (err == nil || !strings.Contains(err.Error(), why)) {
			t.Errorf("%q: %v, want %q", src, err, why)
		}
	}
}
