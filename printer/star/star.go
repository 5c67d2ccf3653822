package star

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/printer"
	"tilld/printer/internal/wire"
	"tilld/printer/layout"
)

const (
	answerTime = 500 * time.Millisecond // for a status
	kickTime   = 3 * time.Second        // to open a drawer
	pollTime   = time.Second            // between two looks while it prints
	slowest    = 400                    // dots a second, 50 mm/s
	muteTime   = 5 * time.Second        // until a silent printer is asked again: it may have been starting
)

// Printer is one Star printer. Its methods may be called at the same time.
type Printer struct {
	info  device.Info
	cfg   Config
	turn  chan struct{} // holds one token: who has it owns what follows
	wire  wire.Wire
	buf   []byte
	seen  int // status frames so far
	want  printer.Want
	mute  bool      // was asked and did not answer
	asked time.Time // when a mute printer was last asked

	mu   sync.Mutex // for the two below
	told func(error)
	last printer.Want
}

// Open takes a printer into service.
func Open(_ context.Context, p device.Port, s device.Spec) (printer.Printer, error) {
	cfg, err := configure(s)
	if err != nil {
		return nil, err
	}
	d := &Printer{info: device.Info{Name: s.Name, Driver: s.Driver, Model: "Star " + cfg.Language}, cfg: cfg, turn: make(chan struct{}, 1)}
	d.wire = wire.Wire{Port: p, Name: s.Name, Chunk: 4096, Waits: func() bool { return d.want != "" }}
	if cfg.Status {
		d.wire.Heard = d.heard
	}
	d.turn <- struct{}{}
	return d, nil
}

// Info names the device.
func (d *Printer) Info() device.Info { return d.info }

// Caps are those of the configuration.
func (d *Printer) Caps() printer.Caps { return d.cfg.caps() }

// Close lets a job that the port has taken reach the printer.
func (d *Printer) Close() error {
	select {
	case <-d.turn:
		d.wire.Finish()
		d.give()
	default: // somebody is at it: closing the port ends that
	}
	return d.wire.Port.Close()
}

// Idle is how long the connection is kept without a job.
func (d *Printer) Idle() time.Duration {
	if _, ok := device.As[device.Releaser](d.wire.Port); !ok {
		return 0
	}
	return d.cfg.idle
}

// Release gives the connection up until the next call needs it.
func (d *Printer) Release(ctx context.Context) error {
	if err := d.take(ctx, "release"); err != nil {
		return err
	}
	defer d.give()
	return d.wire.Release()
}

// OnAttention has f called when the printer starts or ceases to wait for a
// person; f must not block and must not call the printer.
func (d *Printer) OnAttention(f func(error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told = f
	if d.last != "" {
		f(printer.Attention(d.info.Name, "print", d.last))
	}
}

func (d *Printer) tell() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last == d.want {
		return
	}
	d.last = d.want
	switch {
	case d.told == nil:
	case d.last == "":
		d.told(nil)
	default:
		d.told(printer.Attention(d.info.Name, "print", d.last))
	}
}

func (d *Printer) heard(data []byte) {
	d.buf = append(d.buf, data...)
	for len(d.buf) > 0 {
		frame, n := take(d.buf)
		if n == 0 {
			return
		}
		if frame != nil {
			d.seen++
			d.mute = false
			d.want = judge(frame)
			d.tell()
		}
		d.buf = d.buf[n:]
	}
}

func (d *Printer) take(ctx context.Context, op string) error {
	select {
	case <-d.turn:
		return nil
	case <-ctx.Done():
		return fault.New(fault.Busy, d.info.Name, op, ctx.Err())
	}
}

func (d *Printer) give() { d.turn <- struct{}{} }

// Check asks for the status (ESC ACK SOH). A printer that has never answered is
// taken at its word: nil.
func (d *Printer) Check(ctx context.Context) error {
	if err := d.take(ctx, "check"); err != nil {
		return err
	}
	defer d.give()
	return d.check(ctx, "check")
}

func (d *Printer) check(ctx context.Context, op string) error {
	if !d.cfg.Status {
		return nil
	}
	answered, err := d.ask(ctx, op)
	switch {
	case err != nil:
		return err
	case !answered && d.seen > 0:
		return d.wire.Fail(fault.Timeout, op, fmt.Errorf("no status within %v", answerTime))
	case !answered && (!d.mute || time.Since(d.asked) >= muteTime):
		d.mute, d.asked = true, time.Now()
	case d.want != "":
		return printer.Attention(d.info.Name, op, d.want)
	}
	return nil
}

// ask reports whether a status came; a mute printer is only listened to.
func (d *Printer) ask(ctx context.Context, op string) (bool, error) {
	if err := d.wire.Listen(ctx, op, time.Now().Add(time.Millisecond)); err != nil || d.mute && time.Since(d.asked) < muteTime {
		return false, err
	}
	before := d.seen
	if err := device.Send(ctx, d.wire.Port, d.info.Name, op, []byte{esc, 0x06, 0x01}); err != nil {
		return false, err
	}
	until := time.Now().Add(answerTime)
	for d.seen == before && time.Now().Before(until) && ctx.Err() == nil {
		if err := d.wire.Listen(ctx, op, until); err != nil {
			return false, err
		}
	}
	return d.seen > before, nil
}

// OpenDrawer kicks the drawer on pin 2 (also 0) or 5.
func (d *Printer) OpenDrawer(ctx context.Context, pin int) error {
	switch {
	case !d.cfg.Drawer:
		return fault.New(fault.Refused, d.info.Name, "open drawer", errors.New("this printer has no drawer"))
	case pin != 0 && pin != 2 && pin != 5:
		return fault.New(fault.Refused, d.info.Name, "open drawer", fmt.Errorf("pin %d; there are 2 and 5", pin))
	}
	ctx, cancel := context.WithTimeout(ctx, kickTime)
	defer cancel()
	if err := d.take(ctx, "open drawer"); err != nil {
		return err
	}
	defer d.give()
	return device.Send(ctx, d.wire.Port, d.info.Name, "open drawer", kick(pin))
}

// Print prints doc and looks how the printer is once it should be done.
func (d *Printer) Print(ctx context.Context, _ string, doc printer.Doc) (printer.Result, error) {
	page, err := layout.Compose(doc, d.cfg.caps())
	if err != nil {
		return printer.Result{}, err
	}
	job, err := build(d.cfg, page)
	if err != nil {
		return printer.Result{}, err
	}
	if err := d.take(ctx, "print"); err != nil {
		return printer.Result{}, err
	}
	defer d.give()
	if err := d.check(ctx, "print"); err != nil {
		return printer.Result{}, err
	}
	sent, err := d.wire.Write(ctx, "print", job)
	if err == nil {
		err = d.wire.Drained(ctx, "print")
	}
	if err != nil {
		if sent > 0 && d.want != "" {
			err = printer.Attention(d.info.Name, "print", d.want)
		}
		return printer.Result{Started: sent > 0}, err
	}
	evidence, err := d.confirm(ctx, page.Dots())
	return printer.Result{Started: true, Evidence: evidence}, err
}

// Test prints a short page.
func (d *Printer) Test(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	_, err := d.Print(ctx, "test", printer.Doc{
		printer.Text{Line: "tilld", Align: printer.Center, Width: 2, Height: 2, Bold: true},
		printer.Text{Line: d.info.Name + " / Star " + d.cfg.Language, Align: printer.Center},
		printer.Rule{},
		printer.Text{Line: "打印测试：中文 ￥12.50"},
		printer.QR{Payload: "TILLD TEST", MM: 20, Caption: "TILLD TEST"},
		printer.Cut{},
	})
	return err
}

// confirm waits as long as the printing takes and asks how the printer is. While
// it waits for a person the job waits with it, until ctx ends.
func (d *Printer) confirm(ctx context.Context, dots int) (printer.Evidence, error) {
	if !d.cfg.Status || d.mute {
		return printer.BytesTaken, nil
	}
	patience := time.Duration(dots) * time.Second / slowest
	end := time.Now().Add(patience)
	for {
		until := time.Now().Add(min(pollTime, max(time.Until(end), time.Millisecond)))
		for time.Now().Before(until) && ctx.Err() == nil {
			if err := d.wire.Listen(ctx, "print", until); err != nil {
				return printer.BytesTaken, err
			}
		}
		if ctx.Err() != nil {
			if d.want != "" {
				return printer.BytesTaken, printer.Attention(d.info.Name, "print", d.want)
			}
			return printer.BytesTaken, d.wire.Fail(fault.Timeout, "print", ctx.Err())
		}
		d.give() // a drawer may open in between
		<-d.turn
		answered, err := d.ask(ctx, "print")
		switch {
		case err != nil:
			return printer.BytesTaken, err
		case d.want != "":
			end = time.Now().Add(patience)
		case time.Now().Before(end):
		case answered:
			return printer.StatusGood, nil
		default:
			return printer.BytesTaken, nil
		}
	}
}
