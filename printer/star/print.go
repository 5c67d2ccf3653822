package star

import (
	"context"
	"errors"
	"time"

	"tilld/internal/fault"
	"tilld/printer"
	"tilld/printer/layout"
)

// Print prints doc and waits for proof that it is on paper; without any it looks
// how the printer is once it should be done.
func (d *Printer) Print(ctx context.Context, jobID string, doc printer.Doc) (printer.Result, error) {
	page, err := layout.Compose(doc, d.cfg.caps())
	if err != nil {
		return printer.Result{}, err
	}
	job, err := build(d.cfg, page)
	if err != nil {
		return printer.Result{}, err
	}
	if err := d.turn.Begin(ctx, "print"); err != nil {
		return printer.Result{}, err
	}
	defer d.turn.End()
	if err := d.check(ctx, "print"); err != nil {
		return printer.Result{}, err
	}
	d.lost = false
	d.job = printer.Mark(jobID)
	defer func() { d.job = "" }()
	before, after := d.proof.begin(d.job, !d.mute)
	job = append(append(before, job...), after...)
	sent, err := d.send(ctx, job)
	if err == nil {
		err = d.wire.Drained(ctx, "print", d.turn.Lend)
	}
	if err != nil {
		if sent > 0 && d.state.want != "" {
			err = printer.Attention(d.info.Name, "print", d.state.want)
		}
		return printer.Result{Started: sent > 0}, err
	}
	evidence, err := d.confirm(ctx, page.Dots(), sent)
	return printer.Result{Started: true, Evidence: evidence}, err
}

// send hands a job over command by command; in between the wire is lent to a
// drawer that has to open.
func (d *Printer) send(ctx context.Context, job []byte) (sent int, err error) {
	d.hurt = nil
	for {
		n := min(span(job), len(job))
		taken, err := d.wire.Write(ctx, "print", job[:n])
		sent, job = sent+taken, job[n:]
		if err != nil || len(job) == 0 {
			return sent, err
		}
		if d.turn.Lend(); d.hurt != nil { // what follows would be taken for the rest of its command
			return sent, d.hurt
		}
	}
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

// confirm gathers evidence. While the printer waits for a person the job waits with
// it, until ctx ends.
func (d *Printer) confirm(ctx context.Context, dots, bytes int) (printer.Evidence, error) {
	if !d.cfg.Status || d.mute {
		return printer.BytesTaken, nil
	}
	patience := time.Duration(dots) * time.Second / slowest
	if d.proof.waits() {
		// What took the bytes may be a box that hands them on over a slow line.
		patience += settleTime + time.Duration(bytes)*10*time.Second/slowBaud
	}
	end := time.Now().Add(patience)
	for {
		until := time.Now().Add(min(pollTime, max(time.Until(end), time.Millisecond)))
		for time.Now().Before(until) && ctx.Err() == nil && d.proof.have == "" {
			if err := d.wire.Listen(ctx, "print", until); err != nil && d.proof.have == "" {
				return printer.BytesTaken, err
			}
		}
		if ctx.Err() != nil && d.proof.have == "" {
			if d.state.want != "" {
				return printer.BytesTaken, printer.Attention(d.info.Name, "print", d.state.want)
			}
			return printer.BytesTaken, d.wire.Fail(fault.Timeout, "print", context.Cause(ctx))
		}
		answered := false
		if d.proof.have == "" {
			d.turn.Lend() // a drawer may open in between
			var err error
			if answered, err = d.ask(ctx, "print"); err != nil && d.proof.have == "" {
				return printer.BytesTaken, err
			}
		}
		switch {
		case d.lost:
			return printer.BytesTaken, fault.New(fault.Protocol, d.info.Name, "print", errors.New("the printer's receive buffer ran over: part of the job is lost"))
		case d.proof.have != "":
			if d.proof.misses = 0; d.state.want != "" { // that is over, then
				_, _ = d.ask(ctx, "print")
			}
			return d.proof.have, nil
		case d.state.want != "":
			end = time.Now().Add(patience)
		case time.Now().Before(end):
			printer.Progress(ctx)
		case answered:
			d.proof.misses++
			return printer.StatusGood, nil
		default:
			// It answered before the job and answers nothing now: bytes that lie in a
			// socket are no sign of paper.
			return printer.BytesTaken, d.wire.Fail(fault.Timeout, "print", errors.New("the printer has stopped answering"))
		}
	}
}
