package receiptline

import (
	"strconv"
	"strings"

	"tilld/printer"
)

// option is how codes are printed from here on.
type option struct {
	kind   string
	bar    int // dots a bar, 2 to 4
	height int // dots, 24 to 240
	hri    bool
	cell   int // dots a module of a QR code, 3 to 8
	level  string
}

func defaults() option {
	return option{kind: "code128", bar: 2, height: 72, cell: 3, level: "L"}
}

// parseOption reads tokens in any order; what is not named has its default.
func parseOption(v string) option {
	o := defaults()
	for _, t := range strings.FieldsFunc(strings.ToLower(v), func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		n, err := strconv.Atoi(t)
		switch {
		case err == nil:
			if n >= 2 && n <= 4 {
				o.bar = n
			}
			if n >= 3 && n <= 8 {
				o.cell = n
			}
			if n >= 24 && n <= 240 {
				o.height = n
			}
		case t == "hri":
			o.hri = true
		case t == "nohri":
			o.hri = false
		case len(t) == 1 && strings.Contains("lmqh", t):
			o.level = strings.ToUpper(t)
		case strings.Contains(" upc ean jan code39 itf codabar nw7 code93 code128 qrcode ", " "+t+" "):
			o.kind = t
		}
	}
	return o
}

// block makes a code of data.
func (o option) block(data string, align printer.Align) printer.Block {
	if o.kind == "qrcode" {
		return printer.QR{Payload: data, Module: o.cell, Level: o.level, Align: align}
	}
	symbology := o.kind
	short := len(data) < 9
	switch {
	case o.kind == "upc" && short:
		symbology = "upce"
	case o.kind == "upc":
		symbology = "upca"
	case (o.kind == "ean" || o.kind == "jan") && short:
		symbology = "ean8"
	case o.kind == "ean" || o.kind == "jan":
		symbology = "ean13"
	case o.kind == "nw7":
		symbology = "codabar"
	}
	return printer.Barcode{Symbology: symbology, Data: data, HRI: o.hri, Module: o.bar, HeightMM: max((o.height*254+1015)/2030, 3), Align: align}
}
