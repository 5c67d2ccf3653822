package escpos_test

import (
	"testing"

	"tilld/device"
	"tilld/printer"
	"tilld/printer/escpos"
	"tilld/printer/printertest"
)

func TestContract(t *testing.T) {
	for _, profile := range []string{"generic-80mm", "epson-tm-t81"} {
		t.Run(profile, func(t *testing.T) {
			printertest.Contract(t, printertest.Driver{
				Open: func(t *testing.T, p device.Port) printer.Printer {
					d, err := escpos.Open(t.Context(), p, spec(profile))
					if err != nil {
						t.Fatal(err)
					}
					return d
				},
				New: func() printertest.Virtual {
					return &printertest.Machine{Chinese: true, RealTime: true, InOrder: true, ProcessID: true, Reports: true}
				},
				Tells: true,
			})
		})
	}
}
