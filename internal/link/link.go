// Package link is the till's line to the cloud: one MQTT connection at a time,
// the pump that drains the queue's outbox into it, questions with their
// answers, and the dispatcher that runs the cloud's commands.
//
// What the queue holds is done only when the cloud says so in a signed ack that
// names the event's hash; a PUBACK is flow control. Whatever the MQTT library
// holds is disposable: it gets one client per TCP session and never retries.
// Nothing the cloud sends is acted on before its signature has been checked, so
// a broken-in broker can delay and drop, but not command.
package link

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tilld/internal/health"
	"tilld/queue"
)

// Options are the settings of a [Link]; the first block is cloud.* of the
// configuration.
type Options struct {
	URL          string // mqtt:// or mqtts://; "" = no cloud, everything stays in the queue
	ClientID     string // "" = merchant_store_till. Up to 98 characters; an MQTT 3.1.1 broker need only take 23
	Username     string
	PasswordFile string
	CAFile       string
	CertFile     string
	KeyFile      string
	TopicRoot    string // "" = tilld/v1
	TrustFile    string // JWK set of the cloud's public keys, read at each connect
	Ack          string // "cloud" (also ""): done at the signed ack; "broker": done at PUBACK
	Window       int    // events in flight, 1 to 4,096; 0 = 512

	Merchant, Store, Till string // ids, [A-Za-z0-9_-]{1,32}
	Version, BootID       string

	Devices   func() any   // for the birth; nil = none
	Telemetry func() any   // health figures, every minute at QoS 0; nil = none
	Idle      func() bool  // no sale is open; nil = always idle
	Changed   func(Status) // called at each change of state, must not block; may be nil
	Log       *slog.Logger // nil = discarded
	Health    *health.Board
	Clock     *Clock // shared with the Sealer; nil = own

	mall bool // set by NewMall
}

// Status is how the link stands.
type Status struct {
	State  string    // off connecting up down
	Since  time.Time // of State
	Broker string    // URL without password
	Error  string    // why it is down, "" while up
	Ack    string    // cloud or broker
}

// timing is what tests shorten.
type timing struct {
	first     time.Duration // longest wait before the first new try; doubles each time
	most      time.Duration // longest wait at all
	healthy   time.Duration // a session that lived this long starts the waits anew
	takeover  time.Duration // shortest wait while another client takes our sessions over
	progress  time.Duration // least wait before a go-back-N
	telemetry time.Duration
}

var usual = timing{
	first: time.Second, most: 5 * time.Minute, healthy: time.Minute, takeover: 30 * time.Second,
	progress: 10 * time.Second, telemetry: time.Minute,
}

// kicks is how many short sessions in a row, each ended by the broker and each
// followed by a connection at the first try, count as a take-over.
const kicks = 4

// Link is the line to the cloud. Its methods are safe for concurrent use.
type Link struct {
	o        Options
	q        Outbox
	rec      Records
	log      *slog.Logger
	clock    *Clock
	tally    *tally
	verifier *verifier
	bearers  *verifier // of tokens that shoppers carry
	dispatch *dispatcher
	broker   broker
	base     string // topic prefix without the last slash; also the source of events
	clientID string
	window   int
	timing   timing
	open     func(context.Context) (*wire, error) // dial

	hope    hope
	asked   asked
	fates   fates
	sent    atomic.Uint64 // highest sequence that may ever have been sent
	dropped atomic.Uint64 // messages that found no room
	late    atomic.Uint64 // answers to nothing
	rewinds atomic.Uint64

	background sync.WaitGroup

	mu       sync.Mutex
	status   Status
	session  *session // nil while down
	sessions uint64   // brought up since start
	since    time.Time
	ackAt    time.Time // when the cloud signed the ack that set the watermark
	agreed   bool      // a good ack of this epoch came since the start
	claim    claim     // of the cloud, to be ahead of us
	replies  map[string][]byte
	trust    Trust
	trustAt  time.Time // when the trust file was last read
	doubtful []func()  // messages that wait until the clock is sure
	doubting bool      // the time is being asked for
	probed   time.Time // when it last was
}

var idPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// New returns a link over the open queue q that serves routes. It fails with
// [fault.Config] when a setting is wrong, never because the cloud is away.
func New(o Options, q *queue.Store, routes []Route) (*Link, error) { return build(o, q, q, routes) }

func build(o Options, q Outbox, rec Records, routes []Route) (*Link, error) {
	l := &Link{o: o, q: q, rec: rec, log: o.Log, clock: o.Clock, timing: usual, window: o.Window, clientID: o.ClientID, replies: map[string][]byte{}}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if l.clock == nil {
		l.clock = NewClock(time.Time{})
	}
	for key, id := range map[string]string{"till.merchant": o.Merchant, "till.store": o.Store, "till.till": o.Till} {
		if !idPattern.MatchString(id) {
			return nil, configFault(key, fmt.Errorf("%q: 1 to 32 of letters, digits, _ and -", id))
		}
	}
	root := cmp.Or(o.TopicRoot, "tilld/v1")
	if strings.ContainsAny(root, "+#\x00 ") || strings.HasPrefix(root, "/") || strings.HasSuffix(root, "/") || strings.HasPrefix(root, "$") {
		return nil, configFault("cloud.topic_root", fmt.Errorf("%q: no wildcards, no space, no slash at either end", root))
	}
	l.base = root + "/" + o.Merchant + "/" + o.Store + "/" + o.Till
	if l.clientID == "" {
		l.clientID = o.Merchant + "_" + o.Store + "_" + o.Till
	}
	if l.window == 0 {
		l.window = 512
	}
	if l.window < 1 || l.window > 4096 {
		return nil, configFault("cloud.window", fmt.Errorf("%d: 1 to 4096 events", o.Window))
	}
	if o.Ack != "" && o.Ack != "cloud" && o.Ack != "broker" {
		return nil, configFault("cloud.ack", fmt.Errorf("%q: cloud or broker", o.Ack))
	}
	l.status = Status{State: "off", Since: time.Now(), Ack: cmp.Or(o.Ack, "cloud")}
	if o.URL != "" {
		var err error
		if l.broker, err = parseBroker(o.URL); err != nil {
			return nil, err
		}
		l.status.State, l.status.Broker = "connecting", l.broker.shown
		l.hope.begin()
	}
	l.open = l.dial
	l.tally = &tally{l: l}
	l.verifier = newVerifier(o.Merchant, o.Store, o.Till, l.keys)
	bearers := *l.verifier
	bearers.size, bearers.life = maxBearer, maxBearerLife
	l.bearers = &bearers
	var err error
	if l.dispatch, err = newDispatcher(l, rec, routes); err != nil {
		return nil, err
	}
	// Whatever is stored may have been sent by an earlier run: an ack of it is
	// judged by its hash alone.
	l.sent.Store(q.LastSeq())
	if l.since, err = getTime(rec, l.key(keyNotBefore)); err != nil {
		return nil, err
	}
	if !o.mall {
		floor, err := getTime(rec, keyClock)
		if err != nil {
			return nil, err
		}
		l.clock.raise(floor)
	}
	l.ackAt = l.clock.floorNow()
	return l, nil
}

// Run keeps the link up until ctx ends, then says goodbye to the broker and
// returns; it needs at most 2 s for that.
func (l *Link) Run(ctx context.Context) error {
	// Commands live until the goodbye, so that what they did is answered.
	commands, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	l.dispatch.run = commands
	l.raiseIf(l.ackBroker(), condWeaker)
	var watching sync.WaitGroup
	if l.o.mall {
		watching.Go(func() { l.watchMall(ctx) })
	} else {
		if err := l.dispatch.recover(ctx); err != nil {
			return err
		}
		watching.Go(func() { l.watch(ctx) })
	}
	if l.o.URL == "" {
		<-ctx.Done()
	} else {
		if _, err := l.keys(""); err != nil {
			l.log.Error("no message from the cloud can be trusted", "err", err)
		}
		l.keep(ctx)
	}
	stop()
	watching.Wait()
	l.dispatch.wg.Wait()
	l.background.Wait()
	if l.o.mall {
		return nil
	}
	return l.saveFloor(ctx)
}

// saveFloor keeps the newest time the cloud has signed for the next start.
func (l *Link) saveFloor(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := putTime(ctx, l.rec, keyClock, l.clock.floorNow()); err != nil {
		l.log.Warn("trusted time not saved", "err", err)
	}
	return nil
}

// keep opens sessions one after the other until ctx ends. Between them it waits
// a random time up to a bound that doubles, so that a broker's restart does not
// bring a whole chain back in step; only a session that has lived resets it.
func (l *Link) keep(ctx context.Context) {
	l.hope.limit(hopeFor)
	defer l.hope.end()
	tries, short := 0, 0
	for ctx.Err() == nil {
		l.become("connecting", nil)
		s, err := l.connect(ctx)
		if err != nil {
			short = 0
		} else {
			began := time.Now()
			err = l.live(ctx, s)
			lived := time.Since(began)
			if short++; lived >= 2*l.timing.healthy || !hungUp(err) {
				short = 0
			}
			if lived >= l.timing.healthy {
				tries = 0
				l.hope.begin()
				l.hope.limit(hopeFor)
			}
		}
		if ctx.Err() != nil {
			break
		}
		least := time.Duration(0)
		if short >= kicks {
			least = l.timing.takeover
			l.raise(condTakeover, "count", strconv.Itoa(short), "id", l.clientID)
		}
		most := min(l.timing.most, l.timing.first<<min(tries, 20))
		tries++
		if errors.Is(err, errEpoch) {
			most = 0
		}
		wait := least + time.Duration(rand.Int64N(int64(most)+1))
		l.fell(err, wait)
		pause(ctx, wait)
	}
	l.become("down", nil)
}

// live runs a session that is open.
func (l *Link) live(ctx context.Context, s *session) error {
	l.mu.Lock()
	l.session = s
	l.sessions++
	l.mu.Unlock()
	l.hope.end()
	l.become("up", nil)
	for _, k := range downKinds {
		l.clear(k)
	}
	l.log.Info("link up", "broker", l.broker.shown, "session", s.number)
	l.background.Go(func() {
		l.askAgain(s)
		l.replyAgain(s)
	})
	settled := time.AfterFunc(2*l.timing.healthy, func() { l.clear(condTakeover) })
	err := s.serve(ctx)
	settled.Stop()
	return err
}

// fell notes why there is no link and how long until the next try.
func (l *Link) fell(err error, wait time.Duration) {
	why := diagnose(err)
	if errors.Is(err, errPacket) { // a message that is too large is refused like others
		l.tally.add("packet", refuse(refOversized, "%s", clip(err.Error())))
	}
	for _, k := range downKinds {
		if k.Code != why.Code {
			l.clear(k)
		}
	}
	l.raise(why, "error", clip(err.Error()))
	l.become("down", err)
	l.log.Debug("next try", "wait", wait)
}

// become changes the state and tells about it.
func (l *Link) become(state string, err error) {
	if state != "up" { // why there is no link is what matters then
		l.fates.forget()
		l.clear(condSilent)
	}
	l.mu.Lock()
	text := ""
	if err != nil {
		text = clip(l.words(err.Error()))
	}
	news := err != nil && text != l.status.Error
	if state != "up" {
		l.session = nil
	}
	if l.status.State == state && !news {
		l.mu.Unlock()
		return
	}
	if l.status.State != state {
		l.status.State, l.status.Since = state, time.Now()
	}
	switch {
	case err != nil:
		l.status.Error = text
	case state == "up":
		l.status.Error = ""
	}
	status := l.status
	l.mu.Unlock()
	if news {
		l.log.Warn("link down", "broker", l.broker.shown, "err", status.Error)
	}
	if l.o.Changed != nil {
		l.o.Changed(status)
	}
}

// Status tells how the link stands.
func (l *Link) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.status
}

// Up reports whether the cloud can be asked now.
func (l *Link) Up() bool { return l.current() != nil }

// Counters are figures for metrics, since the start of the agent.
type Counters struct {
	Sessions  uint64                    // brought up
	Rewinds   uint64                    // go-back-Ns
	Dropped   uint64                    // messages that found no room
	Late      uint64                    // answers to questions that no longer waited
	Refused   map[string]uint64         // messages refused, by reason
	SentSeq   uint64                    // highest sequence that may have been sent
	Questions int                       // waiting
	Fates     map[string]map[string]int // questions that are over, by type and answered, refused or unanswered
}

// Counters returns the figures as they stand.
func (l *Link) Counters() Counters {
	c := Counters{Rewinds: l.rewinds.Load(), Dropped: l.dropped.Load(), Late: l.late.Load(), Refused: l.tally.snapshot(), SentSeq: l.sent.Load(), Fates: l.fates.snapshot()}
	l.mu.Lock()
	c.Sessions = l.sessions
	l.mu.Unlock()
	l.asked.mu.Lock()
	c.Questions = len(l.asked.waiting)
	l.asked.mu.Unlock()
	return c
}

func (l *Link) current() *session {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.session
}

func (l *Link) ackBroker() bool { return l.o.Ack == "broker" }

func (l *Link) idle() bool { return l.o.Idle == nil || l.o.Idle() }

func (l *Link) watermarkAt() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ackAt
}

// ackOK notes a good ack, signed at t.
func (l *Link) ackOK(t time.Time) {
	l.mu.Lock()
	if t.After(l.ackAt) {
		l.ackAt = t
	}
	l.mu.Unlock()
	l.agree()
	l.clear(condBehind)
	l.clear(condAckRefused)
}

// agree notes that the cloud is not ahead of us.
func (l *Link) agree() {
	l.mu.Lock()
	l.agreed = true
	l.mu.Unlock()
	l.unclaim()
}

// unclaim forgets what the cloud claimed.
func (l *Link) unclaim() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.claim = claim{asking: l.claim.asking}
}

// pause waits for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func (l *Link) raise(k health.Kind, args ...string) {
	if l.o.Health != nil {
		for i := 1; i < len(args); i += 2 {
			args[i] = l.words(args[i])
		}
		l.o.Health.Raise(l.kind(k), l.subject(), args...)
	}
}

func (l *Link) raiseIf(up bool, k health.Kind) {
	if up {
		l.raise(k)
	}
}

func (l *Link) clear(k health.Kind) {
	if l.o.Health != nil {
		l.o.Health.Clear(l.kind(k), l.subject())
	}
}
