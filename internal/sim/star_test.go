package sim_test

import (
	"bytes"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"tilld/internal/sim"
)

const (
	endCounter = "\x1b\x1d\x03\x01AB" // print end, count, tell
	askStatus  = "\x1b\x06\x01"
)

func star(t *testing.T, language string) (*sim.Printer, net.Conn) {
	t.Helper()
	p, host := connect(t, sim.Model{Language: language, Font: sim.SystemFonts()})
	if got := readN(t, host, 9); got != "\x23\x06\x00\x00\x00\x00\x00\x00\x00" { // on the network the automatic status is on
		t.Fatalf("hello % x", got)
	}
	return p, host
}

// The bytes are from Star's command specifications.
func TestStarText(t *testing.T) {
	for _, language := range []string{sim.StarPRNT, sim.StarLine} {
		t.Run(language, func(t *testing.T) {
			p, host := star(t, language)
			send(t, host, "\x1b@\x1b\x1da1\x1bi\x01\x01\xb2\xe8\xc6\xcc\n"+ // centred, height and width doubled, GB2312
				"\x1bi00\x1b\x1da0\x1bEOolong\x1bF\x1b\x1dA\xe0\x0112.00\n"+
				"\x1b\x1dt\x04caf\x82 \xd5\n"+ // CP858
				"\x1b-1under\x1b-0 \x1b4black\x1b5\n"+
				"\x1bd3")
			k := ticket(t, p, 0)
			want := []string{"茶铺", "Oolong" + strings.Repeat(" ", 34) + "12.00", "café €", "under black"}
			if !slices.Equal(k.Lines, want) {
				t.Errorf("lines %q\nwant  %q", k.Lines, want)
			}
			if got := kinds(k); !slices.Equal(got, []string{"init", "cut"}) {
				t.Errorf("events %v", k.Events)
			}
		})
	}
}

// Each way to bring dots and codes to the paper is read by others.
func TestStarCodes(t *testing.T) {
	const link = "https://example.cn/r?s=01JZ"
	modules := qrModules(t, link)
	native := "\x1b\x1dyS0\x02\x1b\x1dyS1\x01\x1b\x1dyS2\x06\x1b\x1dyD1\x00" + string([]byte{byte(len(link)), 0}) + link + "\x1b\x1dyP"
	for _, c := range []struct{ language, name, bytes string }{
		{sim.StarPRNT, "native", native},
		{sim.StarLine, "native", native},
		{sim.StarPRNT, "ESC GS S", starS(modules, 6)},
		{sim.StarLine, "ESC k", "\x1b0" + starK(modules, 6)},
		{sim.StarLine, "ESC X", "\x1b0" + starX(modules, 6)},
		{sim.StarLine, "raster mode", starRaster(modules, 6)},
	} {
		t.Run(c.language+" "+c.name, func(t *testing.T) {
			p, host := star(t, c.language)
			send(t, host, "\x1b@\x1b\x1da\x01above\n"+c.bytes+"below\n\x1bd\x02")
			k := ticket(t, p, 0)
			if !slices.Equal(k.QR, []string{link}) || !slices.Equal(k.Lines, []string{"above", "below"}) {
				t.Errorf("codes %q, lines %q; events %v", k.QR, k.Lines, k.Events)
			}
			path := picture(t, p, k.ID)
			if got := tool(t, "zbarimg", "--nodbus", "-q", "--raw", path); got != link {
				t.Errorf("zbarimg reads %q", got)
			}
		})
	}
}

func TestStarBarcodes(t *testing.T) {
	p, host := star(t, sim.StarPRNT)
	send(t, host, "\x1bb\x03\x02\x02\x506901234567892\x1e\x1bb6125SALE-42\x1e\n\x1bd3")
	k := ticket(t, p, 0)
	got := tool(t, "zbarimg", "--nodbus", "-q", "--raw", picture(t, p, k.ID))
	if !strings.Contains(got, "6901234567892") || !strings.Contains(got, "SALE-42") || !slices.Equal(k.Lines[:1], []string{"6901234567892"}) {
		t.Errorf("zbarimg reads %q, lines %q, events %v", got, k.Lines, k.Events)
	}
}

func TestStarStatus(t *testing.T) {
	p, host := star(t, sim.StarLine)
	for _, c := range []struct {
		flip func(*sim.Switches)
		want string // bytes 3 to 6
	}{
		{func(s *sim.Switches) { s.CoverOpen = true }, "\x28\x00\x00\x00"},
		{func(s *sim.Switches) { s.CutterError = true }, "\x08\x08\x00\x00"},
		{func(s *sim.Switches) { s.NearEnd = true }, "\x00\x00\x00\x04"},
		{func(s *sim.Switches) { s.PaperOut = true }, "\x08\x00\x00\x0c"},
		{func(s *sim.Switches) { s.DrawerOpen = true }, "\x04\x00\x00\x00"},
		{func(s *sim.Switches) { s.HeadHot = true }, "\x08\x40\x00\x00"},
		{func(s *sim.Switches) { s.Broken = true }, "\x08\x20\x00\x00"},
	} {
		p.Set(c.flip) // said by itself
		if got := readN(t, host, 9); got[2:6] != c.want {
			t.Errorf("% x, want % x", got[2:6], c.want)
		}
		send(t, host, askStatus) // and when asked, also while offline
		if got := readN(t, host, 9); got[2:6] != c.want {
			t.Errorf("asked: % x, want % x", got[2:6], c.want)
		}
		p.Set(func(s *sim.Switches) { *s = sim.Switches{} })
		readN(t, host, 9)
	}
}

// Both counters are told when what is before them is on paper, not earlier; power
// loss clears them.
func TestStarProof(t *testing.T) {
	p, host := star(t, sim.StarPRNT)
	send(t, host, "a\n\x17")
	if got := readN(t, host, 9); got[2] != 0x02 || got[7] != 0x02 {
		t.Errorf("ETB: % x", got)
	}
	send(t, host, "b\n\x17")
	if got := readN(t, host, 9); got[7] != 0x04 {
		t.Errorf("second ETB: % x", got)
	}
	send(t, host, endCounter)
	if got := readN(t, host, 8); got != endCounter+"\x01\x00" {
		t.Errorf("print end: % x", got)
	}
	p.Set(func(s *sim.Switches) { s.PaperOut = true })
	readN(t, host, 9)
	send(t, host, "c\n"+endCounter+"\x17"+askStatus)
	if got := readN(t, host, 9); got[7] != 0x04 || got[2]&0x08 == 0 {
		t.Errorf("without paper: % x", got)
	}
	p.Set(func(s *sim.Switches) { s.PaperOut = false })
	readN(t, host, 9)
	if got := readN(t, host, 17); got[:8] != endCounter+"\x02\x00" || got[15] != 0x06 {
		t.Errorf("with new paper: % x", got)
	}
}

func TestStarPaperRunsOut(t *testing.T) {
	p, host := star(t, sim.StarPRNT)
	p.Set(func(s *sim.Switches) { s.PaperLeft = 100 })
	send(t, host, strings.Repeat("line\n", 10)+"\x17\x1bd3")
	if got := readN(t, host, 9); got[5] != 0x0c || got[7] != 0 {
		t.Errorf("% x", got)
	}
	if list, _ := p.Tickets(0); len(list) != 0 {
		t.Errorf("cut: %v", list)
	}
	p.Set(func(s *sim.Switches) { s.PaperOut = false })
	if k := ticket(t, p, 0); len(k.Lines) != 10 {
		t.Errorf("lines %q", k.Lines)
	}
}

func TestStarDrawer(t *testing.T) {
	p, host := star(t, sim.StarLine)
	send(t, host, "\x1b\x07\x14\x14\x07\x1a"+endCounter)
	readN(t, host, 8)
	if n := p.Stats().Pulses; n != 2 {
		t.Errorf("%d pulses", n)
	}
	p.Tear()
	if k := ticket(t, p, 0); k.Events[0].Text != "pin 2 on 200 ms" || k.Events[1].Text != "pin 5 on 200 ms" {
		t.Errorf("%v", k.Events)
	}
}

func TestStarPowerLoss(t *testing.T) {
	p, host := star(t, sim.StarPRNT)
	send(t, host, "a\n\x17half a pic\x1b\x1dS\x01\x48\x00\x18\x00\x00abc")
	readN(t, host, 9)
	p.Set(func(s *sim.Switches) { s.Off = true })
	if _, err := host.Read(make([]byte, 1)); err == nil {
		t.Error("the connection lives")
	}
	p.Set(func(s *sim.Switches) { s.Off = false })
	if st := p.Stats(); st.Waiting != 0 {
		t.Errorf("%+v", st)
	}
}

// dots tells a QR code's modules at d dots each.
func dots(modules [][]bool, d int) (side int, at func(x, y int) bool) {
	side = len(modules) * d
	return side, func(x, y int) bool { return x < side && y < side && modules[y/d][x/d] }
}

func row(side, y int, at func(x, y int) bool) []byte {
	b := make([]byte, (side+7)/8)
	for x := range side {
		if at(x, y) {
			b[x/8] |= 0x80 >> (x % 8)
		}
	}
	return b
}

func starS(modules [][]bool, d int) string {
	side, at := dots(modules, d)
	w := (side + 7) / 8
	b := []byte("\x1b\x1dS\x01")
	b = append(b, byte(w), 0, byte(side), byte(side>>8), 0)
	for y := range side {
		b = append(b, row(side, y, at)...)
	}
	return string(b)
}

func starK(modules [][]bool, d int) string {
	side, at := dots(modules, d)
	var b bytes.Buffer
	for top := 0; top < side; top += 24 {
		b.WriteString("\x1bk")
		b.Write([]byte{byte((side + 7) / 8), 0})
		for y := range 24 {
			b.Write(row(side, top+y, at))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func starX(modules [][]bool, d int) string {
	side, at := dots(modules, d)
	var b bytes.Buffer
	for top := 0; top < side; top += 24 {
		b.WriteString("\x1bX")
		b.Write([]byte{byte(side), byte(side >> 8)})
		for x := range side {
			for part := range 3 {
				c := byte(0)
				for i := range 8 {
					if at(x, top+8*part+i) {
						c |= 0x80 >> i
					}
				}
				b.WriteByte(c)
			}
		}
		b.WriteString("\n\r")
	}
	return b.String()
}

func starRaster(modules [][]bool, d int) string {
	side, at := dots(modules, d)
	var b bytes.Buffer
	b.WriteString("\x1b*rA\x1b*rP0\x00\x1b*rE1\x00\x1b*rml10\x00")
	for y := range side {
		b.WriteString("b")
		b.Write([]byte{byte((side + 7) / 8), 0})
		b.Write(row(side, y, at))
	}
	b.WriteString("\x1b*rY24\x00\x1b*rB")
	return b.String()
}

// Whatever comes over the line, a Star printer stays alive: zeros end any
// command, CAN and leaving raster mode any state.
func FuzzStar(f *testing.F) {
	f.Add(true, []byte("\x1b@\x1b\x1da\x01text\n\x1b\x1dS\x01\x01\x00\x02\x00\x00\xff\x00\x1bd3"))
	f.Add(false, []byte("\x1bk\x01\x00"+strings.Repeat("\xff", 24)+"\n\x1b*rAb\x01\x00\xff\x1b\x0c\x00\x1b*rB"))
	f.Add(true, []byte("\x1b\x1dyS2\x04\x1b\x1dyD1\x00\x02\x00ab\x1b\x1dyP\x1bb3223123456789012\x1e"))
	f.Add(false, []byte("\x1bX\x02\x00abcdef\x1bl\x05\x1bQ\x02wide\x1bi\x05\x05x\n\x1bD\x01\x00\x09\x1b\x1dR\x00\x80y\x17\x1b\x1d\x03\x01ab"))
	f.Fuzz(func(t *testing.T, prnt bool, data []byte) {
		language := sim.StarLine
		if prnt {
			language = sim.StarPRNT
		}
		p := sim.NewPrinter(sim.Model{Language: language})
		near, far := net.Pipe()
		done := serveFuzz(t, p, far)
		near.SetDeadline(time.Now().Add(60 * time.Second))
		go func() {
			for b := make([]byte, 4096); ; {
				if _, err := near.Read(b); err != nil {
					return
				}
			}
		}()
		for _, b := range [][]byte{data, bytes.Repeat([]byte{0}, 70_000), []byte("\n\x00\x1e\x00\x1b*rB\x00\x18\x1b@\nstill here\n\x1bd3")} {
			if _, err := near.Write(b); err != nil {
				t.Fatal(err)
			}
		}
		for {
			list, changed := p.Tickets(0)
			if slices.ContainsFunc(list, func(k sim.Ticket) bool { return slices.Contains(k.Lines, "still here") }) {
				break
			}
			select {
			case <-changed:
			case <-time.After(60 * time.Second):
				t.Fatalf("does not print any more: %+v", p.Stats())
			}
		}
		near.Close()
		done()
	})
}
