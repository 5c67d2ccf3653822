package link

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tilld/internal/fault"
	"tilld/queue"
)

// keepCommands is how long after its expiry a command's reply is kept. A message
// older than that is refused without a look at the inbox.
const keepCommands = 7 * 24 * time.Hour

// maxTries is how often a repeatable command is begun when the till dies each
// time.
const maxTries = 2

// entry is what the inbox knows of a command.
type entry struct {
	Type    string          `json:"type"`
	State   State           `json:"state"`
	Issued  time.Time       `json:"issued"`
	Expires time.Time       `json:"expires"`
	Changed time.Time       `json:"changed"`
	Tries   int             `json:"tries,omitempty"`
	Data    json.RawMessage `json:"data,omitempty"`   // in memory, and stored by versions before 2026-11-28
	Sealed  []byte          `json:"sealed,omitempty"` // the data until it has ended: a payment's result names the shopper
	Reply   json.RawMessage `json:"reply,omitempty"`
}

func (e *entry) ended() bool { return e.State != Received && e.State != Started }

// errForgotten says that the store no longer knows a command.
var errForgotten = errors.New("link: the command is not in the inbox")

// inbox is the commands this till has ever been given, by jti, in the queue's
// bucket of that name. Answers that were acted on are there as "answer/<jti>".
type inbox struct{ q Records }

const answerPrefix = "answer/"

// receive stores a new command. For one that is there already it returns what
// is known of it instead.
func (b inbox) receive(ctx context.Context, m *message) (known *entry, err error) {
	sealed := b.q.Conceal("inbox/"+m.jti, m.data)
	err = b.q.Update(ctx, func(tx *queue.Tx) error {
		known, err = load(tx, m.jti)
		if err != nil || known != nil {
			return err
		}
		return save(tx, m.jti, &entry{Type: m.kind, State: Received, Issued: m.issued, Expires: m.expires, Sealed: sealed})
	})
	return known, err
}

// find returns what is known of a command, nil when nothing is.
func (b inbox) find(jti string) (e *entry, err error) {
	err = b.q.View(func(tx *queue.Tx) error {
		e, err = load(tx, jti)
		return err
	})
	if err != nil || e == nil || e.Sealed == nil {
		return e, err
	}
	if e.Data, err = b.q.Reveal("inbox/"+jti, e.Sealed); err != nil {
		return unreadable(jti)
	}
	return e, nil
}

// start notes, before its effect, that a command runs.
func (b inbox) start(ctx context.Context, jti string) error {
	return b.change(ctx, jti, func(e *entry) { e.State, e.Tries = Started, e.Tries+1 })
}

// finish stores the reply to a command. Only then may it be sent.
func (b inbox) finish(ctx context.Context, jti string, state State, reply []byte) error {
	return b.change(ctx, jti, func(e *entry) { e.State, e.Reply, e.Data, e.Sealed = state, reply, nil, nil })
}

func (b inbox) change(ctx context.Context, jti string, f func(*entry)) error {
	return b.q.Update(ctx, func(tx *queue.Tx) error {
		e, err := load(tx, jti)
		if err != nil {
			return err
		}
		if e == nil {
			return fmt.Errorf("%w: %s", errForgotten, jti)
		}
		f(e)
		return save(tx, jti, e)
	})
}

// close stores a reply to a command that was not run: expired, refused.
func (b inbox) close(ctx context.Context, m *message, state State, reply []byte) error {
	return b.q.Update(ctx, func(tx *queue.Tx) error {
		return save(tx, m.jti, &entry{Type: m.kind, State: state, Issued: m.issued, Expires: m.expires, Reply: reply})
	})
}

// once notes that the answer jti was acted on; false when it had been before.
func (b inbox) once(ctx context.Context, jti string, expires time.Time) (first bool, err error) {
	err = b.q.Update(ctx, func(tx *queue.Tx) error {
		known, err := load(tx, answerPrefix+jti)
		if first = known == nil; err != nil || !first {
			return err
		}
		return save(tx, answerPrefix+jti, &entry{State: Done, Expires: expires})
	})
	return first, err
}

// left returns the commands that had not ended when the agent stopped.
func (b inbox) left() (ids []string, list []*entry, err error) {
	err = b.q.View(func(tx *queue.Tx) error {
		return tx.Range(queue.Inbox, nil, nil, func(k, v []byte) (bool, error) {
			var e entry
			if json.Unmarshal(v, &e) == nil && !e.ended() {
				ids, list = append(ids, string(k)), append(list, &e)
			}
			return true, nil
		})
	})
	return ids, list, err
}

// sweep forgets what has been expired for a week; at most 500 at a time.
func (b inbox) sweep(ctx context.Context, now time.Time) error {
	var old [][]byte
	err := b.q.View(func(tx *queue.Tx) error {
		return tx.Range(queue.Inbox, nil, nil, func(k, v []byte) (bool, error) {
			var e entry
			if json.Unmarshal(v, &e) == nil && e.ended() && now.Sub(e.Expires) > keepCommands {
				old = append(old, append([]byte(nil), k...))
			}
			return len(old) < 500, nil
		})
	})
	if err != nil || len(old) == 0 {
		return err
	}
	return b.q.Update(ctx, func(tx *queue.Tx) error {
		for _, k := range old {
			if err := tx.Delete(queue.Inbox, k); err != nil {
				return err
			}
		}
		return nil
	})
}

// load reads an entry. A damaged one counts as a command that may have been run.
func load(tx *queue.Tx, key string) (*entry, error) {
	v, err := tx.Get(queue.Inbox, []byte(key))
	if err != nil && fault.KindOf(err) != fault.Corrupt {
		return nil, err
	}
	if err == nil && v == nil {
		return nil, nil
	}
	var e entry
	if err != nil || json.Unmarshal(v, &e) != nil {
		return unreadable(key)
	}
	return &e, nil
}

// unreadable stands for a damaged entry.
func unreadable(key string) (*entry, error) {
	reply, err := encode(Reply{ID: key, State: Unknown, Error: &Error{CodeDied, "what was stored about this command is damaged"}})
	return &entry{State: Unknown, Reply: reply}, err
}

func save(tx *queue.Tx, key string, e *entry) error {
	e.Changed = time.Now()
	v, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return tx.Put(queue.Inbox, []byte(key), v)
}
