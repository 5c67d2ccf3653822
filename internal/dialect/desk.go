// Package dialect lets POS applications print, open the drawer and read scanners
// in protocols they already speak; each has a folder below. A dialect only
// translates: its requests become jobs in the till's one spool, typed drawer
// commands, or a claim on the scanners, and outcomes become the client's words.
// Printers are those of the configuration: no host, file or address that a client
// names is ever opened.
package dialect

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"tilld/device"
	"tilld/internal/health"
	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/printer"
)

// Engine is what dialects need of the till.
type Engine interface {
	PrintForeign(ctx context.Context, f till.ForeignJob) (j till.PrintAnswer, created bool, err error)
	ForeignJobNamed(dialect, printer, id string) (till.PrintAnswer, error)
	AwaitJob(ctx context.Context, id string, changed <-chan struct{}) (till.PrintAnswer, error)
	WithdrawJob(ctx context.Context, id, reason string) (bool, error)
	PrinterStates() []till.PrinterState
	ClaimScans(who string, from func(device string) bool, take func(row till.Scan, text string)) (release func(), err error)
	Do(ctx context.Context, c till.Call, cmd any) (till.Answer, error)
}

// Desk is where all dialects hand their work in. Its fields are set once.
type Desk struct {
	Engine Engine
	Health *health.Board
	Log    *slog.Logger
	// Strip takes kicks of the drawer and status questions out of printer bytes.
	Strip func(data []byte) (clean []byte, kicks int)
	// Caps is what a configured printer can do.
	Caps     func(name string) printer.Caps
	Scanners []Scanner
}

// Scanner is a configured scanner.
type Scanner struct {
	Name string
	Port string // of a serial one, as programs name it: /dev/ttyACM0, COM3; "" for others
}

// Job is what a client wants printed.
type Job struct {
	till.ForeignJob
	Peer   string // who asks, for the audit trail: an origin or an address
	Kicks  int    // typed kicks of the drawer that come with it
	Drawer bool   // kicks inside of Raw are meant; without it they are cut out
}

// Cause is why a job was not printed, for the words of a dialect.
type Cause string

const (
	Printed  Cause = ""         // it was: confirmed, or sent where nothing tells more
	Paper    Cause = "paper"    // no paper
	Cover    Cause = "cover"    // cover open
	Cutter   Cause = "cutter"   // cutter stuck
	Repair   Cause = "repair"   // unrecoverable, or too hot
	Offline  Cause = "offline"  // offline for another reason
	Absent   Cause = "absent"   // not there, or this program may not open it
	Silent   Cause = "silent"   // does not answer
	Busy     Cause = "busy"     // others print: the job was taken back before it began
	Refused  Cause = "refused"  // cannot be printed here; Reason says why
	Unsure   Cause = "unsure"   // part or all of it may be on paper
	NotKnown Cause = "no_such"  // no such printer
	Conflict Cause = "conflict" // the id was used for something else
)

// Result is how a job stands when the client must be answered.
type Result struct {
	till.PrintAnswer
	Cause Cause
}

// patience is how long a printer may be away or want a person before a job that
// waits for it is given back to its client, who then knows that nothing was
// printed and can try again.
const patience = 1500 * time.Millisecond

// Print is Queue and Wait.
func (d *Desk) Print(ctx context.Context, j Job) (Result, error) {
	r, err := d.Queue(ctx, j)
	if err != nil {
		return r, err
	}
	return d.Wait(ctx, r)
}

// Queue queues a job and returns at once. Kicks of the drawer that come with it
// are done once, not again for a job that was known before. Errors are faults of
// the disk.
func (d *Desk) Queue(ctx context.Context, j Job) (Result, error) {
	r, created, err := d.queue(ctx, &j)
	if err == nil && r.Cause == Printed && created {
		d.kick(ctx, j)
	}
	return r, err
}

// Wait waits until the client can be told what became of a job, or ctx ends. A
// job that did not begin by then is withdrawn: what the client is told was not
// printed is never printed later.
func (d *Desk) Wait(ctx context.Context, r Result) (Result, error) {
	if r.Cause != Printed || r.JobID == "" { // refused, or nothing but kicks
		return r, nil
	}
	return d.await(ctx, r.JobID)
}

func (d *Desk) queue(ctx context.Context, j *Job) (Result, bool, error) {
	if len(j.Raw) > 0 {
		clean, kicks := d.Strip(j.Raw)
		j.Raw = clean
		switch {
		case j.Drawer:
			j.Kicks += kicks
		case kicks > 0:
			d.Log.Warn("kicks of the drawer were cut out", "dialect", j.Dialect, "peer", j.Peer, "count", kicks)
		}
	}
	if len(j.Raw) == 0 && len(j.Doc) == 0 {
		return Result{}, true, nil
	}
	answer, created, err := d.Engine.PrintForeign(context.WithoutCancel(ctx), j.ForeignJob)
	if p, ok := errors.AsType[*sale.Problem](err); ok {
		cause := Refused
		switch p.Code {
		case sale.CodeNoPrinter:
			cause = NotKnown
		case sale.CodeJobConflict:
			cause = Conflict
		case sale.CodeRateLimited, sale.CodeQueueFull, sale.CodeUnavailable:
			cause = Busy
		}
		d.Log.Warn("print refused", "dialect", j.Dialect, "peer", j.Peer, "err", p)
		return Result{Cause: cause, PrintAnswer: till.PrintAnswer{Printer: j.Printer, Outcome: printer.Failed, Reason: p.Detail.EN}}, false, nil
	}
	return Result{PrintAnswer: answer}, created, err
}

// kick opens the drawer for the kicks of a job: once, however many there are.
func (d *Desk) kick(ctx context.Context, j Job) {
	if j.Kicks == 0 {
		return
	}
	if err := d.Kick(ctx, j.Dialect, j.Peer, j.Printer); err != nil {
		d.Log.Warn("the cash drawer did not open", "dialect", j.Dialect, "peer", j.Peer, "err", err)
	}
}

// ErrNoDrawer says that the drawer is at another printer.
var ErrNoDrawer = errors.New("dialect: the cash drawer is at the receipt printer")

// Kick opens the drawer of the receipt printer, audited and rate-limited.
func (d *Desk) Kick(ctx context.Context, dialect, peer, printerName string) error {
	for _, p := range d.Engine.PrinterStates() {
		if p.Name == printerName && !p.Default {
			return ErrNoDrawer
		}
	}
	_, err := d.Engine.Do(context.WithoutCancel(ctx), till.Call{Origin: "dialect " + dialect}, till.OpenDrawer{Reason: "asked for by " + clip(peer, 200), Sale: true})
	return err
}

// await waits for the end of a job.
func (d *Desk) await(ctx context.Context, id string) (Result, error) {
	var since time.Time // the printer cannot print
	for {
		news := d.Health.Changed()
		look := time.Now().Add(patience) // a device's state is not in the health board
		if !since.IsZero() {
			look = since.Add(patience)
		}
		own, cancel := context.WithDeadline(ctx, look)
		j, err := d.Engine.AwaitJob(own, id, news)
		cancel()
		if err != nil {
			return Result{PrintAnswer: j}, err
		}
		if j.Outcome.Done() {
			return Result{PrintAnswer: j, Cause: causeOf(j)}, nil
		}
		cause := d.trouble(j.Printer)
		switch {
		case cause == Printed:
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		}
		over := ctx.Err() != nil
		if !over && (cause == Printed || time.Since(since) < patience) {
			continue
		}
		if cause == Printed {
			cause = Busy
		}
		withdrawn, err := d.Engine.WithdrawJob(context.WithoutCancel(ctx), id, "given back to its program: "+string(cause))
		if err != nil {
			return Result{PrintAnswer: j}, err
		}
		if withdrawn {
			j.Outcome, j.Reason = printer.Failed, "given back"
			return Result{PrintAnswer: j, Cause: cause}, nil
		}
		if over { // it is being printed
			return Result{PrintAnswer: j, Cause: Unsure}, nil
		}
		since = time.Time{}
	}
}

// causeOf says how a job that is done went.
func causeOf(j till.PrintAnswer) Cause {
	switch j.Outcome {
	case printer.Failed:
		return Refused
	case printer.Uncertain:
		return Unsure
	default:
		return Printed
	}
}

// trouble is what keeps a printer from printing, Printed when nothing is known to.
func (d *Desk) trouble(name string) Cause {
	for _, p := range d.Engine.PrinterStates() {
		if p.Name == name {
			return TroubleOf(p)
		}
	}
	return NotKnown
}

// TroubleOf is what keeps a printer from printing, Printed when nothing is known
// to: a state that nobody knows never holds a receipt up.
func TroubleOf(p till.PrinterState) Cause {
	switch p.State {
	case device.Missing, device.Denied, device.Taken, device.Faulty:
		return Absent
	case device.Silent:
		return Silent
	}
	switch p.Stops() {
	case "":
		return Printed
	case printer.WantPaper:
		return Paper
	case printer.WantCover:
		return Cover
	case printer.WantCutter:
		return Cutter
	case printer.WantRepair:
		return Repair
	default:
		return Offline
	}
}

// State is how a printer stands; ok is false when there is none of that name.
func (d *Desk) State(name string) (p till.PrinterState, ok bool) {
	for _, p := range d.Engine.PrinterStates() {
		if p.Name == name {
			return p, true
		}
	}
	return till.PrinterState{}, false
}

// Default is the receipt printer's name, "" when there is none.
func (d *Desk) Default() string {
	for _, p := range d.Engine.PrinterStates() {
		if p.Default {
			return p.Name
		}
	}
	return ""
}

// clip shortens text from outside for a log or a reason.
func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	out := []rune{}
	for _, r := range s {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			r = '?'
		}
		out = append(out, r)
	}
	return string(out)
}

// Ack takes the scans up to a number out of the ledger: their program has them.
func (d *Desk) Ack(seq uint64) {
	if _, err := d.Engine.Do(context.Background(), till.Call{Origin: "dialect"}, till.AckScan{Seq: seq}); err != nil {
		d.Log.Warn("scan not acked", "seq", seq, "err", err)
	}
}
