// Package fault is the one vocabulary of trouble in the agent.
//
// Whatever touches a cable, a paper roll, a disk or a network returns an
// [*Error]. Its [Kind] decides what happens next: who must act, whether waiting
// helps, which state the status page shows. Nothing in the agent looks at the
// text of an error to decide anything.
package fault

import (
	"errors"
	"strconv"
)

// Kind sorts trouble by who can end it. The numbers are stored and sent to the
// cloud: append only.
type Kind uint8

const (
	Unknown   Kind = iota // not classified
	Config                // a setting or a permission is wrong; store IT must change it
	Absent                // nothing at that address: unplugged, switched off, no route
	Busy                  // another program holds it
	Timeout               // no answer in time; what was asked may have happened
	Protocol              // the answer makes no sense
	Attention             // the device wants a person: paper, cover, cutter, jam
	Full                  // no room: disk, spool or queue limit
	Corrupt               // stored bytes fail their checksum or schema
	Refused               // understood and declined
)

var names = [...]string{
	Unknown: "unknown", Config: "config", Absent: "absent", Busy: "busy", Timeout: "timeout",
	Protocol: "protocol", Attention: "attention", Full: "full", Corrupt: "corrupt", Refused: "refused",
}

func (k Kind) String() string {
	if int(k) < len(names) {
		return names[k]
	}
	return "kind(" + strconv.Itoa(int(k)) + ")"
}

// Transient reports whether waiting alone may end this kind of trouble.
func (k Kind) Transient() bool { return k == Absent || k == Busy || k == Timeout || k == Protocol }

// Error is trouble with one component of the till.
type Error struct {
	Kind      Kind
	Component string // configured device name or subsystem: "pole-1", "queue"
	Op        string // what was tried, a verb: "open", "show", "commit"
	Hint      string // what a person in the store can do; "" when nothing
	Err       error  // cause, may be nil
}

// New returns an Error without hint.
func New(k Kind, component, op string, cause error) *Error {
	return &Error{Kind: k, Component: component, Op: op, Err: cause}
}

func (e *Error) Error() string {
	text := e.Component + ": " + e.Op + ": " + e.Kind.String()
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first Error in err's tree, else Unknown.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Unknown
}

// HintOf returns the first hint in err's tree, else "".
func HintOf(err error) string {
	for {
		e, ok := errors.AsType[*Error](err)
		if !ok {
			return ""
		}
		if e.Hint != "" {
			return e.Hint
		}
		err = e.Err
	}
}
