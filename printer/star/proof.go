package star

import (
	"time"

	"tilld/printer"
)

// proof keeps what shows that jobs are on paper.
//
// With "document" two queries follow the job (ESC GS ETX): one waits until printing
// has ended, both are echoed with two letters of the caller's: together the job's
// mark, so that an answer finds its job whenever it comes.
//
// With "etb" the job is followed by ETB, which counts when everything before it is
// printed; the counter, 0 to 31, is in every status. It carries no name. So a job
// is proved by a value that nothing but its own ETB can bring about: not an earlier
// job that still waits in the printer, and not a printer that has lost its power
// and counts from 0 again. While earlier ETBs may still come, a job is followed by
// one more than those.
type proof struct {
	kind string // document, etb, none

	mark   string // of the newest job, "" none; etb: waits for its value
	have   printer.Evidence
	letter string // document: of the first query's answer
	misses int    // jobs in a row without proof
	ever   bool   // some proof has come

	count   int // last counter seen, -1 not known
	owed    int // ETBs sent that have not been counted
	least   int // values that prove mark
	most    int
	zeroed  bool      // the counter is cleared before the job's ETB
	sent    time.Time // when the last was
	lastIll time.Time // when the printer was last seen unwell
}

// settled is how long a well printer may take for what is in it.
const settled = time.Minute

// maxOwed ETBs may be outstanding; a job beyond that goes without proof.
const maxOwed = 7

// begin returns what goes before and after the job, for a printer that was just
// heard or not.
func (p *proof) begin(mark string, heard bool) (before, after []byte) {
	p.mark, p.have, p.letter = mark, "", ""
	switch {
	case p.kind == "document" && heard:
		return nil, []byte{esc, gs, 0x03, 1, mark[0], mark[1], esc, gs, 0x03, 0, mark[2], mark[3]}
	case p.kind != "etb" || !heard || p.count < 0:
		p.mark = ""
		return nil, nil
	}
	if p.owed > 0 && time.Since(p.sent) > settled && time.Since(p.lastIll) > settled {
		p.owed = 0 // it had the time: they are lost
	}
	n := p.owed + 1
	if p.owed == 0 && p.count >= 30 {
		before, p.zeroed = []byte{esc, 0x1e, 'E', 0}, true
		p.least = 1
	} else {
		p.least = p.count + n
	}
	p.most = p.least + p.owed
	if p.owed > maxOwed || p.most > 31 {
		p.mark = ""
		return nil, nil
	}
	p.owed += n
	p.sent = time.Now()
	for range n {
		after = append(after, 0x17)
	}
	return before, after
}

// counted takes the counter of a status; proved is true when it proves mark.
func (p *proof) counted(count int, well bool) (proved bool) {
	if !well {
		p.lastIll = time.Now()
	}
	was := p.count
	p.count = count
	switch {
	case p.kind != "etb" || count < 0 || was < 0:
		return false
	case count < was && p.zeroed: // cleared by us
		p.zeroed = false
		p.owed = max(p.owed-count, 0)
	case count < was: // power, or somebody's reset: what was owed is lost
		p.owed, p.mark = 0, ""
		return false
	default:
		p.owed = max(p.owed-(count-was), 0)
	}
	if p.mark == "" || p.zeroed || count < p.least || count > p.most {
		return false
	}
	return true
}

// echoed takes the answer to a query; mark is the job that it completes.
func (p *proof) echoed(r reply) (mark string) {
	if r.query == 1 {
		p.letter = r.id
		return ""
	}
	if p.letter != "" {
		mark = p.letter + r.id
	}
	p.letter = ""
	return mark
}

// waits reports whether proof of the newest job is worth waiting for.
func (p *proof) waits() bool {
	return p.mark != "" && (p.ever || p.misses < 2)
}
