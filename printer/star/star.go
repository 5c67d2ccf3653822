package star

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/printer"
	"tilld/printer/internal/wire"
)

const (
	answerTime = 500 * time.Millisecond // for a status
	kickTime   = 3 * time.Second        // to open a drawer
	pollTime   = 250 * time.Millisecond // between two looks while it prints
	settleTime = 3 * time.Second        // what a printer may need besides the printing
	slowest    = 400                    // dots a second, 50 mm/s
	slowBaud   = 9600                   // of a box that hands bytes on over a slow line
	muteTime   = 5 * time.Second        // until a silent printer is asked again: it may have been starting
)

// Printer is one Star printer. Its methods may be called at the same time.
type Printer struct {
	info  device.Info
	cfg   Config
	turn  wire.Turn // who has the wire owns what follows
	wire  wire.Wire
	buf   []byte
	seen  int // status frames so far
	state health
	lost  bool // bytes were lost since the job began
	proof proof
	job   string    // mark of the job in the machine
	mute  bool      // was asked and did not answer
	asked time.Time // when a mute printer was last asked
	hurt  error     // a kick that was lent the wire in the middle of a job was cut short

	talks  atomic.Bool // has answered, or is known to
	told   wire.Listener
	proved wire.Witness
}

// Open takes a printer into service.
func Open(_ context.Context, p device.Port, s device.Spec) (printer.Printer, error) {
	cfg, err := configure(s)
	if err != nil {
		return nil, err
	}
	d := &Printer{info: device.Info{Name: s.Name, Driver: s.Driver, Model: "Star " + cfg.Language}, cfg: cfg, turn: wire.NewTurn(s.Name)}
	d.proof = proof{kind: cfg.Confirm, count: -1}
	d.wire = wire.Wire{Port: p, Name: s.Name, Chunk: 4096, Waits: func() bool { return d.state.want != "" }}
	if cfg.Status {
		d.wire.Heard = d.heard
	}
	return d, nil
}

// Info names the device.
func (d *Printer) Info() device.Info { return d.info }

// Caps are those of the configuration.
func (d *Printer) Caps() printer.Caps { return d.cfg.caps() }

// Close lets a job that the port has taken reach the printer.
func (d *Printer) Close() error {
	if d.turn.TryTake() { // else somebody is at it: closing the port ends that
		d.wire.Finish()
		d.turn.Give()
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
	if err := d.turn.Take(ctx, "release"); err != nil {
		return err
	}
	defer d.turn.Give()
	return d.wire.Release()
}

// OnAttention has f called when the printer starts or ceases to wait for a
// person; f must not block and must not call the printer.
func (d *Printer) OnAttention(f func(error)) { d.told.Set(f) }

// OnEvidence has f called when an answer comes that proves an earlier job; f
// must not block and must not call the printer.
func (d *Printer) OnEvidence(f func(mark string, e printer.Evidence)) { d.proved.Set(f) }

// Talks reports whether the printer has answered.
func (d *Printer) Talks() bool { return d.talks.Load() }

// Expect makes silence a fault: the printer is known to answer.
func (d *Printer) Expect() { d.talks.Store(d.cfg.Status) }

// heard sorts what the printer says.
func (d *Printer) heard(data []byte) {
	d.buf = append(d.buf, data...)
	for len(d.buf) > 0 {
		r, n, ok := take(d.buf)
		if n == 0 {
			return
		}
		d.buf = d.buf[n:]
		switch {
		case !ok:
		case r.status != nil:
			d.status(judge(r.status))
		default:
			if mark := d.proof.echoed(r); mark != "" {
				d.evidence(mark, printer.ProcessID)
			}
		}
	}
}

// status notes the printer's state and reports a change of it.
func (d *Printer) status(h health) {
	d.seen++
	d.mute = false
	d.talks.Store(true)
	d.state = h
	d.lost = d.lost || h.lost
	d.told.Tell(d.attention())
	if d.proof.counted(h.count, h.want == "") {
		mark := d.proof.mark
		d.proof.mark = ""
		d.evidence(mark, printer.InOrder)
	}
}

// evidence is for the job in the machine, or for one that is done.
func (d *Printer) evidence(mark string, e printer.Evidence) {
	d.proof.ever = true
	if mark == d.job {
		d.proof.have, d.proof.mark = e, ""
		return
	}
	d.proved.Tell(mark, e)
}

// Check asks for the status (ESC ACK SOH). A printer that has never answered is
// taken at its word: nil.
func (d *Printer) Check(ctx context.Context) error {
	if err := d.turn.Take(ctx, "check"); err != nil {
		return err
	}
	defer d.turn.Give()
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
	case !answered && d.talks.Load():
		return d.wire.Fail(fault.Timeout, op, fmt.Errorf("no status within %v", answerTime))
	case !answered && (!d.mute || time.Since(d.asked) >= muteTime):
		d.mute, d.asked = true, time.Now()
	case d.state.want != "":
		return printer.Attention(d.info.Name, op, d.state.want)
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

// OpenDrawer kicks the drawer on pin 2 (also 0) or 5; it waits for its turn on
// the wire, between two commands of a job that is being sent.
func (d *Printer) OpenDrawer(ctx context.Context, pin int) error {
	switch {
	case !d.cfg.Drawer:
		return fault.New(fault.Refused, d.info.Name, "open drawer", errors.New("this printer has no drawer"))
	case pin != 0 && pin != 2 && pin != 5:
		return fault.New(fault.Refused, d.info.Name, "open drawer", fmt.Errorf("pin %d; there are 2 and 5", pin))
	}
	ctx, cancel := context.WithTimeout(ctx, kickTime)
	defer cancel()
	if err := d.turn.Take(ctx, "open drawer"); err != nil {
		return err
	}
	defer d.turn.Give()
	sent, err := d.wire.Write(ctx, "open drawer", kick(pin))
	if err != nil && sent > 0 {
		d.hurt = err
	}
	return err
}
