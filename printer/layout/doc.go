// Package layout turns a document into what a paper shows: lines of cells for
// printers with a character set of their own, and dots for previews, pictures
// and printers without one.
package layout
