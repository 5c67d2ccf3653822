package line

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"tilld/scanner"
	"tilld/scanner/torn"
)

func compiled(t testing.TB, c Config) settings {
	t.Helper()
	s, err := c.compile()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func configs() []Config {
	var out []Config
	for _, suffix := range []string{"cr", "lf", "crlf", "tab", "etx", "hex:2323"} {
		for _, prefix := range []string{"", "stx", "hex:5b"} {
			for _, aim := range []bool{false, true} {
				out = append(out, Config{Suffix: suffix, Prefix: prefix, AIM: aim, Encoding: "gb18030", MaxPerSecond: 100})
			}
		}
	}
	return out
}

// later is long after any torn code.
var later = time.Time{}.Add(torn.For)

func all(f *framer, chunks ...[]byte) []string {
	var out []string
	for _, b := range chunks {
		for _, c := range f.feed(later, b) {
			out = append(out, c.aim+"|"+string(c.data))
		}
	}
	return out
}

// USB hands over 64 bytes at a time, a busy machine one at a time, a fast one
// several codes at once: the scans are the same.
func TestAnyChunkingGivesTheSameScans(t *testing.T) {
	list := configs()
	rapid.Check(t, func(t *rapid.T) {
		cfg, _ := rapid.SampledFrom(list).Draw(t, "config").compile()
		alphabet := rapid.SampledFrom([]byte("0123456789]QE[#\r\n\t\x02\x03\x00\x1d\xe4\xb9\x8c"))
		stream := rapid.SliceOfN(alphabet, 0, 200).Draw(t, "stream")
		whole := all(&framer{cfg: cfg}, stream)
		var chunks [][]byte
		for rest := stream; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "chunk")
			chunks, rest = append(chunks, rest[:n]), rest[n:]
		}
		if got := all(&framer{cfg: cfg}, chunks...); !slices.Equal(got, whole) {
			t.Fatalf("%q in one go gives %q, in %d chunks %q", stream, whole, len(chunks), got)
		}
	})
}

// Whatever codes a scanner sends in its configured framing come out, all of
// them, unchanged, also after noise that ends in silence.
func TestEveryCodeComesOut(t *testing.T) {
	list := configs()
	rapid.Check(t, func(t *rapid.T) {
		config := rapid.SampledFrom(list).Draw(t, "config")
		cfg, _ := config.compile()
		f := framer{cfg: cfg}
		f.feed(time.Time{}, rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "noise"))
		f.gap(time.Time{})
		codes := rapid.SliceOf(rapid.StringMatching(`[0-9A-Za-z:/._-]{1,60}`)).Draw(t, "codes")
		var want []string
		var stream []byte
		for _, c := range codes {
			aim := ""
			if cfg.aim {
				aim = "]Q1"
			}
			stream = append(stream, string(cfg.prefix)+aim+c+string(cfg.suffix)...)
			want = append(want, aim+"|"+c)
		}
		if got := all(&f, stream); !slices.Equal(got, want) {
			t.Fatalf("%+v: got %q, want %q", config, got, want)
		}
	})
}

func FuzzFramer(f *testing.F) {
	f.Add(uint8(0), []byte("6901234567892\r\n]Q1x\r"), uint8(3))
	f.Add(uint8(2), []byte("\x02690\x02691\r\x00\x00"), uint8(1))
	f.Add(uint8(5), bytes.Repeat([]byte{0}, 4000), uint8(200))
	f.Add(uint8(9), []byte("\xce\xda\xc1\xfa\xb2\xe8\t"), uint8(2))
	list := append(configs(), Config{Suffix: "none", Encoding: "latin1", MaxPerSecond: 1})
	f.Fuzz(func(t *testing.T, which uint8, stream []byte, size uint8) {
		cfg := compiled(t, list[int(which)%len(list)])
		fr := framer{cfg: cfg}
		check := func(c code) {
			if len(c.data) == 0 || len(c.data) > scanner.MaxData || !utf8.Valid(c.data) || bytes.IndexByte(c.data, 0) >= 0 {
				t.Fatalf("emitted %q", c.data)
			}
			if c.aim != "" && (!cfg.aim || len(c.aim) != 3 || c.aim[0] != ']') {
				t.Fatalf("AIM identifier %q", c.aim)
			}
		}
		for chunk := range slices.Chunk(stream, int(size)+1) {
			for _, c := range fr.feed(time.Time{}, chunk) {
				check(c)
			}
			if cap(fr.buf) > 4*maxFrame {
				t.Fatalf("holds %d bytes", cap(fr.buf))
			}
			if size%5 == 0 {
				if c, ok := fr.gap(time.Time{}); ok {
					check(c)
				}
			}
		}
	})
}

func BenchmarkBytesToScan(b *testing.B) {
	cfg := compiled(b, Defaults)
	for _, n := range []int{13, 300, 2900} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			frame := append(bytes.Repeat([]byte("6"), n), '\r')
			f := framer{cfg: cfg}
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				if len(f.feed(later, frame)) != 1 {
					b.Fatal("no scan")
				}
			}
		})
	}
}
