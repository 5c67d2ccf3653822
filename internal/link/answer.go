package link

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tilld/queue"
)

// heard measures the clock by a message whose signature is right. sent is when
// the till sent what it answers, zero when it is not provably an answer.
func (l *Link) heard(m *message, sent time.Time) {
	if sent.IsZero() && l.clock.isTrusted() && m.issued.Sub(l.clock.Now()) > maxAhead {
		return // refused as from the future: must not set the clock
	}
	l.clock.heard(m.issued, m.grain, sent, m.received)
	l.hearing()
}

// aged measures the clock by m, then judges its age.
func (l *Link) aged(m *message, sent time.Time) error {
	if l.o.mall {
		return l.agedMall(m)
	}
	l.heard(m, sent)
	return m.fresh(l.clock.Now(), l.clock.isTrusted())
}

// answer hands a response to the question it answers. A late one is nothing to
// worry about.
func (l *Link) answer(m *message) error {
	w := l.asked.get(m.ref)
	if w == nil {
		l.late.Add(1)
		l.heard(m, time.Time{})
		return nil
	}
	if w.kind != m.kind {
		return refuse(refType, "answer %.60q to a question %s", m.kind, w.kind)
	}
	sent := w.sent
	if w.given {
		sent = time.Time{} // asked before under this ID: the answer may be old
	}
	if err := l.aged(m, sent); err != nil && !w.clock {
		l.doubt(m, nil)
		return err
	}
	if w.given {
		first, err := l.dispatch.inbox.once(l.dispatch.run, m.jti, m.expires)
		if err != nil {
			return err
		}
		if !first {
			return refuse(refRepeated, "answer %s", m.jti)
		}
	}
	select {
	case w.answer <- m.data:
	default: // answered twice
	}
	return nil
}

// maxDoubtful bounds the messages that wait for the clock.
const maxDoubtful = 32

// doubt reports whether m may look expired only because the till's own clock is
// fast: nothing has bounded the clock from above since the start of the agent.
// It then asks the cloud something whose answer does, because its ref proves
// that it was signed after the question, and has again called after that.
func (l *Link) doubt(m *message, again func()) bool {
	if l.o.mall || l.clock.isSure() || !l.clock.floorNow().Before(m.expires) {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if again != nil && len(l.doubtful) < maxDoubtful {
		l.doubtful = append(l.doubtful, again)
	}
	if !l.doubting && time.Since(l.probed) > probePause {
		l.doubting = true
		l.background.Go(l.askTheTime)
	}
	return true
}

// probePause is the least time between two attempts to learn the time.
const probePause = 10 * time.Second

// askTheTime asks the cloud for something harmless until the clock is sure, then
// has the doubtful messages judged again.
func (l *Link) askTheTime() {
	ctx, cancel := context.WithTimeout(l.dispatch.run, askTime)
	defer cancel()
	for range 2 * agreeing {
		_, err := l.ask(ctx, Question{Type: "price.lookup", Data: map[string]string{"code": "0"}}, true)
		if errors.Is(err, ErrDown) || errors.Is(err, ErrNoAnswer) || l.clock.isSure() {
			break
		}
	}
	l.mu.Lock()
	again := l.doubtful
	l.doubtful, l.doubting, l.probed = nil, false, time.Now()
	l.mu.Unlock()
	offset, _ := l.clock.Offset()
	l.log.Info("asked the cloud for the time", "sure", l.clock.isSure(), "offset", offset)
	if l.clock.isSure() {
		for _, f := range again {
			f()
		}
	}
}

// restored begins a new epoch: the cloud has events of this epoch that this
// data directory does not, so it is an old copy, and its next numbers are taken.
func (l *Link) restored(through, last uint64) error {
	kind, reason := condNewEpoch, fmt.Sprintf("the cloud has events up to %d of this epoch, this data directory only up to %d", through, last)
	if through <= last {
		kind, reason = condForked, fmt.Sprintf("the cloud has other events of this epoch, up to %d", through)
	}
	// First, so that a power cut in between leaves no new epoch in which commands
	// of the old one are run.
	if err := l.setNotBefore(l.dispatch.run, l.clock.Now()); err != nil {
		return err
	}
	if err := l.q.NewEpoch(l.dispatch.run, reason); err != nil {
		return err
	}
	l.sent.Store(l.q.AckedSeq())
	l.mu.Lock()
	l.agreed, l.claim = false, claim{}
	l.mu.Unlock()
	l.raise(kind, "through", fmt.Sprint(through), "last", fmt.Sprint(last))
	l.log.Error("data directory is an old copy, new epoch begun", "through", through, "last", last, "epoch", l.q.Epoch())
	return errEpoch
}

// keys of the link in the bucket of singletons.
const (
	keyClock     = "link/clock"
	keyNotBefore = "link/commands-not-before"
)

// setNotBefore has commands issued before t refused as perhaps run: what the
// original of a restored copy ran is not in this inbox.
func (l *Link) setNotBefore(ctx context.Context, t time.Time) error {
	l.mu.Lock()
	l.since = t
	l.mu.Unlock()
	return putTime(ctx, l.rec, l.key(keyNotBefore), t)
}

func (l *Link) notBefore() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.since
}

func putTime(ctx context.Context, r Records, key string, t time.Time) error {
	v, err := t.UTC().MarshalText()
	if err != nil {
		return err
	}
	return r.Update(ctx, func(tx *queue.Tx) error { return tx.Put(queue.State, []byte(key), v) })
}

// getTime reads a stored time; zero when there is none or it is damaged.
func getTime(r Records, key string) (t time.Time, err error) {
	err = r.View(func(tx *queue.Tx) error {
		v, err := tx.Get(queue.State, []byte(key))
		if err != nil || v == nil {
			return nil
		}
		if t.UnmarshalText(v) != nil {
			t = time.Time{}
		}
		return nil
	})
	return t, err
}
