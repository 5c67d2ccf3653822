// Package hidpos reads scanners in HID POS mode (USB HID usage page 8C, "USB OEM
// HID bar code scanner"). The mode carries every byte as it is and the AIM
// identifier with it, needs no driver and no layout.
//
// Source: HID 1.11 and the HID Usage Tables, page 8C; report layout checked
// against captures of Honeywell scanners. Feature report FE and output report FD
// are Honeywell's own.
package hidpos

import (
	"context"
	"errors"
	"sync"
	"time"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/internal/lang"
	"tilld/scanner"
	"tilld/scanner/internal/reading"
	"tilld/scanner/torn"
)

type reader struct {
	info   device.Info
	cfg    Config
	port   device.Port
	spec   device.Spec
	memory *torn.Memory
	at     layout
	stream bool
	mu     sync.Mutex // one host command at a time
}

// answering is a reader whose make has host commands.
type answering struct{ *reader }

// Check reports what is wrong with the options of a configuration entry.
func Check(s device.Spec) error {
	_, err := decode(s)
	return err
}

func decode(s device.Spec) (Config, error) {
	cfg := Defaults
	if err := s.Decode(&cfg); err != nil {
		return cfg, err
	}
	if err := cfg.check(); err != nil {
		return cfg, fault.New(fault.Config, s.Name, "open", err)
	}
	return cfg, nil
}

// Open takes over the port and asks the device where its codes stand. It fails
// with kind Config when the device is no scanner in HID POS mode. Options are
// those of [Config].
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
	cfg, err := decode(s)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, fault.New(fault.Config, s.Name, "open", errors.New("a HID POS scanner needs an address such as hidraw://usb/0C2E:0907"))
	}
	r := &reader{info: device.Info{Name: s.Name, Driver: "hidpos", Model: cfg.Model}, cfg: cfg, port: p, spec: s, memory: m}
	desc, err := prepare(p, s.Name, cfg.Model == "honeywell")
	switch {
	case err != nil:
		return nil, err
	case desc == nil:
		r.at, r.stream = captured, true
	default:
		if r.at, err = parse(desc); err != nil {
			return nil, setHIDPOS.Fault(fault.Config, s.Name, "open", err)
		}
	}
	if cfg.Model == "" {
		return r, nil
	}
	return answering{r}, nil
}

// Info implements [device.Device].
func (r *reader) Info() device.Info { return r.info }

// Close implements [device.Device].
func (r *reader) Close() error { return r.port.Close() }

// Run implements [scanner.Scanner]. It fails with a fault of kind Protocol when
// only reports without codes arrive.
func (r *reader) Run(ctx context.Context, emit func(scanner.Scan)) error {
	l := reading.Loop{
		Name: r.info.Name, Port: r.port, Gap: time.Duration(r.cfg.GapMS) * time.Millisecond,
		Rate: r.cfg.MaxPerSecond, Advice: reading.NoBarcodes,
	}
	d := &decoder{at: r.at, encoding: r.cfg.Encoding, stream: r.stream, tear: r.memory.Take(r.spec)}
	err := l.Run(ctx, d, reading.MaxNoise, emit)
	if d.Pending() { // what it goes on with, after a stop or through the next port, is no code either
		d.Silence(time.Now())
	}
	r.memory.Keep(d.tear, err)
	return err
}

// Answer implements [scanner.Answerer]: three beeps for a refused code.
func (a answering) Answer(ctx context.Context, ok bool) error {
	if ok {
		return nil
	}
	return a.beep(ctx, "answer", 3)
}

// Test implements [device.Tester] with one beep.
func (a answering) Test(ctx context.Context) error { return a.beep(ctx, "test", 1) }

// beep sends Honeywell's serial command SYN BEL CR in output report FD.
func (a answering) beep(ctx context.Context, op string, times int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	report := []byte{0xfd, byte(3 * times)}
	for range times {
		report = append(report, 0x16, 0x07, '\r')
	}
	return device.Send(ctx, a.port, a.info.Name, op, report)
}

var setHIDPOS = device.Advice{Code: "not_hid_pos", Text: lang.Text{
	ZH: "该设备不是 HID POS 模式的扫码枪：请扫描说明书中的 “USB HID POS” 设置码，或改用 USB 串口模式（driver: line）",
	EN: "this is no scanner in HID POS mode: scan the manual's setting code \"USB HID POS\", or use USB serial mode (driver: line)",
}}
