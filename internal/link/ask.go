package link

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

// askTime is a question's time when its context has no deadline.
const askTime = 10 * time.Second

// maxQuestion is the largest question in bytes.
const maxQuestion = 64 << 10

// Question is something the till needs to know from the cloud now. It is not
// stored: an answer in an hour is worth nothing.
type Question struct {
	ID   string // ULID; "" has one drawn. A question asked again carries the ID it had
	Type string // "payment.create", "member.lookup" …
	Sale string // sale id, "" when there is none
	Data any    // becomes one JSON object
}

// Errors of [Link.Ask]. With ErrDown nothing was sent. With ErrNoAnswer the
// question may have reached the cloud, and what it asked for may have happened.
var (
	ErrDown     = errors.New("link: down")
	ErrNoAnswer = errors.New("link: no answer in time")
)

// RemoteError is an error that the cloud answered.
type RemoteError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (e *RemoteError) Error() string { return fmt.Sprintf("cloud: %s: %.256q", e.Code, e.Message) }

// request is a question on the wire (contract §4).
type request struct {
	ID      string          `json:"id"`
	Type    string          `json:"type"`
	Sale    string          `json:"sale,omitempty"`
	Sent    string          `json:"sent"`
	Expires string          `json:"expires"`
	Data    json.RawMessage `json:"data"`
}

// question is one that waits for its answer.
type question struct {
	kind   string
	body   []byte
	given  bool      // its ID was drawn elsewhere: old answers to it may exist
	clock  bool      // asked only for the time of the answer
	sent   time.Time // first, by the till's clock
	answer chan json.RawMessage
}

// asked is the questions that wait, by ID.
type asked struct {
	mu      sync.Mutex
	waiting map[string]*question
	sending int           // questions being handed to the connection
	calm    chan struct{} // closed when none is
}

// Ask sends a question and waits for the signed answer to it. The deadline of
// ctx is the question's; without one it is 10 s. Without a link it fails with
// ErrDown at once; when the link is lost in between, the question is sent again
// under the same ID as soon as the link is back. Anything else than an answer
// of the cloud is ErrNoAnswer; an error it answered is a [*RemoteError].
func (l *Link) Ask(ctx context.Context, q Question) (json.RawMessage, error) {
	return l.ask(ctx, q, false)
}

// ask is Ask. With clock the answer's content does not matter, only when it was
// signed: it is taken even if it looks expired.
func (l *Link) ask(ctx context.Context, q Question, clock bool) (json.RawMessage, error) {
	s := l.current()
	if s == nil {
		return nil, ErrDown
	}
	ctx, cancel := context.WithTimeout(ctx, max(time.Millisecond, untilDeadline(ctx)))
	defer cancel()
	id := q.ID
	if id == "" {
		id = ulid.Make().String()
	} else if _, err := ulid.ParseStrict(id); err != nil {
		return nil, fmt.Errorf("link: question %.40q: %w", id, err)
	}
	data, err := encode(q.Data)
	if err != nil {
		return nil, err
	}
	if data == nil {
		data = []byte("{}")
	}
	left := untilDeadline(ctx)
	sent := l.clock.Now()
	body, err := encode(request{
		ID: id, Type: q.Type, Sale: q.Sale, Data: data,
		Sent: sent.UTC().Format(stamp), Expires: sent.Add(left).UTC().Format(stamp),
	})
	if err != nil {
		return nil, err
	}
	if len(body) > maxQuestion {
		return nil, fmt.Errorf("link: question %s of %d bytes, at most %d", q.Type, len(body), maxQuestion)
	}
	w := &question{kind: q.Type, body: body, given: q.ID != "", clock: clock, sent: l.clock.reading(), answer: make(chan json.RawMessage, 1)}
	if !l.asked.add(id, w) {
		return nil, fmt.Errorf("link: question %s is being asked already", id)
	}
	defer l.asked.remove(id)
	asked := time.Now()
	l.sendQuestion(s, w)
	var answer json.RawMessage
	select {
	case data := <-w.answer:
		answer, err = result(data)
	case <-ctx.Done():
		err = fmt.Errorf("%w: %s: %w", ErrNoAnswer, q.Type, context.Cause(ctx))
	}
	l.replied(s, q.Type, err, time.Since(asked))
	return answer, err
}

func untilDeadline(ctx context.Context) time.Duration {
	if d, ok := ctx.Deadline(); ok {
		return time.Until(d)
	}
	return askTime
}

// result tells an answer from an error that the cloud answered.
func result(data json.RawMessage) (json.RawMessage, error) {
	var names map[string]json.RawMessage
	if err := json.Unmarshal(data, &names); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	e, ok := names["error"]
	if !ok || len(names) != 1 || e[0] != '{' {
		return data, nil
	}
	var r RemoteError
	if err := StrictDecode(e, &r); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	return nil, &r
}

// sendQuestion hands a question to the connection; the pump waits meanwhile. A
// failure is the session's, and the question waits for the next one.
func (l *Link) sendQuestion(s *session, w *question) {
	l.asked.begin()
	defer l.asked.end()
	s.publish("request", 1, false, w.body)
}

// askAgain sends what still waits through a new session.
func (l *Link) askAgain(s *session) {
	l.asked.mu.Lock()
	list := make([]*question, 0, len(l.asked.waiting))
	for _, w := range l.asked.waiting {
		list = append(list, w)
	}
	l.asked.mu.Unlock()
	for _, w := range list {
		l.sendQuestion(s, w)
	}
}

func (a *asked) add(id string, w *question) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waiting == nil {
		a.waiting = make(map[string]*question)
	}
	if a.waiting[id] != nil {
		return false
	}
	a.waiting[id] = w
	return true
}

func (a *asked) get(id string) *question {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.waiting[id]
}

func (a *asked) remove(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.waiting, id)
}

func (a *asked) begin() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sending++; a.sending == 1 {
		a.calm = make(chan struct{})
	}
}

func (a *asked) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sending--; a.sending == 0 {
		close(a.calm)
		a.calm = nil
	}
}

// asking reports whether a question is on its way to the connection: then the
// backlog waits.
func (l *Link) asking() bool {
	l.asked.mu.Lock()
	defer l.asked.mu.Unlock()
	return l.asked.sending > 0
}

// calm is closed when no question is being handed over any more; nil when none is.
func (l *Link) calm() <-chan struct{} {
	l.asked.mu.Lock()
	defer l.asked.mu.Unlock()
	return l.asked.calm
}
