package sim

import (
	"cmp"
	"context"
	"image"
	"slices"
	"sync"
	"time"
)

// Model is what a simulated printer is built like.
type Model struct {
	// Language is ESCPOS, StarPRNT or StarLine.
	Language string
	Dots     int    // across: 576 (80 mm) or 384 (58 mm); 0 is 576
	Latin    bool   // no Chinese character ROM
	Plain    bool   // no cutter
	Clone    bool   // knows neither process ids (GS ( H) nor GS ( L, GS ( k
	Maker    string // answer to GS I 66, "" is SIMULATED; a Clone does not answer
	Name     string // answer to GS I 67, "" is SIM-80
	Buffer   int    // bytes of receive buffer, 0 is 64 KiB
	Font     Font   // characters on the picture; nil draws boxes
	Archive  int    // tickets kept, 0 is 1,000
}

// Printer is a simulated receipt printer, ESC/POS or Star. Bytes go through real-time
// detection into a receive buffer; a mechanism takes them out while the printer
// is online. Safe for concurrent use.
type Printer struct {
	model Model

	mu       sync.Mutex
	m        *machine
	star     *star // nil: ESC/POS
	sw       Switches
	buf      []byte // receive buffer
	hungry   bool   // the mechanism waits for the rest of the command at the head of buf
	real     []byte // the last bytes, where a real-time command may be beginning
	host     func([]byte)
	untold   []byte // the last process id that no host was there to hear
	asb      byte   // mask of GS a, 0 off
	tickets  []*Ticket
	pulses   int
	received int64
	cutAt    int64 // drop the connection at this many bytes received, 0 never
	drop     func()
	changed  chan struct{}
}

// NewPrinter returns a printer with paper, closed and online. Run moves it.
func NewPrinter(model Model) *Printer {
	if model.Dots == 0 {
		model.Dots = 576
	}
	if model.Buffer == 0 {
		model.Buffer = 64 << 10
	}
	if model.Archive == 0 {
		model.Archive = 1000
	}
	p := &Printer{model: model, changed: make(chan struct{})}
	p.m = &machine{
		dots: model.Dots, clone: model.Clone, maker: cmp.Or(model.Maker, "SIMULATED"), name: cmp.Or(model.Name, "SIM-80"), cutter: !model.Plain, chinese: !model.Latin, font: model.Font, now: time.Now,
		reply: p.answer, status: func() Switches { return p.sw }, done: p.ejected,
	}
	p.m.reset()
	if model.Language != ESCPOS {
		p.star = newStar(p.m, model.Language, p.answer, func() Switches { return p.sw }, p.pulse)
	}
	return p
}

// next is the command at the head of the buffer.
func (p *Printer) next() (int, func()) {
	if p.star != nil {
		return p.star.next(p.buf)
	}
	return p.m.next(p.buf)
}

// Run is the mechanism; it blocks until ctx ends.
func (p *Printer) Run(ctx context.Context) error {
	for {
		p.mu.Lock()
		wait := p.work()
		changed := p.changed
		p.mu.Unlock()
		if wait == 0 {
			select {
			case <-ctx.Done():
				return nil
			case <-changed:
			}
			continue
		}
		pause := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil
		case <-pause.C:
		}
	}
}

// work executes what it can. It returns how long the mechanism is busy with
// that, 0 when there is nothing to do. It needs mu.
func (p *Printer) work() time.Duration {
	did := false
	p.hungry = false
	for !p.sw.offline() && !p.sw.Off {
		n, run := p.next()
		if n == 0 {
			did = did || !p.hungry
			p.hungry = true
			break
		}
		before := p.m.paperY()
		p.execute(p.buf[:n], run)
		p.buf = p.buf[n:]
		did = true
		moved := max(p.m.paperY()-before, 0)
		if p.sw.PaperLeft > 0 && moved > 0 {
			if p.sw.PaperLeft -= moved; p.sw.PaperLeft <= 0 {
				p.sw.PaperLeft = 0
				p.change(func(s *Switches) { s.PaperOut = true })
			}
		}
		if p.sw.DotsPerSecond > 0 && moved > 0 {
			p.notify()
			return time.Duration(moved) * time.Second / time.Duration(p.sw.DotsPerSecond)
		}
	}
	if did {
		p.notify()
	}
	return 0
}

// execute runs one command and what it means outside the paper. It needs mu.
func (p *Printer) execute(b []byte, run func()) {
	switch {
	case p.star != nil:
	case len(b) == 3 && b[0] == 0x1D && b[1] == 'a':
		p.asb = b[2]
		if p.asb != 0 {
			p.answer(p.sw.asb())
		}
	case len(b) == 2 && b[0] == 0x1B && b[1] == '@':
		p.asb = 0
	case len(b) == 5 && b[0] == 0x1B && b[1] == 'p':
		p.pulse()
	case p.model.Clone && len(b) > 3 && b[0] == 0x1D && b[1] == '(':
		p.m.unknownCode(b[:3])
		return
	}
	run()
}

func (p *Printer) pulse() { p.pulses++ }

// answer sends bytes to the host, if there is one that may hear. It needs mu.
func (p *Printer) answer(b []byte) {
	if p.host == nil && !p.sw.Off && len(b) == 7 && b[0] == 0x37 && b[1] == 0x22 {
		p.untold = slices.Clone(b)
	}
	if p.host == nil || p.sw.Silent || p.sw.Off {
		return
	}
	b = slices.Clone(b)
	if p.sw.Garbage {
		for i := range b {
			b[i] ^= 0xA5
		}
	}
	p.host(b)
}

// ejected keeps a ticket. It needs mu.
func (p *Printer) ejected(t *Ticket) {
	p.tickets = append(p.tickets, t)
	if len(p.tickets) > p.model.Archive {
		p.tickets = slices.Delete(p.tickets, 0, len(p.tickets)-p.model.Archive)
	}
}

// change flips switches and sends the status back if asked to. It needs mu.
func (p *Printer) change(f func(*Switches)) {
	was := p.reported()
	f(&p.sw)
	if now := p.reported(); !slices.Equal(was, now) {
		switch {
		case p.star != nil && p.star.asb:
			p.star.tell()
		case p.star == nil && p.asb != 0:
			p.answer(now)
		}
	}
	p.notify()
}

// reported is the status that a change of is sent. It needs mu.
func (p *Printer) reported() []byte {
	if p.star != nil {
		return p.star.frame()
	}
	return p.sw.asb()
}

// notify needs mu.
func (p *Printer) notify() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// Set flips switches. Losing power forgets what is in the buffer.
func (p *Printer) Set(f func(*Switches)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.change(f)
	if p.sw.Off {
		p.buf, p.real, p.asb, p.untold = nil, nil, 0, nil
		p.m.eject(false)
		if p.m.reset(); p.star != nil {
			p.star.power()
		}
		if p.drop != nil {
			p.drop()
		}
	}
}

// CutAfter drops the connection once n more bytes were received.
func (p *Printer) CutAfter(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cutAt = p.received + n
}

// Switches returns how the printer stands.
func (p *Printer) Switches() Switches {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sw
}

// Tickets returns the tickets with an ID above after, oldest first, and a
// channel that is closed when something changes.
func (p *Printer) Tickets(after int) ([]Ticket, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []Ticket
	for _, t := range p.tickets {
		if t.ID > after {
			list = append(list, *t)
		}
	}
	return list, p.changed
}

// Wait returns the first ticket with an ID above after.
func (p *Printer) Wait(ctx context.Context, after int) (Ticket, error) {
	for {
		list, changed := p.Tickets(after)
		if len(list) > 0 {
			return list[0], nil
		}
		select {
		case <-ctx.Done():
			return Ticket{}, context.Cause(ctx)
		case <-changed:
		}
	}
}

// Stats is the printer at a glance.
type Stats struct {
	Received int64 `json:"received"` // bytes
	Waiting  int   `json:"waiting"`  // bytes in the buffer
	Unknown  int   `json:"unknown"`  // commands no manual explains
	Pulses   int   `json:"pulses"`   // drawer
	Last     int   `json:"last"`     // newest ticket's ID, that in the printer included
	Out      int   `json:"out"`      // newest ticket's ID that came out
	Hanging  int   `json:"hanging"`  // dots of the ticket in the printer
	Held     bool  `json:"held"`     // by a host, whose end the printer may not have noticed yet
}

// Stats returns the printer at a glance.
func (p *Printer) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	out, hanging := p.m.nextID, 0
	if p.m.ticket != nil {
		out--
		hanging = p.m.ticket.paper.height()
	}
	return Stats{Received: p.received, Waiting: len(p.buf), Unknown: p.m.unknown, Pulses: p.pulses, Last: p.m.nextID, Out: out, Hanging: hanging, Held: p.host != nil}
}

// Picture draws the ticket with this ID, the one still in the printer
// included; nil if there is none.
func (p *Printer) Picture(id int) *image.Gray {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.m.ticket
	for _, kept := range p.tickets {
		if kept.ID == id {
			t = kept
		}
	}
	if t == nil || t.ID != id {
		return nil
	}
	return t.paper.image(0, t.paper.height(), 16)
}

// Tear takes the paper out of a printer without a cutter: what is in the
// printer becomes a ticket.
func (p *Printer) Tear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.m.eject(false)
	p.notify()
}
