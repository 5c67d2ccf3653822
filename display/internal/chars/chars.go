// Package chars turns text into the bytes of a character display, one byte a
// cell, so that no text from outside can become a command: every byte is
// printable ASCII or half of a Chinese character.
package chars

import (
	"fmt"

	"golang.org/x/text/encoding/simplifiedchinese"

	"tilld/display"
)

// Set is what a display has in its character generator.
type Set string

const (
	ASCII   Set = "ascii"   // 20 to 7E
	GB18030 Set = "gb18030" // and the two-byte characters of GB18030, which are two cells wide
)

// Check reports a set that there is not.
func (s Set) Check() error {
	if s != ASCII && s != GB18030 {
		return fmt.Errorf("charset is %q, want ascii or gb18030", string(s))
	}
	return nil
}

// Append appends text as exactly so many cells: cut, or padded with spaces. No
// character is cut in half.
func (s Set) Append(frame []byte, text string, cells int) []byte {
	for _, r := range text {
		cell := s.encode(r)
		if len(cell) > cells {
			break
		}
		frame = append(frame, cell...)
		cells -= len(cell)
	}
	for ; cells > 0; cells-- {
		frame = append(frame, ' ')
	}
	return frame
}

// Has reports whether the display can draw r.
func (s Set) Has(r rune) bool { return r == '?' || s.encode(r)[0] != '?' }

// encode returns the one or two bytes, which are also the cells, of r; '?' for
// what the display does not have.
func (s Set) encode(r rune) []byte {
	if r >= ' ' && r <= '~' {
		return []byte{byte(r)}
	}
	if r == '¥' {
		r = '￥' // the half-width sign has no two-byte code
	}
	if s == GB18030 && display.RuneCells(r) == 2 {
		if b, err := simplifiedchinese.GB18030.NewEncoder().Bytes([]byte(string(r))); err == nil && len(b) == 2 {
			return b
		}
	}
	return []byte{'?'}
}
