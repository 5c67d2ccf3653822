package escpos

import (
	"context"
	"fmt"
	"sync"
	"time"

	"tilld/device"
	"tilld/internal/fault"
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
	muteTime = time.Minute
	// kickTime bounds the opening of a drawer.
	kickTime = 3 * time.Second
)

// Printer is one ESC/POS printer. Its methods may be called at the same time;
// they take turns on the wire.
type Printer struct {
	info device.Info
	cfg  Config
	turn chan struct{} // holds one token: who has it owns everything below
	wire wire.Wire
	in   decoder

	told   listener
	talks  bool // has answered a real-time status at least once
	mute   bool // was asked and has never answered
	state  health
	inbox  []reply
	looked time.Time // when it was last asked
	id     int       // of the last process id
	owed   int       // answers to GS r that have not come yet
}

// Open takes a printer into service: it reads the options and, for a profile
// that leaves it open, asks which Chinese characters the printer has.
func Open(ctx context.Context, p device.Port, s device.Spec) (printer.Printer, error) {
	cfg, err := configure(s)
	if err != nil {
		return nil, err
	}
	d := &Printer{
		info: device.Info{Name: s.Name, Driver: s.Driver, Model: cfg.Profile}, cfg: cfg,
		turn: make(chan struct{}, 1),
	}
	d.wire = wire.Wire{Port: p, Name: s.Name, Chunk: cfg.Chunk, Pause: cfg.pause, Waits: func() bool { return d.state.want != "" }}
	if cfg.Status != "none" || cfg.Confirm != "none" {
		d.wire.Heard = d.heard
	}
	d.turn <- struct{}{}
	if cfg.Chinese == "auto" {
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
func (d *Printer) OnAttention(f func(error)) { d.told.set(f) }

// listener is who wants to know that the printer waits for a person.
type listener struct {
	mu   sync.Mutex
	f    func(error)
	last error // what f was told last
}

func (l *listener) set(f func(error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.f = f
	if l.last != nil {
		f(l.last)
	}
}

// tell passes a change on; nil is that all is well.
func (l *listener) tell(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if (err == nil) == (l.last == nil) && (err == nil || err.Error() == l.last.Error()) {
		return
	}
	l.last = err
	if l.f != nil {
		l.f(err)
	}
}

// Close lets a job that the port has taken reach the printer: a socket is shut
// down for writing first, for one that is closed with unread status bytes in it
// may lose its last data.
func (d *Printer) Close() error {
	if half, ok := device.As[interface{ CloseWrite() error }](d.wire.Port); ok {
		select {
		case <-d.turn:
			if half.CloseWrite() == nil {
				ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
				for ctx.Err() == nil && d.wire.Listen(ctx, "close", time.Now().Add(300*time.Millisecond)) == nil {
				}
				cancel()
			}
			d.give()
		default: // somebody is at it: closing the port ends that
		}
	}
	return d.wire.Port.Close()
}

// take waits for the printer to be free.
func (d *Printer) take(ctx context.Context, op string) error {
	select {
	case <-d.turn:
		return nil
	case <-ctx.Done():
		return fault.New(fault.Busy, d.info.Name, op, ctx.Err())
	}
}

func (d *Printer) give() { d.turn <- struct{}{} }

// heard sorts what the printer says.
func (d *Printer) heard(data []byte) {
	for _, r := range d.in.feed(data) {
		switch {
		case r.kind == asb:
			d.judged(judgeASB(r.data))
		case len(d.inbox) < 64:
			d.inbox = append(d.inbox, r)
		}
	}
}

// judged notes the printer's state and reports a change of it.
func (d *Printer) judged(h health) {
	d.state = h
	switch {
	case h.want != "":
		d.told.tell(printer.Attention(d.info.Name, "print", h.want))
	case h.low:
		d.told.tell(printer.Attention(d.info.Name, "print", printer.NearEnd))
	default:
		d.told.tell(nil)
	}
}

// await listens until a reply satisfies match or the time is over.
func (d *Printer) await(ctx context.Context, op string, wait time.Duration, match func(reply) bool) (reply, bool, error) {
	until := time.Now().Add(wait)
	for {
		for i, r := range d.inbox {
			if match(r) {
				d.inbox = append(d.inbox[:i], d.inbox[i+1:]...)
				return r, true, nil
			}
		}
		if ctx.Err() != nil || !time.Now().Before(until) {
			return reply{}, false, nil
		}
		if err := d.wire.Listen(ctx, op, until); err != nil {
			return reply{}, false, err
		}
	}
}

// ask sends a short query and waits for its answer.
func (d *Printer) ask(ctx context.Context, op string, query []byte, wait time.Duration, match func(reply) bool) (reply, bool, error) {
	if err := device.Send(ctx, d.wire.Port, d.info.Name, op, query); err != nil {
		return reply{}, false, err
	}
	return d.await(ctx, op, wait, match)
}

func is(kind replyKind) func(reply) bool {
	return func(r reply) bool { return r.kind == kind }
}

// askChinese asks for the character set by GS I 69 (Epson TM-J2000 p. 469). A
// printer that does not answer gets its Chinese as dots.
func (d *Printer) askChinese(ctx context.Context) (string, error) {
	r, ok, err := d.ask(ctx, "open", []byte{gs, 'I', 69}, answerTime, is(block))
	if err != nil {
		return "", err
	}
	switch {
	case ok && string(r.data) == "_CHINA GB18030":
		return "gbk", nil
	case ok && string(r.data) == "_CHINA GB2312":
		return "gb2312", nil
	}
	return "none", nil
}

// Check asks for the real-time status. A printer that has never answered is
// taken at its word: nil.
func (d *Printer) Check(ctx context.Context) error {
	if err := d.take(ctx, "check"); err != nil {
		return err
	}
	defer d.give()
	return d.check(ctx, "check")
}

// check looks at the printer; a job that begins right after a look needs none.
func (d *Printer) check(ctx context.Context, op string) error {
	if d.cfg.Status == "none" {
		return nil
	}
	d.inbox = nil
	if err := d.wire.Listen(ctx, op, time.Now().Add(time.Millisecond)); err != nil {
		return err
	}
	d.inbox = nil
	switch {
	case d.mute && (op == "print" || time.Since(d.looked) < muteTime):
		return nil
	case op == "print" && d.state.want == "" && time.Since(d.looked) < freshTime:
		return nil
	}
	h, ok, err := d.realTime(ctx, op)
	if err != nil {
		return err
	}
	if !ok {
		if d.talks {
			return d.wire.Fail(fault.Timeout, op, fmt.Errorf("no status within %v", answerTime))
		}
		d.mute, d.looked = true, time.Now()
		return nil
	}
	d.talks, d.mute, d.looked = true, false, time.Now()
	d.judged(h)
	if h.want != "" {
		return printer.Attention(d.info.Name, op, h.want)
	}
	return nil
}

// realTime sends DLE EOT 1 to 4; false when not even the first is answered. The
// others are forgiven: copies answer some of them.
func (d *Printer) realTime(ctx context.Context, op string) (health, bool, error) {
	var n [5]byte
	for i := 1; i <= 4; i++ {
		r, ok, err := d.ask(ctx, op, []byte{dle, eot, byte(i)}, answerTime, is(realTime))
		if err != nil {
			return health{}, false, err
		}
		if !ok && i == 1 {
			return health{}, false, nil
		}
		if ok {
			n[i] = r.data[0]
		}
	}
	return judge(n[1], n[2], n[3], n[4]), true, nil
}

// Resync brings a printer that was left in the middle of a command back: it may
// wait for the rest of a picture, which zeros fill; as text they print nothing.
func (d *Printer) Resync(ctx context.Context) error {
	if err := d.take(ctx, "resync"); err != nil {
		return err
	}
	defer d.give()
	fill := make([]byte, d.cfg.Strip*(d.cfg.Dots+7)/8)
	_, err := d.wire.Write(ctx, "resync", append(fill, esc, '@'))
	return err
}

// OpenDrawer kicks the drawer; it waits for its turn on the wire, not for the
// end of a job that waits for paper. Pin 0 is 2. A printer that waits for a
// person gets the real-time form: the other would lie in its buffer and open the
// drawer when the paper is changed.
func (d *Printer) OpenDrawer(ctx context.Context, pin int) error {
	if !d.cfg.Drawer {
		return fault.New(fault.Refused, d.info.Name, "open drawer", fmt.Errorf("this printer has no drawer"))
	}
	if pin != 0 && pin != 2 && pin != 5 {
		return fault.New(fault.Refused, d.info.Name, "open drawer", fmt.Errorf("pin %d; there are 2 and 5", pin))
	}
	ctx, cancel := context.WithTimeout(ctx, kickTime)
	defer cancel()
	if err := d.take(ctx, "open drawer"); err != nil {
		return err
	}
	defer d.give()
	command := kick(pin)
	if d.state.want != "" {
		command = []byte{dle, 0x14, 1, command[2], 1} // 100 ms
	}
	return device.Send(ctx, d.wire.Port, d.info.Name, "open drawer", command)
}
