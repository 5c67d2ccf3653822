// Package atlas holds the glyphs that text is drawn with in dots: receipts where a printer
// has none of its own, and the Linux framebuffer.
//
// A glyph is 24 dots high. 12 dots wide are Latin, Greek, Cyrillic and symbols; 24 wide are Hangul, Chinese
// (all of U+3400 to U+4DBF and U+4E00 to U+9FFF, and what fonts have of the later extensions), kana,
// full-width forms, and the symbols once more, since some printers give them two columns.
//
// The dots are made from the Go fonts (BSD), Droid Sans Fallback (Apache-2.0), Noto Sans CJK
// (OFL-1.1) and DejaVu Sans and Sans Mono (Bitstream Vera), in this order of preference; see Licenses.
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

//go:generate go run ./gen -o glyphs.zst

// packed is: magic, number of frames (2 bytes), the length of each (4), then the frames, each
// compressed on its own. The first is the table of spans, 12 bytes each: first character (4), how many
// (2), width with bit 7 for bold (1), 0, offset of its dots (4). The others hold the dots,
// blockBytes each. Numbers are big endian.
//
//go:embed glyphs.zst
var packed []byte

// Licenses are the texts under which the glyphs may be passed on.
//
//go:embed LICENSE-droid.txt LICENSE-go-fonts.txt LICENSE-noto-cjk.txt LICENSE-dejavu.txt
var Licenses embed.FS

// Height of every glyph in dots.
const Height = 24

// cellDots is the width of one column in dots.
const cellDots = 12

const (
	magic      = "TILLATL2"
	blockBytes = 256 * 72 // whole glyphs of either width
	maxBlocks  = 64       // kept unpacked: 1.2 MB, enough for the characters of a busy store
)

// Glyph is one character in dots, row by row, most significant bit left.
type Glyph struct {
	Width int    // 12 or 24
	Rows  []byte // Height rows of 2 or 3 bytes; read only
}

// Stride is the number of bytes in a row.
func (g Glyph) Stride() int { return (g.Width + 7) / 8 }

// Set is the atlas. It may be used from several goroutines.
type Set struct {
	spans  map[kind][]span
	frames [][]byte

	mu     sync.Mutex
	blocks map[int][]byte
}

// kind is one table of glyphs: each is sorted by character.
type kind struct {
	width int
	bold  bool
}

type span struct {
	first rune
	count int
	at    int
}

// Load opens the atlas once and returns it at every later call. It unpacks the table of characters,
// 26 kB; dots are unpacked when they are first asked for, 256 characters at a time.
var Load = sync.OnceValues(func() (*Set, error) { return open(packed) })

func open(data []byte) (*Set, error) {
	head := len(magic) + 2
	if len(data) < head || string(data[:len(magic)]) != magic {
		return nil, errors.New("glyph atlas: wrong magic")
	}
	n := int(binary.BigEndian.Uint16(data[len(magic):]))
	if n == 0 || len(data) < head+4*n {
		return nil, errors.New("glyph atlas: cut short")
	}
	sizes, rest := data[head:head+4*n], data[head+4*n:]
	s := &Set{spans: make(map[kind][]span), blocks: make(map[int][]byte)}
	for i := range n {
		size := int(binary.BigEndian.Uint32(sizes[4*i:]))
		if size > len(rest) {
			return nil, errors.New("glyph atlas: cut short")
		}
		s.frames, rest = append(s.frames, rest[:size:size]), rest[size:]
	}
	if len(rest) > 0 {
		return nil, errors.New("glyph atlas: lengths do not add up")
	}
	table, err := unpack(s.frames[0], 0)
	if err != nil {
		return nil, err
	}
	for row := range slices.Chunk(table, 12) {
		if len(row) < 12 {
			return nil, errors.New("glyph atlas: table cut short")
		}
		k := kind{width: int(row[6] & 0x7f), bold: row[6]&0x80 != 0}
		x := span{rune(binary.BigEndian.Uint32(row)), int(binary.BigEndian.Uint16(row[4:])), int(binary.BigEndian.Uint32(row[8:]))}
		if k.width != cellDots && k.width != 2*cellDots || x.at+x.count*k.size() > (n-1)*blockBytes {
			return nil, fmt.Errorf("glyph atlas: no such dots for %U", x.first)
		}
		s.spans[k] = append(s.spans[k], x)
	}
	return s, nil
}

// unpack returns what a frame holds. Each time has a decoder of its own: one that is kept has channels,
// which tests in fake time cannot share.
func unpack(frame []byte, size int) ([]byte, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(1<<20))
	if err != nil {
		return nil, err
	}
	defer dec.Close()
	b, err := dec.DecodeAll(frame, make([]byte, 0, size))
	if err != nil {
		return nil, fmt.Errorf("glyph atlas: %w", err)
	}
	return b, nil
}

// size of a glyph in bytes.
func (k kind) size() int { return Height * ((k.width + 7) / 8) }

// Glyph returns the dots of r for a place so many columns wide, 1 or 2: never wider than that, and the
// wider form where there are two. Bold is only drawn for narrow glyphs; real tells whether the glyph has
// the weight that was asked for.
func (s *Set) Glyph(r rune, columns int, bold bool) (g Glyph, real, ok bool) {
	if columns >= 2 {
		if g, ok := s.find(r, kind{width: 2 * cellDots}); ok {
			return g, !bold, true
		}
	}
	if bold {
		if g, ok := s.find(r, kind{width: cellDots, bold: true}); ok {
			return g, true, true
		}
	}
	g, ok = s.find(r, kind{width: cellDots})
	return g, !bold, ok
}

func (s *Set) find(r rune, k kind) (Glyph, bool) {
	spans := s.spans[k]
	i, hit := slices.BinarySearchFunc(spans, r, func(x span, r rune) int {
		switch {
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
	at := spans[i].at + int(r-spans[i].first)*k.size()
	block, err := s.block(at / blockBytes)
	if err != nil { // the program's own bytes are damaged: the caller draws the box of what is missing
		return Glyph{}, false
	}
	at %= blockBytes
	return Glyph{Width: k.width, Rows: block[at : at+k.size() : at+k.size()]}, true
}

// block unpacks a block, or returns it from those kept. A block given up stays whole for who still holds
// a glyph of it.
func (s *Set) block(i int) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b, ok := s.blocks[i]; ok {
		return b, nil
	}
	b, err := unpack(s.frames[i+1], blockBytes)
	if err != nil {
		return nil, err
	}
	if len(b) != blockBytes {
		return nil, fmt.Errorf("glyph atlas: block %d is %d bytes", i, len(b))
	}
	if len(s.blocks) >= maxBlocks {
		for old := range s.blocks { // any of them
			delete(s.blocks, old)
			break
		}
	}
	s.blocks[i] = b
	return b, nil
}
