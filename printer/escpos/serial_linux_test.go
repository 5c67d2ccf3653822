package escpos_test

import (
	"context"
	"testing"
	"time"

	"tilld/device"
	"tilld/device/dial"
	"tilld/internal/sim"
	"tilld/printer"
	"tilld/printer/escpos"
	"tilld/printer/printertest"
)

// Over a serial line, with both backends' ports real and the printer simulated.
func TestOverSerial(t *testing.T) {
	for _, backend := range []string{"bugst", "tarm"} {
		t.Run(backend, func(t *testing.T) {
			cable, err := sim.NewCable(t.TempDir(), "printer")
			if err != nil {
				t.Fatal(err)
			}
			p := sim.NewPrinter(sim.Model{Clone: true})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 2)
			go func() { done <- p.Run(ctx) }()
			go func() { done <- p.ServeLine(ctx, cable) }()
			defer func() { cancel(); cable.Close(); <-done; <-done }()

			s := spec("generic-80mm")
			s.Options = []byte(`{"profile": "generic-80mm", "raster": "double", "chunk": 512, "pause": "1ms"}`)
			s.Address = "serial://" + cable.Path() + "?baud=115200&backend=" + backend
			var r device.Registry[printer.Printer]
			r.Add("escpos", escpos.Open)
			d, err := r.Open(t.Context(), dial.New(dial.Options{}), s)
			if err != nil {
				t.Fatal(err)
			}
			limit, stop := context.WithTimeout(t.Context(), 30*time.Second)
			defer stop()
			for range 3 {
				res, err := d.Print(limit, "job", printertest.Receipts()["zh"])
				if err != nil || res.Evidence != printer.InOrder {
					t.Fatalf("Print = %+v, %v", res, err)
				}
			}
			if st := p.Stats(); st.Unknown != 0 || st.Out != 3 {
				t.Errorf("the printer: %+v", st)
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
