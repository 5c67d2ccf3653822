package wedge

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"tilld/device"
	"tilld/scanner"
	"tilld/scanner/internal/reading"
	"tilld/scanner/torn"
)

func with(t testing.TB, change func(*Config)) settings {
	t.Helper()
	c := Defaults
	if change != nil {
		change(&c)
	}
	s, err := c.compile()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func texts(list []reading.Code) []string {
	var out []string
	for _, c := range list {
		out = append(out, c.AIM+"|"+string(c.Data))
	}
	return out
}

func TestKeys(t *testing.T) {
	tab := func(c *Config) { c.Suffix = "tab" }
	aim := func(c *Config) { c.AIM = true }
	unicode := func(c *Config) { c.ALT = "unicode" }
	for _, tt := range []struct {
		name   string
		change func(*Config)
		typed  func(k *keyboard)
		want   []string
	}{
		{"digits", nil, func(k *keyboard) { k.typeText("6901234567892"); k.press(28) }, []string{"|6901234567892"}},
		{"every character", nil, func(k *keyboard) {
			k.typeText(` !"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_` + "`abcdefghijklmnopqrstuvwxyz{|}~")
			k.press(28)
		}, []string{`| !"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_` + "`abcdefghijklmnopqrstuvwxyz{|}~"}},
		{"shift held over several", nil, func(k *keyboard) {
			k.down(54)
			k.press(30)
			k.press(48)
			k.up(54)
			k.press(46)
			k.press(28)
		}, []string{"|ABc"}},
		{"both shifts", nil, func(k *keyboard) {
			k.down(42)
			k.down(54)
			k.up(42)
			k.press(30)
			k.up(54)
			k.press(30)
			k.press(28)
		}, []string{"|Aa"}},
		{"caps lock", nil, func(k *keyboard) {
			k.press(58)
			k.press(30)
			k.with(42, 30)
			k.press(2)
			k.press(58)
			k.press(30)
			k.press(28)
		}, []string{"|Aa1a"}},
		{"a key that repeats counts once", nil, func(k *keyboard) { k.down(2); k.event(2, 2); k.event(2, 2); k.up(2); k.press(28) }, []string{"|1"}},
		{"keypad", nil, func(k *keyboard) {
			for _, c := range []uint16{69, 71, 72, 73, 75, 76, 77, 79, 80, 81, 82, 83, 78, 74, 55, 98} {
				k.press(c)
			}
			k.press(96)
		}, []string{"|7894561230.+-*/"}},
		{"GS as Ctrl ]", aim, func(k *keyboard) {
			k.typeText("]C10109521234543213")
			k.with(29, 27)
			k.typeText("10AB")
			k.press(28)
		}, []string{"]C1|0109521234543213\x1d10AB"}},
		{"GS as Alt 029 and as Alt 29", nil, func(k *keyboard) { k.typeText("1"); k.altCode("029"); k.altCode("29"); k.typeText("2"); k.press(28) }, []string{"|1\x1d\x1d2"}},
		{"CR as Ctrl M, LF as Ctrl J", nil, func(k *keyboard) {
			k.typeText("690")
			k.with(97, 50)
			k.with(29, 36)
			k.typeText("1")
			k.altCode("013")
		}, []string{"|690", "|1"}},
		{"tab ends", tab, func(k *keyboard) { k.typeText("690"); k.press(15); k.typeText("1"); k.press(28); k.press(15) }, []string{"|690", "|1\r"}},
		{"tab in the code", nil, func(k *keyboard) { k.typeText("1"); k.press(15); k.typeText("2"); k.press(28) }, []string{"|1\t2"}},
		{"any", func(c *Config) { c.Suffix = "any" }, func(k *keyboard) { k.typeText("1"); k.press(15); k.press(28); k.typeText("2"); k.press(28) }, []string{"|1", "|2"}},
		{"aim off", nil, func(k *keyboard) { k.typeText("]Q1x"); k.press(28) }, []string{"|]Q1x"}},
		{"aim alone is no code", aim, func(k *keyboard) { k.typeText("]Q1"); k.press(28); k.typeText("1"); k.press(28) }, []string{"|1"}},
		{"GBK in bytes", nil, func(k *keyboard) { k.typeText("\xce\xda\xc1\xfa\xb2\xe8"); k.press(28) }, []string{"|乌龙茶"}},
		{"GBK in pairs", nil, func(k *keyboard) { k.altCode("52954"); k.altCode("49658"); k.altCode("45800"); k.press(28) }, []string{"|乌龙茶"}},
		{"UTF-8 in bytes", nil, func(k *keyboard) { k.typeText("乌龙茶"); k.press(28) }, []string{"|乌龙茶"}},
		{"Unicode", unicode, func(k *keyboard) {
			k.altCode("20044")
			k.altCode("40857")
			k.altCode("33590")
			k.altCode("233")
			k.altCode("128512")
			k.press(28)
		}, []string{"|乌龙茶é😀"}},
		{"surrogates", unicode, func(k *keyboard) { k.altCode("55357"); k.altCode("56832"); k.press(28) }, []string{"|😀"}},
		{"half a surrogate", unicode, func(k *keyboard) { k.altCode("55357"); k.typeText("1"); k.press(28); k.typeText("2"); k.press(28) }, []string{"|2"}},
		{"half a surrogate at the end", unicode, func(k *keyboard) { k.typeText("1"); k.altCode("55357"); k.press(28); k.typeText("2"); k.press(28) }, []string{"|2"}},
		{"halves torn apart", unicode, func(k *keyboard) {
			k.altCode("55357")
			k.typeText("1")
			k.altCode("56832")
			k.press(28)
			k.typeText("2")
			k.press(28)
		}, []string{"|2"}},
		{"a modifier that repeats stays down", nil, func(k *keyboard) { k.down(42); k.event(42, 2); k.press(30); k.up(42); k.press(28) }, []string{"|A"}},
		{"second half alone", unicode, func(k *keyboard) { k.altCode("56832"); k.press(28); k.typeText("2"); k.press(28) }, []string{"|2"}},
		{"beyond Unicode", unicode, func(k *keyboard) { k.altCode("1114112"); k.press(28); k.typeText("2"); k.press(28) }, []string{"|2"}},
		{"too large an ALT code", nil, func(k *keyboard) { k.typeText("1"); k.altCode("65536"); k.press(28); k.typeText("2"); k.press(28) }, []string{"|2"}},
		{"endless ALT code", nil, func(k *keyboard) { k.altCode(strings.Repeat("0", 50)); k.press(28); k.typeText("2"); k.press(28) }, []string{"|2"}},
		{"ALT with a letter", nil, func(k *keyboard) { k.typeText("1"); k.with(56, 33); k.press(28); k.typeText("2"); k.press(28) }, []string{"|2"}},
		{"ALT alone is nothing", nil, func(k *keyboard) { k.typeText("1"); k.press(56); k.typeText("2"); k.press(28) }, []string{"|12"}},
		{"a key that means nothing spoils the code", nil, func(k *keyboard) {
			k.typeText("69")
			k.press(59)
			k.typeText("0")
			k.press(28)
			k.typeText("691")
			k.press(28)
		}, []string{"|691"}},
		{"a key beyond the table", nil, func(k *keyboard) { k.press(240); k.typeText("1"); k.press(28); k.typeText("2"); k.press(28) }, []string{"|2"}},
		{"empty codes are nothing", nil, func(k *keyboard) { k.press(28); k.press(28); k.typeText("1"); k.press(28) }, []string{"|1"}},
		{"torn", nil, func(k *keyboard) { k.typeText("690"); k.pause(301 * time.Millisecond); k.typeText("1"); k.press(28) }, nil},
		{"torn, then a whole code", nil, func(k *keyboard) {
			k.typeText("690")
			k.pause(301 * time.Millisecond)
			k.typeText("96385074")
			k.press(28)
		}, []string{"|96385074"}},
		{"slow, not torn", nil, func(k *keyboard) { k.typeText("690"); k.pause(299 * time.Millisecond); k.typeText("1"); k.press(28) }, []string{"|6901"}},
		{"torn before its end", nil, func(k *keyboard) { k.typeText("690"); k.pause(time.Hour); k.press(28); k.typeText("1"); k.press(28) }, []string{"|1"}},
		{"torn in an ALT code", nil, func(k *keyboard) {
			k.down(56)
			k.press(80)
			k.pause(time.Second)
			k.up(56)
			k.typeText("1")
			k.press(28)
		}, []string{"|1"}},
		{"the clock is set back", nil, func(k *keyboard) { k.typeText("690"); k.now -= time.Second; k.typeText("1"); k.press(28) }, nil},
		{"an open end", nil, func(k *keyboard) { k.typeText("690") }, nil},
		{"events were lost", nil, func(k *keyboard) {
			k.typeText("69")
			k.down(42)
			k.raw(0, 3, 0)
			k.raw(1, 3, 1)
			k.raw(0, 0, 0)
			k.typeText("0")
			k.press(28)
			k.typeText("a")
			k.press(28)
		}, []string{"|a"}},
		{"too long", nil, func(k *keyboard) {
			k.typeText(strings.Repeat("1", scanner.MaxData+1))
			k.press(28)
			k.typeText("2")
			k.press(28)
		}, []string{"|2"}},
		{"as long as can be", aim, func(k *keyboard) { k.typeText("]Q1" + strings.Repeat("1", scanner.MaxData)); k.press(28) }, []string{"]Q1|" + strings.Repeat("1", scanner.MaxData)}},
		{"a mouse", nil, func(k *keyboard) {
			k.raw(2, 0, 5)
			k.raw(2, 1, 0xffffffff)
			k.raw(0, 0, 0)
			k.typeText("1")
			k.press(28)
		}, []string{"|1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := keyboard{now: time.Hour, step: time.Millisecond}
			tt.typed(&k)
			d := decoder{cfg: with(t, tt.change)}
			if got := texts(d.Feed(later, k.take())); !slices.Equal(got, tt.want) {
				t.Errorf("got %.200q, want %.200q", got, tt.want)
			}
		})
	}
}

// The kernel hands over whole events, a bridge or a simulator anything.
func TestAnyChunkingGivesTheSameScans(t *testing.T) {
	configs := []settings{with(t, nil), with(t, func(c *Config) { c.Suffix = "any"; c.AIM = true; c.ALT = "unicode" })}
	rapid.Check(t, func(t *rapid.T) {
		cfg := rapid.SampledFrom(configs).Draw(t, "config")
		k := keyboard{now: time.Hour}
		for range rapid.IntRange(0, 80).Draw(t, "keys") {
			k.step = time.Duration(rapid.SampledFrom([]int{0, 1, 8, 100, 400}).Draw(t, "ms")) * time.Millisecond
			code := rapid.SampledFrom([]uint16{2, 3, 11, 16, 27, 28, 28, 28, 29, 42, 54, 56, 58, 59, 71, 80, 15, 96, 300}).Draw(t, "code")
			k.event(code, uint32(rapid.IntRange(0, 2).Draw(t, "value")))
			if rapid.IntRange(0, 30).Draw(t, "lost") == 0 {
				k.raw(0, 3, 0)
			}
		}
		stream := k.take()
		stream = stream[:len(stream)-rapid.IntRange(0, min(len(stream), eventSize)).Draw(t, "cut")]
		whole := decoder{cfg: cfg}
		want := texts(whole.Feed(later, stream))
		d := decoder{cfg: cfg}
		var got []string
		for rest := stream; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "chunk")
			got = append(got, texts(d.Feed(later, rest[:n]))...)
			rest = rest[n:]
		}
		if !slices.Equal(got, want) {
			t.Fatalf("in one go %q, in chunks %q", want, got)
		}
	})
}

// Whatever a scanner types comes out, all of it and unchanged, also after
// events that make no sense.
func TestEveryCodeComesOut(t *testing.T) {
	cfg := with(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		d := decoder{cfg: cfg}
		noise := rapid.SliceOfN(rapid.Byte(), 0, 20*eventSize).Draw(t, "noise")
		d.Feed(later, noise[:len(noise)/eventSize*eventSize])
		k := keyboard{now: 1000 * time.Hour, step: time.Millisecond}
		for _, modifier := range []uint16{29, 97, 42, 54, 56, 100} {
			k.up(modifier)
		}
		k.press(28)
		d.Feed(later, k.take())
		d.caps = false
		codes := rapid.SliceOf(rapid.StringMatching(`[ -~]{1,40}(\x1d[ -~é乌]{1,9})?`)).Draw(t, "codes")
		var want []string
		for _, c := range codes {
			k.typeText(c)
			k.press(28)
			want = append(want, "|"+c)
		}
		if got := texts(d.Feed(later, k.take())); !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

// The agent is killed between two keys of a code: what is typed on is no code.
func TestRestAfterAKill(t *testing.T) {
	for half, want := range map[string][]string{"690123": nil, "\x00": nil, "": {"|4567892"}} {
		dir := t.TempDir()
		k := keyboard{now: time.Duration(time.Now().UnixNano()), step: time.Millisecond}
		life := func() []string {
			m := torn.New(torn.Options{Dir: dir})
			defer m.Close()
			d := decoder{cfg: with(t, nil), tear: m.Take(device.Spec{Name: "scanner-1"})}
			defer d.Hold(later)
			return texts(d.Feed(later, k.take()))
		}
		if half == "\x00" {
			k.press(300) // a key that is no character
		} else {
			k.typeText(half)
		}
		life()
		for i, want := range [][]string{want, {"|4567892"}} {
			k.typeText("4567892")
			k.press(28)
			if got := life(); !slices.Equal(got, want) {
				t.Errorf("killed after %q, then %d: got %q, want %q", half, i, got, want)
			}
		}
	}
}

func FuzzDecoder(f *testing.F) {
	k := keyboard{now: time.Hour, step: time.Millisecond}
	k.typeText("]Q1https://t.cn/x\x1d乌")
	k.press(28)
	f.Add(k.take(), uint8(3), uint8(0))
	k.altCode("55357")
	k.altCode("99999999")
	k.raw(0, 3, 0)
	f.Add(k.take(), uint8(24), uint8(3))
	f.Add(bytes.Repeat([]byte{1, 0}, 500), uint8(100), uint8(7))
	f.Fuzz(func(t *testing.T, stream []byte, size, options uint8) {
		d := decoder{cfg: with(t, func(c *Config) {
			c.AIM, c.Suffix = options&1 != 0, []string{"enter", "tab", "any"}[int(options>>1)%3]
			if options&8 != 0 {
				c.ALT, c.Encoding = "unicode", "latin1"
			}
		})}
		for chunk := range slices.Chunk(stream, int(size)+1) {
			for _, c := range d.Feed(later, chunk) {
				if len(c.Data) == 0 || len(c.Data) > scanner.MaxData || !utf8.Valid(c.Data) || bytes.IndexByte(c.Data, 0) >= 0 {
					t.Fatalf("emitted %q", c.Data)
				}
			}
			if cap(d.buf) > 4*scanner.MaxData || cap(d.part) > 4*eventSize {
				t.Fatalf("holds %d and %d bytes", cap(d.buf), cap(d.part))
			}
			if size%5 == 0 {
				d.Silence(time.Time{})
				if d.Pending() {
					t.Fatal("pending after silence")
				}
			}
		}
	})
}

func BenchmarkEventsToScan(b *testing.B) {
	for _, n := range []int{13, 300, 2900} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			k := keyboard{now: time.Hour}
			k.typeText(strings.Repeat("6", n))
			k.press(28)
			stream := k.take()
			d := decoder{cfg: with(b, nil)}
			b.SetBytes(int64(len(stream)))
			b.ReportAllocs()
			for b.Loop() {
				if len(d.Feed(later, stream)) != 1 {
					b.Fatal("no scan")
				}
			}
		})
	}
}

// later is long after any torn code.
var later = time.Time{}.Add(torn.For)
