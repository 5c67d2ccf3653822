// Command gen draws the glyph atlas of internal/atlas.
//
//	go run ./gen -font /usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf -o glyphs.zst
package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"image"
	"log"
	"os"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

const height = 24

// style is one font drawn into cells of one width.
type style struct {
	font     []byte
	size     float64 // pixels per em
	baseline int     // rows from the top
	shift    float64 // pixels to the right
	width    int
	bold     bool
	ink      byte // coverage from which a dot is black
	ranges   [][2]rune
}

func main() {
	log.SetFlags(0)
	path := flag.String("font", "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf", "Droid Sans Fallback")
	out := flag.String("o", "glyphs.zst", "atlas to write")
	flag.Parse()
	droid, err := os.ReadFile(*path)
	if err != nil {
		log.Fatal(err)
	}
	narrow := [][2]rune{{0x20, 0x7e}, {0xa0, 0x17f}, {0x370, 0x3ff}, {0x400, 0x45f}, {0x2010, 0x203f}, {0x20a0, 0x20bf}, {0x2100, 0x22ff}, {0x2500, 0x26ff}}
	styles := []style{
		{font: gomono.TTF, size: 20, baseline: 19, width: 12, ink: 110, ranges: narrow},
		{font: droid, size: 24, baseline: 21, width: 24, ink: 104, ranges: [][2]rune{{0x3000, 0x33ff}, {0x4e00, 0x9fa5}, {0xfe30, 0xfe4f}, {0xff01, 0xff5e}, {0xffe0, 0xffe6}}},
		{font: gomonobold.TTF, size: 20, baseline: 19, width: 12, ink: 120, bold: true, ranges: narrow},
	}
	var head, bits []byte
	n := 0
	for _, s := range styles {
		h, b, err := s.draw()
		if err != nil {
			log.Fatal(err)
		}
		n += len(h) / 8
		head, bits = append(head, h...), append(bits, b...)
	}
	data := append([]byte("TILLATL1"), byte(n>>8), byte(n))
	data = append(append(data, head...), bits...)
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(8<<20))
	if err != nil {
		log.Fatal(err)
	}
	packed := enc.EncodeAll(data, nil)
	if err := os.WriteFile(*out, packed, 0o644); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d ranges, %d bytes, %d packed\n", n, len(data), len(packed))
}

// draw returns the range table and the dots of the glyphs the font has.
func (s style) draw() (head, bits []byte, err error) {
	f, err := opentype.Parse(s.font)
	if err != nil {
		return nil, nil, err
	}
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: s.size, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		return nil, nil, err
	}
	var buf sfnt.Buffer
	for _, r := range s.ranges {
		first, count := rune(0), 0
		flush := func() {
			if count > 0 {
				head = binary.BigEndian.AppendUint32(head, uint32(first))
				head = binary.BigEndian.AppendUint16(head, uint16(count))
				bold := byte(0)
				if s.bold {
					bold = 1
				}
				head = append(head, byte(s.width), bold)
			}
			count = 0
		}
		for c := r[0]; c <= r[1]; c++ {
			i, err := f.GlyphIndex(&buf, c)
			if err != nil {
				return nil, nil, err
			}
			if i == 0 {
				flush()
				continue
			}
			if count == 0 {
				first = c
			}
			count++
			bits = append(bits, s.glyph(face, c)...)
		}
		flush()
	}
	return head, bits, nil
}

func (s style) glyph(face font.Face, r rune) []byte {
	img := image.NewGray(image.Rect(0, 0, s.width, height))
	d := font.Drawer{Dst: img, Src: image.White, Face: face, Dot: fixed.Point26_6{X: fixed.Int26_6(s.shift * 64), Y: fixed.I(s.baseline)}}
	d.DrawString(string(r))
	stride := (s.width + 7) / 8
	out := make([]byte, height*stride)
	for y := range height {
		for x := range s.width {
			if img.GrayAt(x, y).Y >= s.ink {
				out[y*stride+x/8] |= 0x80 >> (x % 8)
			}
		}
	}
	return out
}
