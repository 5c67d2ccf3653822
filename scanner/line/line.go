// Package line reads scanners that send their codes as lines of bytes: serial
// scanners, USB scanners in serial mode (CDC ACM, "USB-COM"), and modules with
// a UART. It is the recommended way to connect a scanner: no keyboard layout in
// between, Chinese text intact, and two-way.
//
// Source: the interface chapters of the Honeywell, Zebra and Newland manuals:
// payload, then a suffix (CR as delivered), optionally a prefix and an AIM
// symbology identifier. Host commands: Honeywell (SYN BEL CR beeps).
package line

import (
	"context"
	"errors"
	"os"
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
	cfg    settings
	port   device.Port
	spec   device.Spec
	memory *torn.Memory
	mu     sync.Mutex // one host command at a time
}

// answering is a reader whose make has host commands.
type answering struct{ *reader }

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

// Open takes over the port; it sends nothing. Options are those of [Config].
func Open(_ context.Context, p device.Port, s device.Spec) (scanner.Scanner, error) {
	return openWith(p, s, nil)
}

// Opener returns an [Open] with a memory of the code in whose middle a port
// failed, or the agent ended: a serial server on the network hands the rest of it
// to the next connection, and the rest is in doubt there too.
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
		return nil, fault.New(fault.Config, s.Name, "open", errors.New("a line scanner needs an address"))
	}
	r := &reader{info: device.Info{Name: s.Name, Driver: "line", Model: set.model}, cfg: set, port: p, spec: s, memory: m}
	if set.model == "" {
		return r, nil
	}
	return answering{r}, nil
}

// Info implements [device.Device].
func (r *reader) Info() device.Info { return r.info }

// Close implements [device.Device].
func (r *reader) Close() error { return r.port.Close() }

// Run implements [scanner.Scanner]. It fails with a fault of kind Protocol when
// the line carries noise (wrong speed, wrong device) or more codes than any
// reader can read: the device's slot then tries again later, and the till's
// processor is left alone.
func (r *reader) Run(ctx context.Context, emit func(scanner.Scan)) (err error) {
	stop := context.AfterFunc(ctx, func() { device.SetReadDeadline(r.port, time.Unix(1, 0)) })
	defer stop()
	f := framer{cfg: r.cfg, tear: r.memory.Take(r.spec)}
	defer func() {
		if fault.KindOf(err) != fault.Protocol { // noise is no half of a code
			f.cut(time.Now())
		}
		r.memory.Keep(f.tear, err)
	}()
	flood := bucket{perSecond: r.cfg.rate}
	buf := make([]byte, 4096)
	last := time.Now() // when the last byte arrived
	looked := false    // whether the port was looked at once more after the gap
	for {
		deadline := time.Time{}
		switch {
		case looked:
			deadline = time.Now().Add(time.Millisecond)
		case f.pending():
			deadline = last.Add(r.cfg.gap)
		}
		err := device.SetReadDeadline(r.port, deadline)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		n := 0
		if err == nil {
			n, err = r.port.Read(buf)
		}
		if n > 0 {
			last, looked = time.Now(), false
		}
		codes := f.feed(last, buf[:n])
		if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil {
			err = nil
			// A machine that stood still finds its deadline passed and the rest of
			// the code waiting: silence is only what a second look confirms.
			late := f.pending() && time.Since(last) >= r.cfg.gap
			if late && looked {
				if c, ok := f.gap(last); ok {
					codes = append(codes, c)
				}
			}
			looked = late && !looked
		}
		f.hold(last)
		for _, c := range codes {
			if !flood.take(last) {
				return r.fault(scanner.ErrFlood)
			}
			emit(scanner.Scan{Device: r.info.Name, At: last, AIM: c.aim, Data: c.data})
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case f.noise > maxNoise:
			reading.Drain(ctx, r.port, r.cfg.gap)
			return r.fault(errNoise)
		case err != nil:
			return device.PlugIn.Fault(fault.Absent, r.info.Name, "read", err)
		}
	}
}

// maxNoise is how many bytes in a row may make no code: three longest payloads.
const maxNoise = 3 * scanner.MaxData

var (
	errNoise = errors.New("only noise arrives")

	checkSpeed = device.Advice{Code: "scanner_noise", Text: lang.Text{
		ZH: "收到的数据不是条码：请检查 address 中的波特率（baud）、扫码枪的后缀设置（suffix），以及该端口上是否真的是扫码枪",
		EN: "what arrives is no barcode: check baud in the address, the scanner's suffix setting, and that a scanner is plugged in here",
	}}
)

func (r *reader) fault(cause error) error {
	return checkSpeed.Fault(fault.Protocol, r.info.Name, "read", cause)
}

// Answer implements [scanner.Answerer]: the reader has beeped by itself when it
// read the code; a refused code gets three more beeps.
func (a answering) Answer(ctx context.Context, ok bool) error {
	if ok {
		return nil
	}
	return a.beep(ctx, "answer", 3)
}

// Test implements [device.Tester] with one beep.
func (a answering) Test(ctx context.Context) error { return a.beep(ctx, "test", 1) }

func (a answering) beep(ctx context.Context, op string, times int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var frame []byte
	for range times {
		frame = append(frame, 0x16, 0x07, '\r')
	}
	return device.Send(ctx, a.port, a.info.Name, op, frame)
}

// bucket allows so many codes per second over ten seconds.
type bucket struct {
	perSecond int
	level     float64
	at        time.Time
}

func (b *bucket) take(now time.Time) bool {
	b.level = max(0, b.level-now.Sub(b.at).Seconds()*float64(b.perSecond))
	b.at = now
	b.level++
	return b.level <= float64(10*b.perSecond)
}
