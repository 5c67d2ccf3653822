package ssi

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

func texts(list []reading.Code) []string {
	var out []string
	for _, c := range list {
		out = append(out, c.AIM+"|"+string(c.Data))
	}
	return out
}

const (
	ack = "\x04\xd0\x04\x00\xff\x28"
	nak = "\x05\xd1\x04\x00\x01\xff\x25"
)

func TestPackets(t *testing.T) {
	sim := new(simulator)
	p := func(status byte, data string) string { return string(sim.packet(status, data)) }
	long := strings.Repeat("0123456789", 100)
	silence := "\xff\xff SILENCE" // marks a pause in the streams below
	for _, tt := range []struct {
		name   string
		change func(*Config)
		stream string
		want   []string
		reply  string
	}{
		{"EAN-13", nil, p(0, "\x0b6901234567892"), []string{"]E0|6901234567892"}, ack},
		{"QR", nil, p(0, "\x1chttps://t.cn/x"), []string{"]Q1|https://t.cn/x"}, ack},
		{"GS1-128", nil, p(0, "\x0f0109521234543213\x1d10AB"), []string{"]C1|0109521234543213\x1d10AB"}, ack},
		{"type without identifier", nil, p(0, "\x1ex"), []string{"|x"}, ack},
		{"ISBN of 13", nil, p(0, "\x169787302511625"), []string{"]E0|9787302511625"}, ack},
		{"ISBN of 10", nil, p(0, "\x167302511624"), []string{"]X0|7302511624"}, ack},
		{"identifier sent", func(c *Config) { c.AIM = true }, p(0, "\x1c]Q3x"), []string{"]Q3|x"}, ack},
		{"suffix", nil, p(0, "\x0b690\r\n"), []string{"]E0|690"}, ack},
		{"two", nil, p(0, "\x0b1") + p(0, "\x0b1"), []string{"]E0|1", "]E0|1"}, ack + ack},
		{"woken up", nil, "\x00\x00" + p(0, "\x0b1"), []string{"]E0|1"}, ack},
		{"several packets", nil, p(2, "\x1c"+long[:200]) + p(2, long[200:400]) + p(0, long[400:500]), []string{"]Q1|" + long[:500]}, ack + ack + ack},
		{"several packets, each with the type", nil, p(2, "\x1c"+long[:200]) + p(0, "\x1c"+long[200:400]), []string{"]Q1|" + long[:400]}, ack + ack},
		{"type by option", func(c *Config) { c.Continuation = "type" }, p(2, "\xc2ab") + p(0, "\xc2cd"), []string{"]Q3|abcd"}, ack + ack},
		{"another type than the option says", func(c *Config) { c.Continuation = "type" }, p(2, "\xc2ab") + p(0, "cd") + p(0, "\x0b1"), []string{"]E0|1"}, ack + ack + ack},
		{"data by option", func(c *Config) { c.Continuation = "data" }, p(2, "\x1cab") + p(0, "\x1ccd"), []string{"]Q1|ab\x1ccd"}, ack + ack},
		{"sent again because our answer was lost", nil, p(0, "\x0b1") + p(1, "\x0b1") + p(0, "\x0b2"), []string{"]E0|1", "]E0|2"}, ack + ack + ack},
		{"sent again in the middle", nil, p(2, "\x1cab") + p(3, "\x1cab") + p(0, "cd"), []string{"]Q1|abcd"}, ack + ack + ack},
		{"sent again because it was damaged", nil, p(0, "\x0b1")[:4] + silence + p(1, "\x0b1"), []string{"]E0|1"}, nak + ack},
		{"the same article again, damaged at first", nil, p(0, "\x0b1") + p(0, "\x0b1")[:4] + silence + p(1, "\x0b1"), []string{"]E0|1", "]E0|1"}, ack + nak + ack},
		{"wrong checksum", nil, p(0, "\x0b1")[:6] + "\x00" + p(0, "\x0b2") + silence + p(0, "\x0b2"), []string{"]E0|2"}, nak + ack},
		{"too short", nil, "\x03\xf3\x00" + silence + p(0, "\x0b2"), []string{"]E0|2"}, nak + ack},
		{"a packet inside of damage is not believed", nil, "\x01" + p(0, "\x0b1") + silence, nil, nak},
		{"the rest never comes", nil, p(2, "\x1cab") + strings.Repeat(silence, 11) + p(0, "\x0b2"), []string{"]E0|2"}, ack + ack},
		{"the rest comes late", nil, p(2, "\x1cab") + strings.Repeat(silence, 9) + p(0, "cd"), []string{"]Q1|abcd"}, ack + ack},
		{"an answer to a beep", nil, "\x04\xd0\x00\x00\xff\x2c" + p(0, "\x0b2"), []string{"]E0|2"}, ack},
		{"our own echo", nil, ack + p(0, "\x0b2"), []string{"]E0|2"}, ack},
		{"an event", nil, "\x05\xf6\x00\x00\x01\xff\x04" + p(0, "\x0b2"), []string{"]E0|2"}, ack + ack},
		{"no data", nil, "\x04\xf3\x00\x00\xff\x09" + p(0, "\x0b2"), []string{"]E0|2"}, ack + ack},
		{"no code", nil, p(0, "\x0b") + p(0, "\x0b2"), []string{"]E0|2"}, ack + ack},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := Defaults
			if tt.change != nil {
				tt.change(&cfg)
			}
			var reply string
			var got []string
			d := newDecoder(cfg, func(b []byte) { reply += string(b) })
			for i, part := range strings.Split(tt.stream, silence) {
				if i > 0 {
					d.Silence(time.Time{})
				}
				got = append(got, texts(d.Feed(later, []byte(part)))...)
			}
			if !slices.Equal(got, tt.want) || reply != tt.reply {
				t.Errorf("got %.200q, answered %x\nwant %.200q, %x", got, reply, tt.want, tt.reply)
			}
		})
	}
}

func TestTheLongestCode(t *testing.T) {
	for _, n := range []int{scanner.MaxData, scanner.MaxData + 1} {
		d := newDecoder(Defaults, func([]byte) {})
		sim := new(simulator)
		var got []string
		data := "\x1c" + strings.Repeat("1", n)
		for len(data) > 0 {
			k := min(250, len(data))
			status := byte(2)
			if k == len(data) {
				status = 0
			}
			got = append(got, texts(d.Feed(later, sim.packet(status, data[:k])))...)
			data = data[k:]
		}
		if (len(got) == 1) != (n <= scanner.MaxData) || d.Pending() {
			t.Errorf("%d bytes: %d codes", n, len(got))
		}
	}
}

func TestAnyChunkingGivesTheSameScans(t *testing.T) {
	sim := new(simulator)
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		for range rapid.IntRange(0, 8).Draw(t, "packets") {
			data := rapid.SampledFrom([]string{"\x1c", "\x0b", ""}).Draw(t, "type") + rapid.StringMatching(`[0-9a-z\x1c]{0,40}`).Draw(t, "data")
			b := sim.packet(byte(rapid.IntRange(0, 3).Draw(t, "status")), data)
			if rapid.IntRange(0, 5).Draw(t, "damage") == 0 {
				b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] ^= rapid.Byte().Draw(t, "xor")
			}
			stream = append(stream, b...)
		}
		var wantReply, reply string
		want := texts(newDecoder(Defaults, func(b []byte) { wantReply += string(b) }).Feed(later, stream))
		d := newDecoder(Defaults, func(b []byte) { reply += string(b) })
		var got []string
		for rest := stream; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "chunk")
			got = append(got, texts(d.Feed(later, rest[:n]))...)
			rest = rest[n:]
		}
		if !slices.Equal(got, want) || reply != wantReply {
			t.Fatalf("in one go %q %x, in chunks %q %x", want, wantReply, got, reply)
		}
	})
}

func FuzzDecoder(f *testing.F) {
	sim := new(simulator)
	f.Add(append(sim.packet(2, "\x1chttps://t.cn/"), sim.packet(0, "\x1c乌龙茶")...), uint8(9), uint8(0))
	f.Add(append(sim.packet(3, "\x0b690"), sim.packet(3, "\x0b690")...), uint8(4), uint8(3))
	f.Add(bytes.Repeat([]byte{255}, 600), uint8(200), uint8(5))
	f.Fuzz(func(t *testing.T, stream []byte, size, options uint8) {
		cfg := Defaults
		cfg.AIM, cfg.Continuation = options&1 != 0, []string{"auto", "type", "data"}[int(options>>1)%3]
		replies := 0
		d := newDecoder(cfg, func(b []byte) {
			if replies++; string(b) != ack && string(b) != nak {
				t.Fatalf("answered %x", b)
			}
		})
		for chunk := range slices.Chunk(stream, int(size)+1) {
			for _, c := range d.Feed(later, chunk) {
				if len(c.Data) == 0 || len(c.Data) > scanner.MaxData || !utf8.Valid(c.Data) || bytes.IndexByte(c.Data, 0) >= 0 {
					t.Fatalf("emitted %q", c.Data)
				}
			}
			if cap(d.buf) > 1024 || cap(d.code) > 4*scanner.MaxData {
				t.Fatalf("holds %d and %d bytes", cap(d.buf), cap(d.code))
			}
			if size%5 == 0 {
				d.Silence(time.Time{})
			}
		}
		if replies > len(stream) {
			t.Fatalf("%d answers to %d bytes", replies, len(stream))
		}
		for range 12 {
			d.Silence(time.Time{})
		}
		if d.Pending() {
			t.Fatal("pending after a long silence")
		}
	})
}

func BenchmarkPacketsToScan(b *testing.B) {
	for _, n := range []int{13, 240} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			stream := new(simulator).packet(0, "\x1c"+strings.Repeat("6", n))
			d := newDecoder(Defaults, func([]byte) {})
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

// The agent is killed between two packets of a code: the next one is no code.
func TestRestAfterAKill(t *testing.T) {
	at, sim := time.Now(), new(simulator)
	for first, want := range map[string][]string{"\x1cab": nil, "\x1c": nil, "": {"]E0|2"}} {
		dir := t.TempDir()
		life := func(stream []byte) []string {
			m := torn.New(torn.Options{Dir: dir})
			defer m.Close()
			d := newDecoder(Defaults, func([]byte) {})
			d.tear = m.Take(device.Spec{Name: "scanner-1"})
			defer d.Hold(at)
			return texts(d.Feed(at, stream))
		}
		if first != "" {
			life(sim.packet(2, first))
		}
		if got := life(sim.packet(0, "\x0b2")); !slices.Equal(got, want) {
			t.Errorf("killed after %q, then got %q, want %q", first, got, want)
		}
		if got := life(sim.packet(0, "\x0b2")); !slices.Equal(got, []string{"]E0|2"}) {
			t.Errorf("the next code: %q", got)
		}
	}
}
