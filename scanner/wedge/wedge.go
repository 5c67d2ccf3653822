// Package wedge reads scanners that pretend to be a keyboard, the mode in which
// most are delivered. It reads the kernel's input events and, so that the codes
// do not also land in the window in front, takes the keyboard for itself.
//
// The mode is a makeshift: the scanner must be set to the US layout, Chinese
// comes as ALT codes if at all, and nothing can be sent back. A serial mode
// (scanner/line) is better where the scanner has one.
//
// Source: Linux input-event-codes.h and evdev; ALT codes as Windows defines
// them (ALT held, decimal digits on the keypad, taken when ALT is let go).
package wedge

import (
	"context"
	"errors"
	"time"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/internal/lang"
	"tilld/scanner"
	"tilld/scanner/internal/reading"
	"tilld/scanner/torn"
)

type reader struct {
	info device.Info
	cfg  settings
	port device.Port

	spec   device.Spec
	memory *torn.Memory
}

// Check reports what is wrong with the options of a configuration entry.
func Check(s device.Spec) error {
	_, err := decode(s)
	return err
}

func decode(s device.Spec) (settings, error) {
	cfg := Defaults
	if err := s.Decode(&cfg); err != nil {
		return settings{}, err
	}
	set, err := cfg.compile()
	if err != nil {
		return set, fault.New(fault.Config, s.Name, "open", err)
	}
	return set, nil
}

// Open takes over the port and the keyboard behind it. It fails with kind Busy
// when another program has taken the keyboard. Options are those of [Config].
func Open(_ context.Context, p device.Port, s device.Spec) (scanner.Scanner, error) {
	return openWith(p, s, nil)
}

// Opener returns an [Open] with a memory of codes that were cut off.
func Opener(m *torn.Memory) device.Opener[scanner.Scanner] {
	return func(_ context.Context, p device.Port, s device.Spec) (scanner.Scanner, error) {
		return openWith(p, s, m)
	}
}

func openWith(p device.Port, s device.Spec, m *torn.Memory) (scanner.Scanner, error) {
	set, err := decode(s)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, fault.New(fault.Config, s.Name, "open", errors.New("a keyboard scanner needs an address such as evdev://usb/0C2E:0901"))
	}
	model, err := prepare(p, s.Name, set.grab)
	if err != nil {
		return nil, err
	}
	return &reader{info: device.Info{Name: s.Name, Driver: "wedge", Model: model}, cfg: set, port: p, spec: s, memory: m}, nil
}

// Info implements [device.Device].
func (r *reader) Info() device.Info { return r.info }

// Close implements [device.Device]; other programs get the keyboard's keys again.
func (r *reader) Close() error { return r.port.Close() }

// Run implements [scanner.Scanner]. It fails with a fault of kind Protocol when
// the keys make no codes (a keyboard for people) or more than any reader reads.
func (r *reader) Run(ctx context.Context, emit func(scanner.Scan)) error {
	l := reading.Loop{Name: r.info.Name, Port: r.port, Gap: r.cfg.gap + time.Second, Rate: r.cfg.rate, Advice: noBarcodes}
	d := &decoder{cfg: r.cfg, tear: r.memory.Take(r.spec)}
	err := l.Run(ctx, d, reading.MaxNoise, emit)
	if d.Pending() { // what it goes on with, after a stop or through the next port, is no code either
		d.abandon()
	}
	r.memory.Keep(d.tear, err)
	return err
}

var (
	noBarcodes = device.Advice{Code: "scanner_noise", Text: lang.Text{
		ZH: "键盘输入不是条码：请检查 address 是否指向扫码枪而不是普通键盘，并把扫码枪设为美式键盘布局、以回车结尾",
		EN: "the keys make no barcodes: check that the address leads to the scanner and not to a keyboard, and set the scanner to the US layout with Enter at the end",
	}}
	grabbed = device.Advice{Code: "held_by_other", Text: lang.Text{
		ZH: "另一个程序独占了这台扫码枪（键盘）：请关闭它",
		EN: "another program has taken this scanner's keyboard for itself: close it",
	}}
)
