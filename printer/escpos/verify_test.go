package escpos

import (
	"testing"

	"tilld/internal/fault"
	"tilld/printer"
	"tilld/printer/layout"
)

// A code that does not read from the bytes that would be sent is not sent.
func TestCodesAreReadFromTheBytes(t *testing.T) {
	setup, err := profile("generic-80mm")
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]printer.Block{
		"qr":  printer.QR{Payload: "https://example.cn/1"},
		"bar": printer.Barcode{Symbology: "ean13", Data: "6901234567892"},
	} {
		cfg := Config{Profile: "generic-80mm", Setup: setup}
		page, err := layout.Compose(printer.Doc{block}, cfg.caps())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := build(cfg, page); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for i, row := range page.Rows {
			if p, ok := row.(layout.Picture); ok {
				p.Bits.Flip(0, 0, p.Bits.W/2, p.Bits.H)
				page.Rows[i] = p
			}
		}
		if _, err := build(cfg, page); fault.KindOf(err) != fault.Refused {
			t.Errorf("%s damaged: %v, want refused", name, err)
		}
	}
}
