package escpos

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tilld/internal/fault"
	"tilld/printer"
	"tilld/printer/layout"
)

// Print lays doc out, looks whether the printer is ready, sends the job and
// gathers evidence until ctx ends.
func (d *Printer) Print(ctx context.Context, jobID string, doc printer.Doc) (printer.Result, error) {
	page, err := layout.Compose(doc, d.cfg.caps())
	if err != nil {
		return printer.Result{}, err
	}
	job, err := build(d.cfg, page)
	if err != nil {
		return printer.Result{}, err
	}
	return d.run(ctx, jobID, job, page.Dots(), false)
}

// PrintRaw sends bytes made elsewhere after [Screen] has looked at them. What they
// leave unfinished is finished: the next job must not become part of it.
func (d *Printer) PrintRaw(ctx context.Context, jobID string, head printer.Doc, data []byte, drawer bool) (printer.Result, error) {
	data, err := Screen(data, drawer)
	if err == nil {
		data, err = finish(data)
	}
	if err == nil && len(head) > 0 {
		var page layout.Page
		if page, err = layout.Compose(head, d.cfg.caps()); err == nil {
			var mark []byte
			mark, err = build(d.cfg, page)
			data = headed(data, mark)
		}
	}
	if err != nil {
		return printer.Result{}, err
	}
	return d.run(ctx, jobID, data, len(data)/48*layout.LineDots, true)
}

// Test prints a page that shows what the printer can do. It takes a minute at
// most.
func (d *Printer) Test(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	c := d.cfg
	doc := printer.Doc{
		printer.Text{Line: "tilld", Align: printer.Center, Width: 2, Height: 2, Bold: true},
		printer.Text{Line: d.info.Name + " / " + c.Profile, Align: printer.Center},
		printer.Rule{},
		printer.Text{Line: strings.Repeat("1234567890", c.Columns/10+1)[:c.Columns]},
		printer.Text{Line: fmt.Sprintf("%d columns, %d dots, %d dpi", c.Columns, c.Dots, c.DPI)},
		printer.Text{Line: "打印测试：中文 ￥12.50"},
		printer.Text{Line: "粗体 bold", Bold: true},
		printer.Text{Line: "下划线 underline", Underline: true},
		printer.Text{Line: "倍宽倍高 2 x 2", Width: 2, Height: 2},
	}
	if c.Raster != "none" {
		doc = append(doc, printer.QR{Payload: "TILLD TEST", MM: 20, Caption: "TILLD TEST"})
	}
	_, err := d.Print(ctx, "test", append(doc, printer.Cut{}))
	return err
}

// run prints one job. dots is about how long the paper will be; raw says that the
// bytes were made elsewhere.
func (d *Printer) run(ctx context.Context, jobID string, job []byte, dots int, raw bool) (printer.Result, error) {
	if err := d.turn.Begin(ctx, "print"); err != nil {
		return printer.Result{}, err
	}
	defer d.turn.End()
	if err := d.check(ctx, "print"); err != nil {
		return printer.Result{}, err
	}
	if err := d.found(ctx); err != nil {
		return printer.Result{}, err
	}
	if err := d.sure(ctx); err != nil {
		return printer.Result{}, err
	}
	d.sift()
	mark := printer.Mark(jobID)
	piece := ownPiece
	if raw {
		piece = rawPiece
	}
	sent, err := d.send(ctx, d.complete(job, mark), piece)
	if err != nil {
		if sent > 0 && d.state.want != "" {
			err = printer.Attention(d.info.Name, "print", d.state.want)
		}
		return printer.Result{Started: sent > 0}, err
	}
	if d.cfg.Confirm != "none" {
		d.owed.add(mark)
	}
	evidence, err := d.confirm(ctx, mark, dots, sent)
	if raw && err == nil && d.owed.ever && evidence != printer.InOrder && evidence != printer.ProcessID {
		d.stray = true
	}
	return printer.Result{Started: true, Evidence: evidence}, err
}

// send hands a job over piece by piece, as piece finds them; in between the wire is
// lent to a drawer that has to open.
func (d *Printer) send(ctx context.Context, job []byte, piece func([]byte, int) int) (sent int, err error) {
	d.hurt = nil
	for {
		n := piece(job, d.cfg.piece)
		taken, err := d.wire.Write(ctx, "print", job[:n])
		sent, job = sent+taken, job[n:]
		if err != nil || len(job) == 0 {
			return sent, err
		}
		if err := d.wire.Rest(ctx, "print"); err != nil {
			return sent, err
		}
		if d.turn.Lend(); d.hurt != nil { // what follows would be taken for the rest of its command
			return sent, d.hurt
		}
	}
}

// ownPiece is how many bytes at the start of a job of ours are whole commands, at
// least so many if there are.
func ownPiece(b []byte, least int) int {
	n := 0
	for n < len(b) && n < least {
		n += span(b[n:])
	}
	return min(n, len(b))
}

// rawPiece is the same for bytes made elsewhere: up to the end of a line, since
// not all of their commands are known here.
func rawPiece(b []byte, least int) int {
	for n := 0; n < len(b); {
		line := b[n] == lf
		if n += span(b[n:]); line && n >= least {
			return min(n, len(b))
		}
	}
	return len(b)
}

// complete frames the job: status reports on before it, queries after it.
func (d *Printer) complete(job []byte, id string) []byte {
	out := job
	if d.cfg.Status == "asb" {
		// ESC @ switches the reports off on many models, so they are asked for
		// right after the one the job begins with.
		on := []byte{gs, 'a', d.cfg.reports()}
		if len(job) >= 2 && job[0] == esc && job[1] == '@' {
			out = append([]byte{esc, '@'}, append(on, job[2:]...)...)
		} else {
			out = append(on, job...)
		}
	}
	switch d.cfg.Confirm {
	case "process_id":
		out = append(out, gs, '(', 'H', 6, 0, '0', '0', id[0], id[1], id[2], id[3])
		fallthrough
	case "in_order":
		out = append(out, gs, 'r', 1)
	}
	return out
}

// sure finds out anew which answers are outstanding, if that is not known.
func (d *Printer) sure(ctx context.Context) error {
	if !d.unsure {
		return nil
	}
	d.unsure = false
	_, err := d.inSync(ctx, syncTime)
	return err
}

const (
	// settleTime is what a printer may need besides the printing itself.
	settleTime = 3 * time.Second
	// idTime is how long the process id may stay out after the in-order answer.
	idTime = 5 * time.Second
	// pollTime is between two looks at a printer that still prints.
	pollTime = time.Second
	// slowBaud is the slowest line that printers are on.
	slowBaud = 9600
	// slowest is the speed below which a printer counts as stuck: 50 mm/s.
	slowest = 400 // dots a second
)

// confirm gathers evidence that the job is on paper. While the printer waits for
// a person the job waits with it, until ctx ends.
func (d *Printer) confirm(ctx context.Context, id string, dots, bytes int) (printer.Evidence, error) {
	if err := d.wire.Drained(ctx, "print", d.turn.Lend); err != nil {
		if d.state.want != "" {
			err = printer.Attention(d.info.Name, "print", d.state.want)
		}
		return printer.NoEvidence, err
	}
	if d.cfg.Status == "none" && d.cfg.Confirm == "none" {
		return printer.BytesTaken, nil
	}
	best := printer.BytesTaken
	patience := settleTime + time.Duration(dots)*time.Second/slowest
	if d.cfg.Confirm == "none" {
		patience = time.Duration(dots) * time.Second / (2 * slowest)
	}
	if d.talks.Load() {
		// What took the bytes may be a box that hands them on over a slow line.
		patience += time.Duration(bytes) * 10 * time.Second / slowBaud
	}
	end := time.Now().Add(patience)
	for {
		r, ok, err := d.await(ctx, "print", min(pollTime, max(time.Until(end), time.Millisecond)), func(r reply) bool {
			return r.kind == processed || r.kind == inOrder && len(d.owed.waits) > 0
		})
		switch {
		case ok && r.kind == processed && string(r.data) != id:
			d.proved.Tell(string(r.data), printer.ProcessID)
			continue
		case ok && r.kind == inOrder:
			d.paper(r)
			if _, all := d.inTurn(); !all {
				continue // the late answer to an earlier job
			}
		}
		switch {
		case err != nil:
			return best, d.ended(best, err)
		case ok && r.kind == processed:
			d.owed.only(id)
			return printer.ProcessID, nil
		case ok && d.cfg.Confirm == "in_order":
			return printer.InOrder, nil
		case ok: // in order, the process id is to follow
			best = printer.InOrder
			end = time.Now().Add(idTime)
			continue
		case ctx.Err() != nil:
			return d.late(ctx, best)
		}
		status, err := d.look(ctx)
		if err != nil {
			return best, d.ended(best, err)
		}
		if d.state.want != "" {
			end = time.Now().Add(patience) // it goes on when the person has acted
			continue
		}
		if time.Now().Before(end) {
			printer.Progress(ctx)
			continue
		}
		if best == printer.BytesTaken && status {
			best = printer.StatusGood
		}
		if best == printer.BytesTaken && d.talks.Load() && d.cfg.Status != "none" && !d.mute {
			// It answered before the job and answers nothing now: bytes that lie in a
			// socket are no sign of paper.
			return best, d.wire.Fail(fault.Timeout, "print", errors.New("the printer has stopped answering"))
		}
		if best != printer.InOrder && d.cfg.Confirm != "none" {
			d.unsure = d.owed.missed()
		}
		return best, nil
	}
}

// ended is the end of the connection after the last byte was taken. A printer
// that answers would have answered: what became of the job is not known. From
// one that never does, nothing else was to be expected.
func (d *Printer) ended(best printer.Evidence, cause error) error {
	if best == printer.InOrder || !d.talks.Load() {
		return nil
	}
	return cause
}

// late is the end of the time for a job: without evidence of paper it is not
// known what became of it.
func (d *Printer) late(ctx context.Context, best printer.Evidence) (printer.Evidence, error) {
	switch {
	case best == printer.InOrder:
		return best, nil
	case d.state.want != "":
		return best, printer.Attention(d.info.Name, "print", d.state.want)
	}
	return best, d.wire.Fail(fault.Timeout, "print", context.Cause(ctx))
}

// look asks for the status between two waits, with the wire free in between for
// a drawer that has to open; answered is false when the printer is mute.
func (d *Printer) look(ctx context.Context) (answered bool, err error) {
	d.turn.Give()
	if err := d.turn.Take(ctx, "print"); err != nil {
		// The turn is taken back in any case: run gives it away at its end.
		d.turn.Retake()
		return false, nil
	}
	if d.cfg.Status == "none" || d.mute {
		return false, nil
	}
	h, ok, err := d.realTime(ctx, "print")
	if err != nil || !ok {
		return false, err
	}
	d.judged(h)
	return true, nil
}
