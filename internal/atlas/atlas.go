// Package atlas holds the glyphs that text is drawn with in dots: receipts where a printer
// has none of its own, and the Linux framebuffer:
// 24 dots high, 12 wide for Latin, Greek, Cyrillic and box
// drawing, 24 wide for Chinese (all of U+4E00 to U+9FA5), kana and full-width
// forms. It is made from Droid Sans Fallback (Apache-2.0) and the Go fonts
// (BSD); see LICENSE-droid.txt and LICENSE-go-fonts.txt.
package atlas

import (
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"
)

//go:generate go run ./gen -font /usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf -o glyphs.zst

//go:embed glyphs.zst
var packed []byte

// Licenses are the texts under which the glyphs may be passed on.
//
//go:embed LICENSE-droid.txt LICENSE-go-fonts.txt
var Licenses embed.FS

// Height of every glyph in dots.
const Height = 24

// Glyph is one character in dots, row by row, most significant bit left.
type Glyph struct {
	Width int    // 12 or 24
	Rows  []byte // Height rows of 2 or 3 bytes
}

// Stride is the number of bytes in a row.
func (g Glyph) Stride() int { return (g.Width + 7) / 8 }

// Set is the unpacked atlas. It is read only.
type Set struct {
	ranges []span
	bits   []byte
}

type span struct {
	first rune
	count int
	width int
	bold  bool
	at    int // offset in bits
}

// Load unpacks the atlas once, 1.6 MB, and returns it at every later call.
var Load = sync.OnceValues(unpack)

const magic = "TILLATL1"

func unpack() (*Set, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(16<<20))
	if err != nil {
		return nil, err
	}
	defer dec.Close()
	data, err := dec.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("glyph atlas: %w", err)
	}
	if len(data) < len(magic)+2 || string(data[:len(magic)]) != magic {
		return nil, errors.New("glyph atlas: wrong magic")
	}
	data = data[len(magic):]
	n := int(binary.BigEndian.Uint16(data))
	data = data[2:]
	if len(data) < 8*n {
		return nil, errors.New("glyph atlas: cut short")
	}
	s := &Set{bits: data[8*n:]}
	at := 0
	for i := range n {
		row := data[8*i:]
		r := span{
			first: rune(binary.BigEndian.Uint32(row)), count: int(binary.BigEndian.Uint16(row[4:])),
			width: int(row[6]), bold: row[7] == 1, at: at,
		}
		at += r.count * Height * ((r.width + 7) / 8)
		s.ranges = append(s.ranges, r)
	}
	if at != len(s.bits) {
		return nil, errors.New("glyph atlas: lengths do not add up")
	}
	return s, nil
}

// Glyph returns the dots of r. Bold is only drawn for narrow glyphs; real tells
// whether the glyph has the weight that was asked for.
func (s *Set) Glyph(r rune, bold bool) (g Glyph, real, ok bool) {
	if bold {
		if g, ok := s.find(r, true); ok {
			return g, true, true
		}
	}
	g, ok = s.find(r, false)
	return g, !bold, ok
}

func (s *Set) find(r rune, bold bool) (Glyph, bool) {
	i, hit := slices.BinarySearchFunc(s.ranges, r, func(x span, r rune) int {
		switch {
		case x.bold != bold:
			if x.bold { // bold ranges come last
				return 1
			}
			return -1
		case r < x.first:
			return 1
		case r >= x.first+rune(x.count):
			return -1
		}
		return 0
	})
	if !hit {
		return Glyph{}, false
	}
	x := s.ranges[i]
	size := Height * ((x.width + 7) / 8)
	at := x.at + int(r-x.first)*size
	return Glyph{Width: x.width, Rows: s.bits[at : at+size]}, true
}
