package hidpos

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	"pgregory.net/rapid"

	"tilld/device"
	"tilld/scanner"
	"tilld/scanner/internal/reading"
	"tilld/scanner/torn"
)

// reports writes a code as a scanner does: 56 bytes at a time.
func reports(aim, code string, late bool) []byte {
	var out []byte
	for more := true; more; {
		n := min(56, len(code))
		r := make([]byte, 64)
		r[0], r[1] = 2, byte(n)
		at := 2
		if late {
			at = 3
		}
		copy(r[at:], aim)
		copy(r[at+3:], code[:n])
		code = code[n:]
		if more = len(code) > 0; more {
			r[63] = 1
		}
		out = append(out, r...)
	}
	return out
}

func texts(list []reading.Code) []string {
	var out []string
	for _, c := range list {
		out = append(out, c.AIM+"|"+string(c.Data))
	}
	return out
}

func decoderOf(l layout) *decoder { return &decoder{at: l, encoding: "gb18030", stream: true} }

func TestReports(t *testing.T) {
	gb, err := simplifiedchinese.GB18030.NewEncoder().String("乌龙茶")
	if err != nil {
		t.Fatal(err)
	}
	recorded := make([]byte, 64)
	copy(recorded, "\x02\x09]X0um: N/A\r\n")
	recorded[61] = 0x3f
	edit := func(r []byte, at int, v byte) []byte { r[at] = v; return r }
	long := strings.Repeat("0123456789", 30)
	for _, tt := range []struct {
		name   string
		stream []byte
		want   []string
	}{
		{"recorded from a Honeywell", recorded, []string{"]X0|um: N/A"}},
		{"one report", reports("]E0", "6901234567892", false), []string{"]E0|6901234567892"}},
		{"AIM identifier one byte later", reports("]E0", "6901234567892", true), []string{"]E0|6901234567892"}},
		{"no AIM identifier", reports("", "6901234567892", false), []string{"|6901234567892"}},
		{"several reports", reports("]Q1", long, false), []string{"]Q1|" + long}},
		{"several reports, later AIM identifier", reports("]Q1", long, true), []string{"]Q1|" + long}},
		{"exactly one report full", reports("]Q1", long[:56], false), []string{"]Q1|" + long[:56]}},
		{"a ] at the beginning of the data", reports("]Q1", "]E0", false), []string{"]Q1|]E0"}},
		{"GS stays", reports("]d2", "0109521234543213\x1d10AB", false), []string{"]d2|0109521234543213\x1d10AB"}},
		{"GB18030", reports("]Q1", gb, false), []string{"]Q1|乌龙茶"}},
		{"a suffix goes", reports("]E0", "6901\r\n", false), []string{"]E0|6901"}},
		{"nothing in it", reports("]E0", "", false), nil},
		{"NUL in it", reports("]E0", "69\x0001", false), nil},
		{"another report", append(edit(reports("]E0", "1", false), 0, 9), reports("]E0", "2", false)...), []string{"]E0|2"}},
		{"impossible number", append(edit(reports("]E0", "1", false), 1, 57), reports("]E0", "2", false)...), []string{"]E0|2"}},
		{"a number that reaches beyond the data", append(edit(edit(reports("]E0", strings.Repeat("1", 56), false), 1, 57), 61, 'x'), reports("]E0", "2", false)...), []string{"]E0|2"}},
		{"impossible number in the middle", append(edit(reports("]Q1", long, false), 64+1, 200), reports("]E0", "2", false)...), []string{"]E0|2"}},
		{"the last report is lost", append(reports("]Q1", long, false)[:64], reports("]E0", "2", false)...), nil},
		{"an open end", reports("]Q1", long, false)[:128], nil},
		{"too long", append(reports("]Q1", strings.Repeat("1", scanner.MaxData+3), false), reports("]E0", "2", false)...), []string{"]E0|2"}},
		{"as long as can be", reports("]Q1", strings.Repeat("1", scanner.MaxData), false), []string{"]Q1|" + strings.Repeat("1", scanner.MaxData)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := decoderOf(captured)
			if got := texts(d.Feed(later, tt.stream)); !slices.Equal(got, tt.want) {
				t.Errorf("got %.200q, want %.200q", got, tt.want)
			}
			if tt.want != nil && d.Pending() {
				t.Error("something is left")
			}
		})
	}
}

func TestSilenceDropsHalfACode(t *testing.T) {
	d := decoderOf(captured)
	d.Feed(later, reports("]Q1", strings.Repeat("1", 100), false)[:100])
	if !d.Pending() {
		t.Error("half a code is not pending")
	}
	d.Silence(time.Time{})
	if got := texts(d.Feed(later, reports("]Q1", "2", false))); d.Pending() || !slices.Equal(got, []string{"]Q1|2"}) {
		t.Errorf("got %q, pending %v", got, d.Pending())
	}
}

// A real node hands over one report at a time, whatever its length.
func TestWholeReports(t *testing.T) {
	d := &decoder{at: layout{id: 0, count: 3, aim: 0, data: 4, room: 20, more: 30, moreMask: 4}, encoding: "latin1"}
	r := make([]byte, 33)
	copy(r, "]Q1\x05hello")
	r[30] = 4
	if got := d.Feed(later, r); len(got) != 0 {
		t.Errorf("got %q", texts(got))
	}
	r[30] = 3
	if got := texts(d.Feed(later, r)); !slices.Equal(got, []string{"]Q1|hellohello"}) {
		t.Errorf("got %q", got)
	}
	for n := range r { // cut short by a bad hub
		d.Feed(later, r[:n])
		d.Silence(time.Time{})
	}
}

func TestAnyChunkingGivesTheSameScans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		for range rapid.IntRange(0, 6).Draw(t, "codes") {
			aim := rapid.SampledFrom([]string{"]Q1", "]E0", ""}).Draw(t, "aim")
			code := rapid.StringMatching(`[0-9A-Za-z\x1d\x00乌]{0,200}`).Draw(t, "code")
			b := reports(aim, code, rapid.Bool().Draw(t, "late"))
			if rapid.IntRange(0, 3).Draw(t, "damage") == 0 {
				b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] ^= rapid.Byte().Draw(t, "xor")
			}
			stream = append(stream, b...)
		}
		want := texts(decoderOf(captured).Feed(later, stream))
		d := decoderOf(captured)
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

func TestEveryCodeComesOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := decoderOf(captured)
		d.Feed(later, rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "noise"))
		d.Silence(time.Time{})
		var stream []byte
		var want []string
		for _, c := range rapid.SliceOf(rapid.StringMatching(`[0-9A-Za-z:/. 乌-]{1,150}`)).Draw(t, "codes") {
			stream = append(stream, reports("]Q1", c, false)...)
			want = append(want, "]Q1|"+c)
		}
		if got := texts(d.Feed(later, stream)); !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

func FuzzDecoder(f *testing.F) {
	f.Add(reports("]Q1", strings.Repeat("乌龙茶", 40), false), uint8(63), true, uint8(2), uint8(5), uint8(56))
	f.Add(reports("]E0", "6901234567892", true), uint8(63), false, uint8(2), uint8(5), uint8(56))
	f.Add(bytes.Repeat([]byte{2, 255}, 200), uint8(9), false, uint8(0), uint8(250), uint8(255))
	f.Fuzz(func(t *testing.T, stream []byte, size uint8, whole bool, aim, data, room uint8) {
		d := decoderOf(captured)
		d.stream = whole
		if !whole {
			d.at = layout{id: 2, count: 1, aim: int(aim), data: int(data), room: int(room), more: 63, moreMask: 1}
		}
		for chunk := range slices.Chunk(stream, int(size)+1) {
			for _, c := range d.Feed(later, chunk) {
				if len(c.Data) == 0 || len(c.Data) > scanner.MaxData || !utf8.Valid(c.Data) || bytes.IndexByte(c.Data, 0) >= 0 {
					t.Fatalf("emitted %q", c.Data)
				}
				if c.AIM != "" && (len(c.AIM) != 3 || c.AIM[0] != ']') {
					t.Fatalf("AIM identifier %q", c.AIM)
				}
			}
			if cap(d.buf) > 4*scanner.MaxData || cap(d.part) > 4*capturedSize {
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

func BenchmarkReportsToScan(b *testing.B) {
	for _, n := range []int{13, 300, 2900} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			stream := reports("]Q1", strings.Repeat("6", n), false)
			d := decoderOf(captured)
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

// The agent is killed between two reports of a code: the next one is no code.
func TestRestAfterAKill(t *testing.T) {
	at, dir := time.Now(), t.TempDir()
	life := func(stream []byte) []string {
		m := torn.New(torn.Options{Dir: dir})
		defer m.Close()
		d := decoderOf(captured)
		d.tear = m.Take(device.Spec{Name: "scanner-1"})
		defer d.Hold(at)
		return texts(d.Feed(at, stream))
	}
	code := reports("]Q1", "https://shop.example/"+strings.Repeat("0123456789", 10), false)
	if got := life(code[:64]); got != nil {
		t.Fatalf("half a code gives %q", got)
	}
	if got := life(code[64:]); got != nil {
		t.Errorf("its rest gives %q", got)
	}
	if got := life(reports("]Q1", "2", false)); !slices.Equal(got, []string{"]Q1|2"}) {
		t.Errorf("the next code: %q", got)
	}
}
