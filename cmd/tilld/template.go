package main

import (
	"fmt"
	"io"

	"tilld/internal/lang"
	"tilld/internal/plainfile"
	"tilld/internal/till"
	"tilld/printer"
	"tilld/printer/layout"
	"tilld/printer/receiptline"
)

// receiptTemplate reads what receipt.template, or receipt.refund_template, names:
// nil for the built-in layout. classic is the template of that name.
func receiptTemplate[D any](name, classic string, tag lang.Tag) (func(D) (printer.Doc, error), error) {
	src := ""
	switch name {
	case "", "default":
		return nil, nil
	case "classic":
		src = classic
	default:
		f, err := plainfile.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		body, err := io.ReadAll(io.LimitReader(f, receiptline.MaxTemplate+1))
		if err != nil {
			return nil, err
		}
		src = string(body)
	}
	t, err := receiptline.NewTemplate(src, till.ReceiptWords(tag))
	if err != nil {
		return nil, err
	}
	return func(d D) (printer.Doc, error) { return t.Document(d) }, nil
}

// checkTemplate prints a receipt with everything on it, and an empty one, to see
// that a template works on narrow paper too.
func checkTemplate[D any](name, classic string, sample D) error {
	var empty D
	for _, tag := range []lang.Tag{lang.ZH, lang.EN} {
		t, err := receiptTemplate[D](name, classic, tag)
		if err != nil || t == nil {
			return err
		}
		for _, d := range []D{sample, empty} {
			doc, err := t(d)
			if err != nil {
				return err
			}
			if _, err := layout.Compose(doc, printer.Caps{Columns: 32, Dots: 384, DPI: 203, Chinese: true}); err != nil {
				return fmt.Errorf("on 58 mm paper: %w", err)
			}
		}
	}
	return nil
}
