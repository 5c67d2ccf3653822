package link

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"tilld/internal/fault"
	"tilld/internal/lang"
	"tilld/internal/sale"
)

// Limits of the dispatcher.
const (
	commandTime   = 30 * time.Second       // a route's Timeout when it has none
	commandGrace  = 5 * time.Second        // for a handler that does not look at its context
	stopGrace     = 300 * time.Millisecond // the same while the agent stops
	maxWaiting    = 2 * floodBurst         // commands of one type that wait
	storeWait     = time.Second            // until a step that the store did not take is tried again; doubles
	storeWaitMost = 10 * time.Second       // up to this
	maxReply      = 100 << 10              // bytes
	floodRate     = 20                     // commands a second, in the long run
	floodBurst    = 200                    // and at once
)

// dispatcher runs commands: those of one type one after the other, types beside
// each other, so that a slow printer holds up no payment.
type dispatcher struct {
	l      *Link
	inbox  inbox
	routes map[string]Route
	run    context.Context // ends when the link is stopped

	mu     sync.Mutex
	lanes  map[string][]errand // by type; the one that is run comes first
	active map[string]bool     // ids in lanes
	wg     sync.WaitGroup

	bucket bucket
}

// errand is a stored command that is to be run, or to be answered without that.
type errand struct {
	jti   string
	reply *Reply // nil = run it
}

func newDispatcher(l *Link, q Records, routes []Route) (*dispatcher, error) {
	d := &dispatcher{
		l: l, inbox: inbox{q}, routes: make(map[string]Route), lanes: map[string][]errand{}, active: map[string]bool{},
		bucket: bucket{rate: floodRate, size: floodBurst}, run: context.Background(),
	}
	for _, r := range routes {
		if _, twice := d.routes[r.Type]; twice || r.Type == "" || r.Handle == nil {
			return nil, configFault("routes", fmt.Errorf("command %q: twice, or without a handler", r.Type))
		}
		d.routes[r.Type] = r
	}
	return d, nil
}

// command takes a signed command whose signature and audience are right. It
// returns quickly; an error says that nothing was or will be done.
func (d *dispatcher) command(m *message) error {
	if !d.bucket.take(time.Now()) {
		return refuse(refFlood, "more than %d commands a second", floodRate)
	}
	now, trusted := d.l.clock.Now(), d.l.clock.isTrusted()
	late := m.fresh(now, trusted)
	if r, ok := errors.AsType[*refused](late); ok && (r.why != refExpired || now.Sub(m.expires) > keepCommands) {
		return late
	}
	known, err := d.inbox.find(m.jti)
	if err != nil {
		return err
	}
	if known != nil {
		return d.again(m.jti, known)
	}
	if late != nil {
		again := func() {
			if err := d.command(m); err != nil {
				d.l.tally.add("command", err)
			}
		}
		if d.l.doubt(m, again) { // the till's own clock may be fast
			return nil
		}
		return errors.Join(late, d.end(m, Reply{ID: m.jti, State: Expired, Error: &Error{CodeExpired, late.Error()}}))
	}
	if m.issued.Before(d.l.notBefore()) {
		return d.end(m, Reply{ID: m.jti, State: Unknown, Error: &Error{CodeDied, "issued before this till's data was restored; it may have been run"}})
	}
	if _, ok := d.routes[m.kind]; !ok {
		return errors.Join(refuse(refType, "%.60q", m.kind),
			d.end(m, Reply{ID: m.jti, State: Refused, Error: &Error{CodeUnknownType, "this till knows no command of that type"}}))
	}
	return d.accept(m)
}

// again answers a repeated command from the inbox.
func (d *dispatcher) again(jti string, known *entry) error {
	if known.Reply != nil {
		d.l.reply(jti, known.Reply)
	}
	return refuse(refRepeated, "%s", jti) // counted, otherwise normal
}

// end stores and sends the reply to a command that is not run.
func (d *dispatcher) end(m *message, r Reply) error {
	body, err := encode(r)
	if err != nil {
		return err
	}
	if err := d.inbox.close(d.run, m, r.State, body); err != nil {
		return err
	}
	d.l.reply(m.jti, body)
	return nil
}

// accept stores the command and puts it into its lane.
func (d *dispatcher) accept(m *message) error {
	d.mu.Lock()
	full := len(d.lanes[m.kind]) >= maxWaiting
	d.mu.Unlock()
	if full {
		return refuse(refFlood, "%d commands %s wait already", maxWaiting, m.kind)
	}
	known, err := d.inbox.receive(d.run, m)
	if err != nil {
		return err
	}
	if known != nil {
		return d.again(m.jti, known)
	}
	d.enqueue(m.kind, errand{jti: m.jti})
	return nil
}

func (d *dispatcher) enqueue(kind string, e errand) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.active[e.jti] || d.run.Err() != nil {
		return
	}
	d.active[e.jti] = true
	d.lanes[kind] = append(d.lanes[kind], e)
	if len(d.lanes[kind]) == 1 {
		d.wg.Go(func() { d.lane(kind) })
	}
}

// lane runs the commands of one type until none waits.
func (d *dispatcher) lane(kind string) {
	r := d.routes[kind]
	r.Type = kind // what waits for an answer alone may be of a type that is gone
	for {
		d.mu.Lock()
		if len(d.lanes[kind]) == 0 {
			delete(d.lanes, kind)
			d.mu.Unlock()
			return
		}
		e := d.lanes[kind][0]
		d.mu.Unlock()
		d.work(r, e)
		d.mu.Lock()
		delete(d.active, e.jti)
		d.lanes[kind] = d.lanes[kind][1:]
		d.mu.Unlock()
	}
}

// work does one errand. What the store does not take, on a full disk say, is
// tried again until it does: those behind wait, so that their order stays. A
// command whose effect is done is only answered then, never run again.
func (d *dispatcher) work(r Route, e errand) {
	for wait := storeWait; d.run.Err() == nil; wait = min(2*wait, storeWaitMost) {
		var err error
		if e.reply == nil {
			e.reply, err = d.one(r, e.jti)
		}
		if err == nil && e.reply != nil {
			err = d.finish(r, e.jti, *e.reply)
		}
		if err == nil {
			return
		}
		if wait == storeWait {
			d.l.log.Error("command not finished", "cmd", r.Type, "id", e.jti, "err", err)
		}
		if errors.Is(err, errForgotten) {
			return
		}
		pause(d.run, wait)
	}
}

// one runs one stored command and returns its reply; nil when there is none.
func (d *dispatcher) one(r Route, jti string) (*Reply, error) {
	e, err := d.inbox.find(jti)
	if err != nil || e == nil || e.ended() {
		return nil, err
	}
	reply := &Reply{ID: jti}
	switch {
	case !d.l.clock.Now().Before(e.Expires):
		reply.State, reply.Error = Expired, &Error{CodeExpired, "expired while it waited"}
	case r.Idle && !d.l.idle():
		reply.State, reply.Error = Refused, &Error{CodeSelling, "a sale is open"}
	default:
		if err := d.inbox.start(d.run, jti); err != nil {
			return nil, err
		}
		if done := d.execute(r, jti, e, reply); !done {
			return nil, nil // stopped in between: the next start says unknown, or runs it again
		}
	}
	return reply, nil
}

func (d *dispatcher) finish(r Route, jti string, reply Reply) error {
	body, err := encode(reply)
	if err == nil && len(body) > maxReply {
		body, err = encode(Reply{ID: jti, State: reply.State, Error: &Error{CodeInvalid, fmt.Sprintf("the result has %d bytes, at most %d fit a reply", len(body), maxReply)}})
	}
	if err != nil {
		return err
	}
	// A stop of the agent must not lose the reply of what was done.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.run), commandGrace)
	defer cancel()
	if err := d.inbox.finish(ctx, jti, reply.State, body); err != nil {
		return err
	}
	args := []any{"cmd", r.Type, "id", jti, "state", reply.State}
	if reply.Error != nil {
		args = append(args, "code", reply.Error.Code, "err", clip(reply.Error.Message))
	}
	d.l.log.Info("command", args...)
	d.l.reply(jti, body)
	return nil
}

// execute runs the handler. It is false when the agent was stopped before the
// handler had ended well.
func (d *dispatcher) execute(r Route, jti string, e *entry, reply *Reply) bool {
	limit := r.Timeout
	if limit <= 0 {
		limit = commandTime
	}
	ctx, cancel := context.WithTimeout(d.run, limit)
	defer cancel()
	type result struct {
		data any
		err  error
	}
	done := make(chan result, 1)
	go func() {
		var res result
		defer func() {
			if p := recover(); p != nil {
				d.l.log.Error("command panicked", "cmd", r.Type, "id", jti, "err", p, "stack", string(debug.Stack()))
				res = result{err: &coded{CodePanic, fmt.Errorf("panic: %.200v", p)}}
			}
			done <- res
		}()
		res.data, res.err = r.Handle(ctx, Command{ID: jti, Type: r.Type, Issued: e.Issued, Expires: e.Expires, Data: e.Data})
	}()
	var res result
	select {
	case res = <-done:
	case <-ctx.Done():
		grace := commandGrace
		if d.run.Err() != nil {
			grace = stopGrace
		}
		late := time.NewTimer(grace)
		defer late.Stop()
		select {
		case res = <-done:
		case <-late.C:
			if d.run.Err() != nil {
				return false
			}
			reply.State, reply.Error = Unknown, &Error{CodeTimeout, fmt.Sprintf("still running after %v", limit)}
			return true
		}
	}
	if res.err != nil && d.run.Err() != nil {
		return false
	}
	if res.err == nil && res.data != nil {
		reply.Data, res.err = object(res.data)
	}
	if res.err == nil {
		reply.State = Done
		return true
	}
	reply.State, reply.Error = judge(res.err)
	return true
}

// object is a handler's result as one JSON object; nil when there is none.
func object(v any) (json.RawMessage, error) {
	data, err := encode(v)
	switch {
	case err != nil || len(data) == 0 || string(data) == "null":
		return nil, err
	case data[0] == '{':
		return data, nil
	}
	return encode(map[string]json.RawMessage{"value": data})
}

// recover takes up what the last run of the agent left: commands that wait are
// run, those that were running are run again when that does no harm.
func (d *dispatcher) recover(ctx context.Context) error {
	ids, list, err := d.inbox.left()
	if err != nil {
		return err
	}
	for i, e := range list {
		r, ok := d.routes[e.Type]
		todo := errand{jti: ids[i]}
		switch {
		case ok && (e.State == Received || r.Repeatable && e.Tries < maxTries):
		case e.State == Received:
			todo.reply = &Reply{ID: ids[i], State: Refused, Error: &Error{CodeUnknownType, "this till knows no command of that type"}}
		default:
			todo.reply = &Reply{ID: ids[i], State: Unknown, Error: &Error{CodeDied, "the till died while the command ran"}}
		}
		d.enqueue(e.Type, todo)
	}
	return nil
}

// settled returns a channel that is closed once no command runs and no reply is
// on its way. Nothing new may come in any more.
func (d *dispatcher) settled() <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.wg.Wait()
		d.l.background.Wait()
	}()
	return done
}

// coded is an error with its code for the reply.
type coded struct {
	code string
	err  error
}

func (c *coded) Error() string { return c.err.Error() }
func (c *coded) Unwrap() error { return c.err }

// judge tells refused from failed, and names the code.
func judge(err error) (State, *Error) {
	text := clip(err.Error())
	if p, ok := errors.AsType[*sale.Problem](err); ok {
		return Refused, &Error{p.Code, clip(p.Detail.In(lang.EN))}
	}
	if _, ok := errors.AsType[*DecodeError](err); ok {
		return Refused, &Error{CodeInvalid, text}
	}
	if c, ok := errors.AsType[*coded](err); ok {
		return Failed, &Error{c.code, text}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return Failed, &Error{CodeTimeout, text}
	}
	if k := fault.KindOf(err); k == fault.Refused {
		return Refused, &Error{k.String(), text}
	}
	return Failed, &Error{fault.KindOf(err).String(), text}
}

// bucket is a token bucket.
type bucket struct {
	mu         sync.Mutex
	rate, size float64
	level      float64
	at         time.Time
}

func (b *bucket) take(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.at.IsZero() {
		b.level = b.size
	} else {
		b.level = min(b.size, b.level+b.rate*now.Sub(b.at).Seconds())
	}
	b.at = now
	if b.level < 1 {
		return false
	}
	b.level--
	return true
}
