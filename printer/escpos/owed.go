package escpos

import (
	"slices"

	"tilld/printer"
)

// owed keeps which answers to GS r are outstanding: their jobs' marks, oldest
// first, "" for a question that belongs to none. The answers carry no number, so
// an answer proves its job only when the later ones have come too: until then it
// may be a later job's, the earlier one lost.
type owed struct {
	waits  []string // no answer yet
	came   []string // answered, if nothing was lost
	misses int      // jobs in a row whose own answer did not come in time
	ever   bool     // some answer has come: the printer knows the command
}

func (o *owed) add(mark string) { o.waits = append(o.waits, mark) }

// answer takes the next answer. When all have come it returns the marks of all.
func (o *owed) answer() (proved []string) {
	if len(o.waits) == 0 {
		return nil
	}
	o.ever = true
	o.came, o.waits = append(o.came, o.waits[0]), o.waits[1:]
	if len(o.waits) > 0 {
		return nil
	}
	proved, o.came, o.misses = o.came, nil, 0
	return proved
}

// missed is told that a job's answer did not come in time. After two in a row
// answers have been lost for good, and who waits for what has to be found out
// anew: unsure is true if that can be asked.
func (o *owed) missed() (unsure bool) {
	if o.misses++; o.misses < 2 {
		return false
	}
	o.forget()
	return o.ever
}

// only gives up the answers to all jobs but this one, whose own may follow.
func (o *owed) only(mark string) {
	o.came, o.misses = nil, 0
	o.waits = slices.DeleteFunc(o.waits, func(m string) bool { return m != mark })
}

// forget gives up all answers that are outstanding.
func (o *owed) forget() { o.waits, o.came, o.misses = nil, nil, 0 }

// inTurn books an answer to GS r and tells of the jobs it proves; it returns the
// last of them.
func (d *Printer) inTurn() (last string, all bool) {
	proved := d.owed.answer()
	for i, mark := range proved {
		if last = mark; mark != "" && i < len(proved)-1 {
			d.proved.Tell(mark, printer.InOrder)
		}
	}
	return last, len(proved) > 0
}

// paper takes the roll's state from an answer to GS r 1 where no real-time status
// tells it. An empty roll does not: the printer would not have answered.
func (d *Printer) paper(r reply) {
	if d.cfg.Status == "none" || d.mute {
		d.judged(health{low: r.data[0]&0x03 != 0})
	}
}

// sift goes through what the printer has said while nobody asked: proof of
// earlier jobs is passed on, the rest is dropped.
func (d *Printer) sift() {
	for _, r := range d.inbox {
		switch r.kind {
		case processed:
			d.proved.Tell(string(r.data), printer.ProcessID)
		case inOrder:
			d.paper(r)
			if last, all := d.inTurn(); all && last != "" {
				d.proved.Tell(last, printer.InOrder)
			}
		}
	}
	d.inbox = nil
}
