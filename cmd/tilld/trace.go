package main

import (
	"fmt"

	"tilld/device"
)

// traceSize is how much of each traced device's wire is kept.
const traceSize = 1 << 20

// traces lets the local API record the bytes of a device. Scanners can carry
// shoppers' auth codes, so what is read from one is masked.
type traces struct {
	board  *device.Board
	tracer *device.Tracer
}

func newTraces(b *device.Board) *traces {
	about := func(name string) (device.Kind, string) {
		for _, s := range b.List() {
			if s.Name == name {
				return s.Kind, s.Driver
			}
		}
		return "", ""
	}
	return &traces{board: b, tracer: device.NewTracer(traceSize, func(name string, read bool, data []byte) []byte {
		kind, driver := about(name)
		switch {
		case !read || kind != device.Scanner:
			return data
		case driver == "wedge":
			return make([]byte, len(data)) // key codes are small numbers and no text
		}
		return maskCodes(data)
	})}
}

// maskCodes hides every letter and digit of what a scanner read; framing and
// length stay.
func maskCodes(data []byte) []byte {
	out := make([]byte, len(data))
	for i, c := range data {
		if c >= 0x20 && c != 0x7f {
			c = 'x'
		}
		out[i] = c
	}
	return out
}

func (t *traces) known(name string) error {
	for _, s := range t.board.List() {
		if s.Name == name {
			return nil
		}
	}
	return fmt.Errorf("there is no device %q", name)
}

func (t *traces) StartTrace(name string) error {
	if err := t.known(name); err != nil {
		return err
	}
	t.tracer.Start(name)
	return nil
}

func (t *traces) StopTrace(name string) error {
	if err := t.known(name); err != nil {
		return err
	}
	t.tracer.Stop(name)
	return nil
}

func (t *traces) Trace(name string) ([]byte, error) {
	if err := t.known(name); err != nil {
		return nil, err
	}
	return t.tracer.Dump(name), nil
}
