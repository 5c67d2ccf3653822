// Package escpos drives receipt printers that speak ESC/POS, Epson's and the
// many that copy it.
package escpos

import (
	"context"

	"tilld/device"
	"tilld/printer"
)

// Printer is one ESC/POS printer.
type Printer struct {
	info device.Info
	port device.Port
}

// Open takes a printer into service.
func Open(_ context.Context, p device.Port, s device.Spec) (printer.Printer, error) {
	return &Printer{info: device.Info{Name: s.Name, Driver: s.Driver}, port: p}, nil
}

func (d *Printer) Info() device.Info { return d.info }
func (d *Printer) Close() error      { return d.port.Close() }
func (d *Printer) Caps() printer.Caps {
	return printer.Caps{Columns: 48, Dots: 576, DPI: 203, Chinese: true}
}

// Print sends the text of doc.
func (d *Printer) Print(ctx context.Context, _ string, doc printer.Doc) (printer.Result, error) {
	frame := []byte("\x1b@")
	for _, b := range doc {
		if t, ok := b.(printer.Text); ok {
			for _, r := range t.Line {
				if r >= ' ' && r < 0x7f {
					frame = append(frame, byte(r))
				}
			}
			frame = append(frame, '\n')
		}
	}
	if err := device.Send(ctx, d.port, d.info.Name, "print", frame); err != nil {
		return printer.Result{Started: true}, err
	}
	return printer.Result{Started: true, Evidence: printer.BytesTaken}, nil
}
