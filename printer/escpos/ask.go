package escpos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/printer"
)

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
	var list []error
	say := func(is bool, w printer.Want) {
		if is {
			list = append(list, printer.Attention(d.info.Name, "print", w))
		}
	}
	say(h.want != "", h.want)
	say(h.low && h.want != printer.WantPaper, printer.NearEnd)
	say(d.cfg.DrawerSensor == "high" && h.drawer || d.cfg.DrawerSensor == "low" && !h.drawer, printer.DrawerOpen)
	d.told.Tell(errors.Join(list...))
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
	if err := d.turn.Take(ctx, "check"); err != nil {
		return err
	}
	defer d.turn.Give()
	return d.check(ctx, "check")
}

// check looks at the printer; a job that begins right after a look needs none.
func (d *Printer) check(ctx context.Context, op string) error {
	if d.cfg.Status == "none" {
		return nil
	}
	d.sift()
	if err := d.wire.Listen(ctx, op, time.Now().Add(time.Millisecond)); err != nil {
		return err
	}
	d.sift()
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
		if d.talks.Load() {
			return d.wire.Fail(fault.Timeout, op, fmt.Errorf("no status within %v", answerTime))
		}
		d.mute, d.looked = true, time.Now()
		return nil
	}
	d.talks.Store(true)
	d.mute, d.looked = false, time.Now()
	d.judged(h)
	if h.want != "" {
		return printer.Attention(d.info.Name, op, h.want)
	}
	return nil
}

// realTime asks how the printer is; false when it does not answer. The answers
// bear no number: one that comes when nobody waits for it any more is taken for
// the next question's, and what says there that the drawer is closed says here
// that the cover is open. So bad news is asked for again, with nothing under way.
func (d *Printer) realTime(ctx context.Context, op string) (health, bool, error) {
	h, ok, err := d.round(ctx, op)
	if err != nil || !ok || h.want == "" || d.state.want != "" {
		return h, ok, err
	}
	if _, _, err := d.await(ctx, op, answerTime, func(reply) bool { return false }); err != nil || ctx.Err() != nil {
		return h, true, err
	}
	d.inbox = slices.DeleteFunc(d.inbox, is(realTime))
	if again, ok, err := d.round(ctx, op); ok || err != nil {
		return again, ok, err
	}
	return h, true, nil
}

// round sends DLE EOT 1 to 4; false when not even the first is answered. The
// others are forgiven: copies answer some of them.
func (d *Printer) round(ctx context.Context, op string) (health, bool, error) {
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
