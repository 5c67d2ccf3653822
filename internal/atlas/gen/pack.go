package main

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// blockBytes is how many bytes of dots one block unpacks to: whole glyphs of
// either width.
const blockBytes = 256 * 72

// plane is all glyphs of one width and weight. A character comes from the first
// layer that has it.
type plane struct {
	width  int
	bold   bool
	layers []layer
}

// layer is what is taken from one font.
type layer struct {
	pen    pen
	ranges [][2]rune
}

// span is a run of characters without a gap; at is where its dots begin.
type span struct {
	first rune
	count int
	at    int
}

// draw returns the glyphs of the plane in the order of their characters.
func (p plane) draw() (spans []span, dots []byte, err error) {
	glyphs := make(map[rune][]byte)
	for _, l := range p.layers {
		if err := l.pen.draw(l.ranges, glyphs); err != nil {
			return nil, nil, err
		}
	}
	runes := make([]rune, 0, len(glyphs))
	for r := range glyphs {
		runes = append(runes, r)
	}
	slices.Sort(runes)
	for i, r := range runes {
		if i == 0 || runes[i-1] != r-1 || spans[len(spans)-1].count == 0xffff {
			spans = append(spans, span{first: r, at: len(dots)})
		}
		spans[len(spans)-1].count++
		dots = append(dots, glyphs[r]...)
	}
	return spans, dots, nil
}

// pack writes the format that package atlas reads, see there.
func pack(planes []plane) (packed []byte, note string, err error) {
	var table, stream []byte
	spans, glyphs := 0, 0
	for _, p := range planes {
		s, dots, err := p.draw()
		if err != nil {
			return nil, "", err
		}
		kind := byte(p.width)
		if p.bold {
			kind |= 0x80
		}
		for _, x := range s {
			table = binary.BigEndian.AppendUint32(table, uint32(x.first))
			table = binary.BigEndian.AppendUint16(table, uint16(x.count))
			table = append(table, kind, 0)
			table = binary.BigEndian.AppendUint32(table, uint32(len(stream)+x.at))
			glyphs += x.count
		}
		spans += len(s)
		stream = append(stream, dots...)
		stream = append(stream, make([]byte, (blockBytes-len(stream)%blockBytes)%blockBytes)...) // planes begin with a block
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderCRC(true))
	if err != nil {
		return nil, "", err
	}
	frames := [][]byte{enc.EncodeAll(table, nil)}
	for block := range slices.Chunk(stream, blockBytes) {
		frames = append(frames, enc.EncodeAll(block, nil))
	}
	packed = binary.BigEndian.AppendUint16([]byte("TILLATL2"), uint16(len(frames)))
	for _, f := range frames {
		packed = binary.BigEndian.AppendUint32(packed, uint32(len(f)))
	}
	for _, f := range frames {
		packed = append(packed, f...)
	}
	note = fmt.Sprintf("%d glyphs in %d spans, %d blocks, %d bytes of dots, %d packed", glyphs, spans, len(frames)-1, len(stream), len(packed))
	return packed, note, nil
}
