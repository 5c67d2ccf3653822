package sim_test

import (
	"context"
	"image/png"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tilld/internal/sim"
)

// connect starts a printer on a TCP port and returns a host's end of it.
func connect(t *testing.T, model sim.Model) (*sim.Printer, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := sim.NewPrinter(model)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{}, 2)
	go func() { p.Run(ctx); done <- struct{}{} }()
	go func() { p.ServeTCP(ctx, l); done <- struct{}{} }()
	t.Cleanup(func() { cancel(); <-done; <-done })
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(60 * time.Second))
	return p, conn
}

func send(t *testing.T, w io.Writer, s string) {
	t.Helper()
	if _, err := io.WriteString(w, s); err != nil {
		t.Fatal(err)
	}
}

func ticket(t *testing.T, p *sim.Printer, after int) sim.Ticket {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	k, err := p.Wait(ctx, after)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func kinds(k sim.Ticket) []string {
	var list []string
	for _, e := range k.Events {
		list = append(list, e.Kind)
	}
	return list
}

// The bytes are from the makers' manuals, not from our driver.
func TestTextOnPaper(t *testing.T) {
	p, host := connect(t, sim.Model{Font: sim.SystemFonts()})
	send(t, host, "\x1b@\x1bR\x00\x1c&"+
		"\x1ba\x01\x1d!\x11\xb2\xe8\xc6\xcc\n"+ // 茶铺 in GB2312, double size, centred
		"\x1d!\x00\x1ba\x00Oolong\x1b$\xe0\x0112.00\n"+
		"\x1c.\x1bt\x13caf\x82 \xd5\n"+ // CP858: é and €
		"\x1d\x56\x42\x00")
	k := ticket(t, p, 0)
	want := []string{"茶铺", "Oolong" + strings.Repeat(" ", 34) + "12.00", "café €"}
	if !slices.Equal(k.Lines, want) {
		t.Errorf("lines %q\nwant  %q", k.Lines, want)
	}
	if got := kinds(k); !slices.Equal(got, []string{"init", "cut"}) {
		t.Errorf("events %v", k.Events)
	}
}

// Both raster forms and the printer's own QR code must come out readable by
// decoders that are neither ours nor this package's.
func TestCodesAreReadByOthers(t *testing.T) {
	modules := qrModules(t, "https://example.cn/r?s=01JZ")
	for name, bytes := range map[string]string{
		"GS v 0":       gsV0(modules, 6, 255),
		"GS v 0 strip": gsV0(modules, 5, 24),
		"GS v 0 m=3":   gsV0Double(modules, 3),
		"GS ( L":       gsParenL(modules, 6),
		"GS 8 L":       gs8L(modules, 6),
		"ESC *":        escStar(modules, 6),
		"GS ( k": "\x1d(k\x04\x001A2\x00\x1d(k\x03\x001C\x06\x1d(k\x03\x001E1" +
			"\x1d(k\x1e\x001P0https://example.cn/r?s=01JZ\x1d(k\x03\x001Q0",
	} {
		t.Run(name, func(t *testing.T) {
			p, host := connect(t, sim.Model{Font: sim.SystemFonts()})
			send(t, host, "\x1b@\x1ba\x01above\n"+bytes+"below\n\x1dVB\x50")
			k := ticket(t, p, 0)
			if !slices.Equal(k.QR, []string{"https://example.cn/r?s=01JZ"}) {
				t.Errorf("QR codes read back: %q; events %v", k.QR, k.Events)
			}
			path := picture(t, p, k.ID)
			if got := tool(t, "zbarimg", "--nodbus", "-q", "--raw", path); got != "https://example.cn/r?s=01JZ" {
				t.Errorf("zbarimg reads %q", got)
			}
			if got := tool(t, "ZXingReader", "-1", "-format", "QRCode", path); !strings.Contains(got, "https://example.cn/r?s=01JZ") {
				t.Errorf("ZXingReader reads %q", got)
			}
		})
	}
}

func TestBarcodesAreReadByOthers(t *testing.T) {
	for _, c := range []struct{ name, bytes, want string }{
		{"EAN-13 form A", "\x1dk\x026901234567892\x00", "6901234567892"},
		{"EAN-13 form B", "\x1dk\x43\x0d6901234567892", "6901234567892"},
		{"EAN-8", "\x1dk\x44\x0812345670", "12345670"},
		{"CODE128 B", "\x1dk\x49\x0a{BSALE-042", "SALE-042"},
		{"CODE128 C", "\x1dk\x49\x05{C\x0c\x22\x38", "123456"},
		{"CODE39", "\x1dk\x45\x05AB-12", "AB-12"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, host := connect(t, sim.Model{})
			send(t, host, "\x1b@\x1ba\x01\x1dh\x60\x1dw\x02"+c.bytes+"\n\x1dVB\x20")
			k := ticket(t, p, 0)
			if got := tool(t, "zbarimg", "--nodbus", "-q", "--raw", picture(t, p, k.ID)); got != c.want {
				t.Errorf("zbarimg reads %q, want %q; events %v", got, c.want, k.Events)
			}
		})
	}
}

func TestWrongCheckDigitPrintsNothing(t *testing.T) {
	p, host := connect(t, sim.Model{})
	send(t, host, "\x1b@\x1dk\x43\x0d6901234567890\n\x1dV\x00")
	if got := kinds(ticket(t, p, 0)); !slices.Contains(got, "failed") || slices.Contains(got, "barcode") {
		t.Errorf("events %v", got)
	}
}

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*sim.Switches)
		ask  string
		want string
	}{
		{"good", nil, "\x10\x04\x01\x10\x04\x02\x10\x04\x03\x10\x04\x04", "\x16\x12\x12\x12"},
		{"paper out", func(s *sim.Switches) { s.PaperOut = true }, "\x10\x04\x01\x10\x04\x02\x10\x04\x04", "\x1e\x32\x7e"},
		{"near end", func(s *sim.Switches) { s.NearEnd = true }, "\x10\x04\x01\x10\x04\x04", "\x16\x1e"},
		{"cover", func(s *sim.Switches) { s.CoverOpen = true }, "\x10\x04\x01\x10\x04\x02", "\x1e\x16"},
		{"cutter", func(s *sim.Switches) { s.CutterError = true }, "\x10\x04\x02\x10\x04\x03", "\x52\x1a"},
		{"in order", func(s *sim.Switches) { s.NearEnd = true }, "\x1dr1\x1dr\x02", "\x03\x01"},
		{"process id", nil, "x\n\x1d(H\x06\x00000001", "\x37\x220001\x00"},
		{"identity", nil, "\x1dIB", "_SIMULATED\x00"},
		{"ASB once", nil, "\x10\x14\x07\x01", "\x14\x00\x00\x00"},
		{"real time inside a raster", nil, "\x1dv0\x00\x01\x00\x08\x00ab\x10\x04\x01cde\x1dr\x01", "\x16\x00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, host := connect(t, sim.Model{})
			if c.set != nil {
				p.Set(c.set)
			}
			send(t, host, c.ask)
			if got := readN(t, host, len(c.want)); got != c.want {
				t.Errorf("answer % X, want % X", got, c.want)
			}
		})
	}
}

func TestAutomaticStatusBack(t *testing.T) {
	p, host := connect(t, sim.Model{})
	send(t, host, "\x1da\xff")
	if got := readN(t, host, 4); got != "\x14\x00\x00\x00" {
		t.Fatalf("on enabling % X", got)
	}
	p.Set(func(s *sim.Switches) { s.CoverOpen = true })
	if got := readN(t, host, 4); got != "\x3c\x00\x00\x00" {
		t.Errorf("cover opened: % X", got)
	}
	p.Set(func(s *sim.Switches) { s.CoverOpen = false; s.PaperOut = true })
	if got := readN(t, host, 4); got != "\x1c\x00\x0f\x00" {
		t.Errorf("paper out: % X", got)
	}
}

// Out of paper the mechanism stands still; what is in the buffer prints later.
func TestPaperOut(t *testing.T) {
	p, host := connect(t, sim.Model{})
	p.Set(func(s *sim.Switches) { s.PaperOut = true })
	send(t, host, "\x1b@one\n\x1dVA\x10\x1dr\x01\x10\x04\x04")
	if got := readN(t, host, 1); got != "\x7e" {
		t.Fatalf("real-time paper status % X", got)
	}
	if list, _ := p.Tickets(0); len(list) != 0 {
		t.Fatalf("printed %d tickets without paper", len(list))
	}
	p.Set(func(s *sim.Switches) { s.PaperOut = false })
	if got := readN(t, host, 1); got != "\x00" {
		t.Errorf("in-order status % X", got)
	}
	if k := ticket(t, p, 0); !slices.Equal(k.Lines, []string{"one"}) {
		t.Errorf("lines %q", k.Lines)
	}
}

func TestPaperRunsOut(t *testing.T) {
	p, host := connect(t, sim.Model{})
	p.Set(func(s *sim.Switches) { s.PaperLeft = 50 })
	send(t, host, "\x1b@1\n2\n3\n4\n\x1dV\x00")
	eventually(t, "paper end", func() bool { return p.Switches().PaperOut })
	if list, _ := p.Tickets(0); len(list) != 0 || p.Stats().Waiting == 0 {
		t.Fatalf("%d tickets, %d bytes wait", len(list), p.Stats().Waiting)
	}
	p.Set(func(s *sim.Switches) { s.PaperOut = false })
	if k := ticket(t, p, 0); !slices.Equal(k.Lines, []string{"1", "2", "3", "4"}) {
		t.Errorf("lines %q", k.Lines)
	}
}

func TestDrawerOnlyByItsCommands(t *testing.T) {
	p, host := connect(t, sim.Model{})
	send(t, host, "\x1b@\x1bp\x00\x19\xfa\x10\x14\x01\x00\x01p\x19 ESCp\n\x1dV\x00")
	ticket(t, p, 0)
	if got := p.Stats().Pulses; got != 2 {
		t.Errorf("%d pulses, want 2", got)
	}
}

func TestSilentAndCut(t *testing.T) {
	p, host := connect(t, sim.Model{})
	p.Set(func(s *sim.Switches) { s.Silent = true })
	p.CutAfter(10)
	send(t, host, "\x1b@12345678\x10\x04\x01more")
	host.SetReadDeadline(time.Now().Add(60 * time.Second))
	if n, err := host.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("read %d bytes, %v; want a cut connection and no answer", n, err)
	}
	if got := p.Stats().Received; got != 10 {
		t.Errorf("%d bytes taken, want 10", got)
	}
}

func TestUnknownIsCounted(t *testing.T) {
	p, host := connect(t, sim.Model{})
	send(t, host, "\x1b\x01\x1d\x7fok\n\x1dV\x00")
	k := ticket(t, p, 0)
	if got := p.Stats().Unknown; got != 2 || !slices.Equal(k.Lines, []string{"ok"}) {
		t.Errorf("%d unknown, lines %q", got, k.Lines)
	}
}

func picture(t *testing.T, p *sim.Printer, id int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ticket.png")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, p.Picture(id)); err != nil {
		t.Fatal(err)
	}
	return path
}

func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%s is needed as an independent decoder: %v", name, err)
	}
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	return strings.TrimSpace(string(out))
}

// A picture larger than the receive buffer is printed as it comes.
func TestPictureLargerThanTheBuffer(t *testing.T) {
	p, host := connect(t, sim.Model{Buffer: 4096})
	send(t, host, "\x1b@\x1dv0\x00\x48\x00\xff\x08"+strings.Repeat("\xaa", 72*2303)+"\x1dVA\x10\x1dr\x01")
	if got := readN(t, host, 1); got != "\x00" {
		t.Errorf("in-order status % X", got)
	}
	if k := ticket(t, p, 0); k.Height < 2303 {
		t.Errorf("%d dots of paper", k.Height)
	}
}

// Where the dots of one word are, from the left, and how tall they are.
func TestPlacement(t *testing.T) {
	for _, tt := range []struct {
		name, bytes       string
		left, right, tall int // from, to, at least
	}{
		{"left", "HHHH\n", 0, 48, 10},
		{"centre", "\x1ba\x01HHHH\n", 264, 312, 10},
		{"right", "\x1ba\x02HHHH\n", 528, 576, 10},
		{"margin", "\x1dL\x64\x00HHHH\n", 100, 148, 10},
		{"absolute", "\x1b$\xc8\x00HHHH\n", 200, 248, 10},
		{"double", "\x1d!\x11HHHH\n", 0, 96, 22},
		{"print mode", "\x1b!\x30HHHH\n", 0, 96, 22},
		{"chinese", "\x1c&\xb2\xe8\xb2\xe8\n", 0, 48, 14},
		{"chinese, double", "\x1c&\x1c!\x0c\xb2\xe8\xb2\xe8\n", 0, 96, 28},
		{"underlined", "\x1ba\x02\x1b-\x02    \n", 528, 576, 2},
		{"reverse", "\x1dB\x01    \n", 0, 48, 24},
	} {
		p, host := connect(t, sim.Model{Font: sim.SystemFonts()})
		send(t, host, "\x1b@"+tt.bytes+"\x1dV\x00")
		img := p.Picture(ticket(t, p, 0).ID)
		left, right, top, bottom := 1000, -1, 1000, -1
		for y := range img.Rect.Dy() {
			for x := range img.Rect.Dx() {
				if img.GrayAt(x, y).Y == 0 {
					left, right, top, bottom = min(left, x), max(right, x), min(top, y), max(bottom, y)
				}
			}
		}
		left, right = left-16, right-16 // the picture's margin
		if left < tt.left || left > tt.left+12 || right >= tt.right || right < tt.right-14 || bottom-top+1 < tt.tall {
			t.Errorf("%s: dots from %d to %d, %d tall; want %d to %d, %d tall", tt.name, left, right, bottom-top+1, tt.left, tt.right, tt.tall)
		}
	}
}
