package escpos_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/internal/qr"
	"tilld/printer"
	"tilld/printer/escpos"
	"tilld/printer/printertest"
)

func spec(profile string, extra ...string) device.Spec {
	options := map[string]any{"profile": profile}
	for i := 0; i+1 < len(extra); i += 2 {
		options[extra[i]] = extra[i+1]
	}
	data, err := json.Marshal(options)
	if err != nil {
		panic(err)
	}
	return device.Spec{Name: "printer-1", Kind: device.Printer, Driver: "escpos", Options: data}
}

func open(t *testing.T, m *printertest.Machine, s device.Spec) printer.Printer {
	t.Helper()
	d, err := escpos.Open(t.Context(), m.Plug(t), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func receipt() printer.Doc {
	return printer.Doc{
		printer.Text{Line: "山海茶铺", Align: printer.Center, Width: 2, Height: 2, Bold: true},
		printer.Columns{Cells: []printer.Cell{{Text: "Oolong tea 乌龙茶"}, {Text: "¥12.50", Align: printer.Right, Keep: true}}},
		printer.Rule{},
		printer.QR{Payload: "https://example.cn/j/1", Caption: "扫码入群"},
		printer.Cut{},
	}
}

func TestPrintsWhatItIsGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &printertest.Machine{Chinese: true, RealTime: true, InOrder: true}
		d := open(t, m, spec("generic-80mm"))
		r, err := d.Print(t.Context(), "job", receipt())
		if err != nil || r != (printer.Result{Started: true, Evidence: printer.InOrder}) {
			t.Fatalf("Print = %+v, %v", r, err)
		}
		want := []string{strings.Repeat(" ", 16) + "山海茶铺", "Oolong tea 乌龙茶" + strings.Repeat(" ", 24) + "￥12.50", strings.Repeat(" ", 20) + "扫码入群"}
		if got := m.Lines(); !slices.Equal(got, want) {
			t.Errorf("lines %q, want %q", got, want)
		}
		if got, want := m.Events(), []string{"cut"}; !slices.Equal(got, want) {
			t.Errorf("events %q, want %q", got, want)
		}
		if got, err := qr.Read(m.Paper()); err != nil || got != "https://example.cn/j/1" {
			t.Errorf("the paper reads %q, %v", got, err)
		}
	})
}

// What the printer can answer decides how sure the outcome is.
func TestEvidence(t *testing.T) {
	for _, c := range []struct {
		name    string
		profile string
		machine *printertest.Machine
		want    printer.Evidence
	}{
		{"process id", "epson-tm-t20", &printertest.Machine{Chinese: true, RealTime: true, InOrder: true, ProcessID: true, Reports: true}, printer.ProcessID},
		{"no process id", "epson-tm-t20", &printertest.Machine{RealTime: true, InOrder: true}, printer.InOrder},
		{"in order", "generic-80mm", &printertest.Machine{Chinese: true, RealTime: true, InOrder: true}, printer.InOrder},
		{"in order only", "generic-80mm", &printertest.Machine{Chinese: true, InOrder: true}, printer.InOrder},
		{"real time", "generic-80mm", &printertest.Machine{Chinese: true, RealTime: true}, printer.StatusGood},
		{"mute", "generic-58mm", &printertest.Machine{Chinese: true, Width: 384}, printer.BytesTaken},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := c.machine
				d := open(t, m, spec(c.profile))
				for range 3 {
					r, err := d.Print(t.Context(), "job", receipt())
					if err != nil || r.Evidence != c.want {
						t.Fatalf("Print = %+v, %v, want evidence %q", r, err, c.want)
					}
				}
			})
		})
	}
}

// A printer that was still starting when it was first asked is asked again.
func TestWakesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go func() {
			time.Sleep(30 * time.Second)
			buf := make([]byte, 64)
			for {
				n, err := far.Read(buf)
				if err != nil {
					return
				}
				out := bytes.Repeat([]byte{0x72}, bytes.Count(buf[:n], []byte{0x10, 0x04})) // no paper
				if _, err := far.Write(out); err != nil {
					return
				}
			}
		}()
		go func() { // takes what is asked before that
			far.Read(make([]byte, 3))
		}()
		d, err := escpos.Open(t.Context(), near, spec("generic-80mm"))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.(device.Checker).Check(t.Context()); err != nil {
			t.Errorf("a mute printer: %v", err)
		}
		time.Sleep(2 * time.Minute)
		if err := d.(device.Checker).Check(t.Context()); fault.KindOf(err) != fault.Attention {
			t.Errorf("once it answers: %v, want attention", err)
		}
		if r, err := d.Print(t.Context(), "job", printer.Doc{printer.Text{Line: "x"}}); fault.KindOf(err) != fault.Attention || r.Started {
			t.Errorf("Print once it answers: %+v, %v, want attention", r, err)
		}
		d.Close()
		far.Close()
	})
}

// Paper and cover are looked at before the first byte.
func TestNothingIsSentToAPrinterThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &printertest.Machine{Chinese: true, RealTime: true, InOrder: true}
		d := open(t, m, spec("generic-80mm"))
		m.SetPaper(false)
		var said []error
		d.(printer.Attentive).OnAttention(func(err error) { said = append(said, err) })
		r, err := d.Print(t.Context(), "job", receipt())
		if fault.KindOf(err) != fault.Attention || r.Started {
			t.Fatalf("Print = %+v, %v, want attention and nothing started", r, err)
		}
		if a, ok := device.AdviceOf(err); !ok || !strings.Contains(a.Text.ZH, "纸卷") || !strings.Contains(fault.HintOf(err), "roll") {
			t.Errorf("hint %q, advice %+v", fault.HintOf(err), a)
		}
		m.SetPaper(true)
		if r, err = d.Print(t.Context(), "job", receipt()); err != nil {
			t.Fatalf("with paper: %+v, %v", r, err)
		}
		if len(m.Lines()) != 3 || len(said) != 2 || said[1] != nil {
			t.Errorf("lines %q, told %v", m.Lines(), said)
		}
	})
}

// The roll ends in the middle of a job and is replaced: the printer prints the
// rest, and the job is confirmed.
func TestRollChangedInTheMiddle(t *testing.T) {
	for _, profile := range []string{"generic-80mm", "epson-tm-t20"} {
		synctest.Test(t, func(t *testing.T) {
			m := &printertest.Machine{Chinese: true, RealTime: true, InOrder: true, ProcessID: true, Reports: true, Fonts: "CHINA GB18030", PaperLeft: 60}
			d := open(t, m, spec(profile))
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			go func() {
				time.Sleep(40 * time.Second)
				m.SetPaper(true)
			}()
			r, err := d.Print(ctx, "job", receipt())
			if err != nil || r.Evidence != printer.InOrder && r.Evidence != printer.ProcessID {
				t.Errorf("%s: Print = %+v, %v, want it confirmed", profile, r, err)
			}
			if len(m.Lines()) != 3 {
				t.Errorf("%s: printed %q", profile, m.Lines())
			}
		})
	}
}

func TestRollNeverChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &printertest.Machine{Chinese: true, RealTime: true, InOrder: true, PaperLeft: 60}
		d := open(t, m, spec("generic-80mm"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		drawer := make(chan error)
		go func() {
			time.Sleep(20 * time.Second)
			drawer <- d.(printer.DrawerKicker).OpenDrawer(t.Context(), 2)
		}()
		r, err := d.Print(ctx, "job", receipt())
		if fault.KindOf(err) != fault.Attention || !r.Started {
			t.Errorf("Print = %+v, %v, want attention after the start", r, err)
		}
		if err := <-drawer; err != nil {
			t.Errorf("the drawer cannot be opened meanwhile: %v", err)
		}
	})
}

// A printer that takes no bytes and says nothing holds nobody up for longer
// than stallLimit.
func TestStuckCable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &printertest.Machine{}
		port := m.Plug(t)
		d, err := escpos.Open(t.Context(), stuck{port}, spec("generic-80mm", "status", "none", "confirm", "none"))
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		r, err := d.Print(t.Context(), "job", receipt())
		if fault.KindOf(err) != fault.Timeout || r.Started {
			t.Errorf("Print = %+v, %v, want timeout", r, err)
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("it took %v, want 10s", took)
		}
	})
}

// stuck takes no bytes.
type stuck struct{ device.Port }

func (s stuck) Write([]byte) (int, error) { return s.Port.Read(make([]byte, 1)) }

func TestDrawer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &printertest.Machine{Chinese: true, RealTime: true, InOrder: true}
		d := open(t, m, spec("generic-80mm"))
		if err := d.(printer.DrawerKicker).OpenDrawer(t.Context(), 5); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Print(t.Context(), "job", printer.Doc{printer.OpenDrawer{}, printer.Text{Line: "x"}}); err != nil {
			t.Fatal(err)
		}
		if got, want := m.Events(), []string{"drawer pin 5", "drawer pin 2"}; !slices.Equal(got, want) {
			t.Errorf("events %q, want %q", got, want)
		}
		if err := d.(printer.DrawerKicker).OpenDrawer(t.Context(), 7); fault.KindOf(err) != fault.Refused {
			t.Errorf("pin 7: %v", err)
		}
	})
}

// Without paper the drawer opens at once, and not again when there is paper.
func TestDrawerWithoutPaper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &printertest.Machine{Chinese: true, RealTime: true, InOrder: true}
		d := open(t, m, spec("generic-80mm"))
		m.SetPaper(false)
		if err := d.(device.Checker).Check(t.Context()); fault.KindOf(err) != fault.Attention {
			t.Fatal(err)
		}
		if err := d.(printer.DrawerKicker).OpenDrawer(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		opened := m.Drawer()
		m.SetPaper(true)
		if opened != 1 || m.Drawer() != 1 {
			t.Errorf("opened %d times without paper, %d with", opened, m.Drawer())
		}
	})
}

func TestRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &printertest.Machine{Chinese: true, RealTime: true, InOrder: true, Width: 384}
		d := open(t, m, spec("generic-58mm"))
		for name, doc := range map[string]printer.Doc{
			"dense code": {printer.QR{Payload: "https://example.cn/" + strings.Repeat("x", 900)}},
			"no picture": {printer.Image{PNG: []byte("GIF89a")}},
			"wrong ean":  {printer.Barcode{Symbology: "ean13", Data: "6901234567890"}},
		} {
			r, err := d.Print(t.Context(), "job", doc)
			if fault.KindOf(err) != fault.Refused || r.Started {
				t.Errorf("%s: %+v, %v, want refused", name, r, err)
			}
		}
		if m.Waiting() != 0 || len(m.Lines()) != 0 {
			t.Error("something was sent")
		}
	})
}

// Whatever a text holds, the printer sees characters and nothing else.
func TestTextNeverBecomesACommand(t *testing.T) {
	nasty := rapid.OneOf(
		rapid.String(),
		rapid.SampledFrom([]string{"\x1bp\x00\x19\xfa", "\x10\x14\x01\x00\x01", "\x1dV\x00", "\x81\x1bp\x00", "\u0080\x1b@", "\x1d(L", "\x1c.", "\u202e00.1", "重打\x1b", "\x7f\x1b\x1b", "\xfe\x1bp01"}),
		rapid.Custom(func(t *rapid.T) string {
			return string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		}),
	)
	rapid.Check(t, func(rt *rapid.T) {
		text := nasty.Draw(rt, "a") + nasty.Draw(rt, "b")
		chinese := rapid.SampledFrom([]string{"gbk", "gb2312", "none"}).Draw(rt, "chinese")
		s := spec("generic-80mm", "chinese", chinese, "status", "none", "confirm", "none")
		m := &printertest.Machine{Chinese: chinese != "none"}
		d, err := escpos.Open(context.Background(), sink{m}, s)
		if err != nil {
			rt.Fatal(err)
		}
		doc := printer.Doc{
			printer.Text{Line: text, Bold: true},
			printer.Text{Spans: []printer.Span{{Text: text, Width: 2}}},
			printer.Columns{Cells: []printer.Cell{{Text: text}, {Text: text, Width: 9}}},
			printer.Columns{Border: printer.Lines, Cells: []printer.Cell{{Text: text}}},
		}
		if _, err := d.Print(context.Background(), "job", doc); err != nil {
			rt.Fatal(err)
		}
		if e := m.Events(); len(e) != 0 || m.Drawer() != 0 || m.Cuts() != 0 || m.Waiting() != 0 {
			rt.Fatalf("%q: events %q, %d bytes wait", text, e, m.Waiting())
		}
	})
}

// sink is a port into a machine that answers nothing.
type sink struct{ m *printertest.Machine }

func (s sink) Write(p []byte) (int, error) { s.m.Write(p); return len(p), nil }
func (sink) Read([]byte) (int, error)      { select {} }
func (sink) Close() error                  { return nil }
func (sink) SetDeadline(time.Time) error   { return nil }

func TestOptions(t *testing.T) {
	names, err := escpos.Profiles()
	if err != nil || len(names) < 15 {
		t.Fatalf("profiles %v, %v", names, err)
	}
	for _, name := range append(names, "TM-T88V", "NT-5890K", "RP326") {
		m := &printertest.Machine{}
		d, err := escpos.Open(t.Context(), sink{m}, spec(name, "chinese", "none"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c := d.Caps(); c.Columns < 24 || c.Dots < 300 {
			t.Errorf("%s: %+v", name, c)
		}
	}
	for name, s := range map[string]device.Spec{
		"unknown profile": spec("tm-t9000"), "star": spec("TSP600"), "typo": spec("generic-80mm", "colums", "48"),
		"value": spec("generic-80mm", "cut", "maybe"), "page": spec("generic-80mm", "codepage", "CP1"), "pause": spec("generic-80mm", "pause", "1h"),
	} {
		if _, err := escpos.Open(t.Context(), sink{&printertest.Machine{}}, s); fault.KindOf(err) != fault.Config {
			t.Errorf("%s: %v, want config", name, err)
		}
	}
}

// A file gets the job and nothing else, and is not asked anything.
func TestFile(t *testing.T) {
	m := &printertest.Machine{}
	s := spec("epson-tm-t20")
	s.Address = "file:///receipts.bin"
	port := &tap{sink: sink{m}}
	d, err := escpos.Open(t.Context(), port, s)
	if err != nil {
		t.Fatal(err)
	}
	if len(port.sent) != 0 {
		t.Errorf("% x was written at once", port.sent)
	}
	r, err := d.Print(t.Context(), "job", printer.Doc{printer.Text{Line: "茶 tea"}})
	if err != nil || r.Evidence != printer.BytesTaken || len(m.Events()) != 0 {
		t.Errorf("%+v, %v, events %q", r, err, m.Events())
	}
	if bytes.Contains(port.sent, []byte("\x1dr")) || bytes.Contains(port.sent, []byte("\x1d(H")) {
		t.Error("a file is asked for its status")
	}
}

func TestAsksForTheChineseItHas(t *testing.T) {
	for fonts, want := range map[string]bool{"CHINA GB18030": true, "CHINA GB2312": true, "": false} {
		synctest.Test(t, func(t *testing.T) {
			d := open(t, &printertest.Machine{Fonts: fonts}, spec("epson-tm-t20"))
			if got := d.Caps().Chinese; got != want {
				t.Errorf("%q: Chinese = %v, want %v", fonts, got, want)
			}
		})
	}
}
