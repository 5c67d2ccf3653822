// Package receiptline reads ReceiptLine, the markup of receipt templates and of
// documents that head office sends.
package receiptline

import (
	"strings"

	"tilld/printer"
)

// Parse reads a document of ReceiptLine markup.
func Parse(src string) (printer.Doc, error) {
	var doc printer.Doc
	for line := range strings.Lines(src) {
		doc = append(doc, printer.Text{Line: strings.TrimRight(line, "\r\n")})
	}
	return append(doc, printer.Cut{}), nil
}
