package link

import (
	"context"
	"strings"
	"sync"
	"time"

	"tilld/internal/health"
	"tilld/internal/lang"
	"tilld/queue"
)

// NewMall returns a link to a mall: the second destination, which gets copies
// of some events and acks them, and nothing else. It subscribes to acks alone,
// so that a mall can neither command the till nor answer its questions; it does
// not set the till's clock, and shows its conditions as mall_*. o.Clock is the
// one that the cloud sets; o.Devices, Telemetry and Idle are not used.
func NewMall(o Options, c *queue.Copies, rec Records) (*Link, error) {
	o.Devices, o.Telemetry, o.Idle, o.mall = nil, nil, nil, true
	return build(o, c, rec, nil)
}

var _ Outbox = (*queue.Copies)(nil)

// subject is the subject of every condition of the link.
func (l *Link) subject() string {
	if l.o.mall {
		return "mall"
	}
	return "cloud"
}

// mallKinds are the conditions of a link in the mall's words, made when they
// are first needed.
var mallKinds sync.Map // health.Kind.Code of the cloud -> health.Kind

// kind is k for this link.
func (l *Link) kind(k health.Kind) health.Kind {
	if !l.o.mall {
		return k
	}
	if of, ok := mallKinds.Load(k.Code); ok {
		return of.(health.Kind)
	}
	of := health.Kind{
		Code: "mall_" + strings.TrimPrefix(strings.TrimPrefix(k.Code, "link_"), "cloud_"), Severity: k.Severity,
		Text: forMall(k.Text), Remedy: forMall(k.Remedy),
	}
	if k.Severity == health.Error && k.Code != condNewEpoch.Code && k.Code != condForked.Code {
		of.Severity = health.Warning // the shop sells and its own cloud has everything
	}
	mallKinds.Store(k.Code, of)
	return of
}

func forMall(t lang.Text) lang.Text {
	return lang.Text{ZH: mallWords.Replace(t.ZH), EN: mallWords.Replace(t.EN)}
}

var mallWords = strings.NewReplacer(
	"云端", "商场", " cloud 部分", " mall 部分", "cloud.", "mall.", "response、command ", "", "ack、", "ack ", "topics ack, response and command", "topic ack",
	"the cloud", "the mall", "The cloud", "The mall", "this chain's", "the ones the mall gave out", "the chain's own", "the mall's own",
	"broker refuses", "mall's broker refuses", "The broker", "The mall's broker",
	"till.merchant/store/till", "mall.merchant/store/till", "till.merchant, store, till", "mall.merchant, store, till",
)

// words are an error's in the mall's words.
func (l *Link) words(text string) string {
	if l.o.mall {
		return mallWords.Replace(text)
	}
	return text
}

// key is where the link keeps something in the bucket of singletons.
func (l *Link) key(k string) string {
	if l.o.mall {
		return "mall/" + k
	}
	return k
}

// watchMall looks once a second at what has been silent for long.
func (l *Link) watchMall(ctx context.Context) {
	t := time.NewTicker(tick)
	defer t.Stop()
	var silent time.Duration
	last, acked := time.Now(), l.q.AckedSeq()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		now := time.Now()
		silent, acked = l.silence(silent, now.Sub(last), acked)
		last = now
		l.tally.settle(now)
	}
}

// agedMall judges the age of a mall's ack by the clock that the cloud set. An
// ack that only looks too old because nothing has bounded this till's clock yet
// is taken: it names the hash of an event that the till has sent, and stays
// true however old it is.
func (l *Link) agedMall(m *message) error {
	err := m.fresh(l.clock.Now(), l.clock.isTrusted())
	if err != nil && !l.clock.isSure() {
		return nil
	}
	return err
}
