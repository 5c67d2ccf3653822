package escpos

import (
	"context"
	"sync/atomic"
	"time"

	"tilld/device"
	"tilld/printer"
	"tilld/printer/internal/wire"
)

const (
	// answerTime is how long a printer may take for a real-time status.
	answerTime = 500 * time.Millisecond
	// freshTime is how long an answer to a check holds for a job that begins.
	freshTime = 300 * time.Millisecond
	// muteTime is how long a printer that does not answer is not asked again: it
	// may have been starting.
	muteTime = 5 * time.Second
	// kickTime bounds the opening of a drawer.
	kickTime = 3 * time.Second
)

// Printer is one ESC/POS printer. Its methods may be called at the same time;
// they take turns on the wire.
type Printer struct {
	info device.Info
	cfg  Config
	turn wire.Turn // who has the wire owns everything below
	wire wire.Wire
	in   decoder

	told   wire.Listener
	proved wire.Witness
	talks  atomic.Bool // has answered a real-time status at least once
	mute   bool        // was asked and did not answer
	state  health
	inbox  []reply
	looked time.Time // when it was last asked
	owed   owed      // answers to GS r that have not come yet
	stray  bool      // bytes made elsewhere may have left it in the middle of a command
	unsure bool      // answers were lost: find out before the next job
	hurt   error     // a kick that was lent the wire in the middle of a job was cut short
}

// Open takes a printer into service: it reads the options and asks the printer
// what they leave open: which Chinese characters it has, or with profile auto
// what it is.
func Open(ctx context.Context, p device.Port, s device.Spec) (printer.Printer, error) {
	cfg, err := configure(s)
	if err != nil {
		return nil, err
	}
	d := &Printer{
		info: device.Info{Name: s.Name, Driver: s.Driver, Model: cfg.Profile}, cfg: cfg,
		turn: wire.NewTurn(s.Name),
	}
	d.wire = wire.Wire{Port: p, Name: s.Name, Chunk: cfg.Chunk, Pause: cfg.pause, Waits: func() bool { return d.state.want != "" }}
	if cfg.Status != "none" || cfg.Confirm != "none" {
		d.wire.Heard = d.heard
	}
	if cfg.Profile == auto && d.wire.Heard != nil {
		if err := d.detect(ctx, s); err != nil {
			return nil, err
		}
		cfg = d.cfg
		d.wire.Chunk, d.wire.Pause = cfg.Chunk, cfg.pause
	}
	switch {
	case cfg.Chinese != "auto":
	case d.wire.Heard == nil:
		d.cfg.Chinese = "none" // nobody to ask
	default:
		if d.cfg.Chinese, err = d.askChinese(ctx); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Info names the device and its profile.
func (d *Printer) Info() device.Info { return d.info }

// Caps are those of the configured profile.
func (d *Printer) Caps() printer.Caps { return d.cfg.caps() }

// OnAttention has f called when the printer starts or ceases to wait for a
// person, and now if it does; f must not block and must not call the printer.
func (d *Printer) OnAttention(f func(error)) { d.told.Set(f) }

// OnEvidence has f called when an answer comes that proves an earlier job; f
// must not block and must not call the printer.
func (d *Printer) OnEvidence(f func(mark string, e printer.Evidence)) { d.proved.Set(f) }

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
	d.owed.forget() // answers of this connection do not come on the next
	return d.wire.Release()
}

// Talks reports whether the printer has answered a real-time status.
func (d *Printer) Talks() bool { return d.talks.Load() }

// Expect makes silence a fault: the printer is known to answer.
func (d *Printer) Expect() { d.talks.Store(d.cfg.Status != "none") }
