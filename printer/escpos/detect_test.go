package escpos_test

import (
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/internal/sim"
	"tilld/printer/escpos"
)

// With profile auto a printer says itself what it is; what the options set
// stays as it is.
func TestDetect(t *testing.T) {
	for _, c := range []struct {
		name    string
		model   sim.Model
		options string
		profile string
		columns int
		chinese bool
		cutter  bool
		confirm bool
	}{
		{"Epson with Chinese", sim.Model{Maker: "EPSON", Name: "TM-T82"}, "", "epson-tm-t82", 48, true, true, true},
		{"Epson, a later letter", sim.Model{Maker: "EPSON", Name: "TM-T20III", Latin: true, Plain: true}, "", "epson-tm-t20", 48, false, false, true},
		{"Epson, 180 dpi", sim.Model{Maker: "EPSON", Name: "TM-T88VI", Dots: 512}, "", "epson-tm-t88vi", 42, true, true, true},
		{"from the public data", sim.Model{Maker: "Rongta", Name: "RP326"}, "", "RP326", 42, true, true, true},
		{"unknown model", sim.Model{Maker: "ACME", Name: "Q1"}, "", "generic-80mm", 48, true, true, true},
		{"a copy", sim.Model{Clone: true}, "", "generic-80mm", 48, true, true, true},
		{"options stay", sim.Model{Maker: "EPSON", Name: "TM-T82"}, `,"columns":32,"dots":384,"cut":"none"`, "epson-tm-t82", 32, true, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, d := paired(t, c.model, `{"profile":"auto"`+c.options+`}`)
			if got := d.Info().Model; !strings.HasSuffix(got, c.profile) {
				t.Errorf("found %q, want %s", got, c.profile)
			}
			if got := d.Caps(); got.Columns != c.columns || got.Chinese != c.chinese || got.Cutter != c.cutter || got.Confirms != c.confirm {
				t.Errorf("caps %+v", got)
			}
		})
	}
}

// Star's language is recognised and named; a printer that says nothing is taken
// for a common one.
func TestDetectOthers(t *testing.T) {
	for answer, want := range map[string]fault.Kind{"\x23\x86\x00\x00\x00\x00\x00\x00\x00": fault.Config, "": 0} {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			go func() {
				buf := make([]byte, 64)
				for {
					n, err := far.Read(buf)
					if err != nil {
						return
					}
					if n > 3 && answer != "" {
						go far.Write([]byte(answer))
					}
				}
			}()
			d, err := escpos.Open(t.Context(), near, device.Spec{Name: "printer-1", Driver: "escpos", Options: []byte(`{"profile":"auto"}`)})
			if fault.KindOf(err) != want || want != 0 && !strings.Contains(fault.HintOf(err), "star") {
				t.Errorf("%q: %v, hint %q", answer, err, fault.HintOf(err))
			}
			if err == nil && d.Info().Model != "generic-80mm" {
				t.Errorf("taken for %s", d.Info().Model)
			}
			near.Close()
			far.Close()
		})
	}
}
