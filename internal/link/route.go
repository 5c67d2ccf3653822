package link

import (
	"context"
	"encoding/json"
	"time"
)

// Command is an order of the cloud to the till. It gets to a handler only after
// its signature, audience, age and id have been checked.
type Command struct {
	ID      string          // jti; repeated deliveries carry the same ID
	Type    string          // "screen.show", "drawer.open"
	Issued  time.Time       // by the cloud's clock
	Expires time.Time       // by the cloud's clock; too late is not run
	Data    json.RawMessage // one JSON object; decode it with StrictDecode
}

// Route is one row of the closed table of commands.
type Route struct {
	Type    string
	Summary string        // one line, for people
	Timeout time.Duration // how long Handle may take; 0 is 30 s
	Idle    bool          // refused with code "selling" while a sale is open
	// Repeatable commands may run again after the till died while one ran:
	// configuration, price book, log level, reports. The others are answered
	// "unknown" then: print, drawer, refund.
	Repeatable bool
	// Handle runs the command. It is called once per ID, and for commands of one
	// type one after the other in the order of their arrival. Its result becomes
	// the data of the reply. A *sale.Problem or a [fault.Refused] error makes the
	// reply "refused"; any other error, and a panic, make it "failed".
	Handle func(ctx context.Context, c Command) (any, error)
}

// State says how a command ended, or how far it has come.
type State string

const (
	Received State = "received" // stored, waits for the ones of its type before it
	Started  State = "started"  // stored before its effect
	Done     State = "done"
	Refused  State = "refused" // not run
	Failed   State = "failed"  // run, and went wrong
	Expired  State = "expired" // came too late, not run
	Unknown  State = "unknown" // the till died while it ran; not run again
)

// Reply is the one answer to a command.
type Reply struct {
	ID    string          `json:"id"`
	State State           `json:"state"`
	Data  json.RawMessage `json:"data,omitempty"`
	Error *Error          `json:"error,omitempty"`
}

// Error says why a command was refused or failed.
type Error struct {
	Code    string `json:"code"`    // for programs; append only
	Message string `json:"message"` // for people
}

// Codes of this package in replies. A refusing handler gives its own.
const (
	CodeUnknownType = "unknown_type" // no such command
	CodeInvalid     = "invalid"      // data does not decode
	CodeSelling     = "selling"      // only between sales
	CodeExpired     = "expired"      // too late
	CodeDied        = "died"         // the till died while it ran
	CodeTimeout     = "timeout"      // took longer than its route allows
	CodePanic       = "panic"        // a programmer's error in the till
)
