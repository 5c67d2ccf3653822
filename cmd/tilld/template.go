package main

import (
	"fmt"
	"io"
	"os"

	"tilld/internal/lang"
	"tilld/internal/till"
	"tilld/printer"
	"tilld/printer/layout"
	"tilld/printer/receiptline"
)

// receiptTemplate reads what receipt.template names: nil for the built-in layout.
func receiptTemplate(name string, tag lang.Tag) (func(till.ReceiptData) (printer.Doc, error), error) {
	src := ""
	switch name {
	case "", "default":
		return nil, nil
	case "classic":
		src = till.ClassicTemplate
	default:
		f, err := os.Open(name)
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
	return func(d till.ReceiptData) (printer.Doc, error) { return t.Document(d) }, nil
}

// checkTemplate prints a receipt with everything on it, and an empty one, to see
// that a template works on narrow paper too.
func checkTemplate(name string) error {
	for _, tag := range []lang.Tag{lang.ZH, lang.EN} {
		t, err := receiptTemplate(name, tag)
		if err != nil || t == nil {
			return err
		}
		for _, d := range []till.ReceiptData{till.SampleReceipt(), {}} {
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
