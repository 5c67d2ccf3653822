package link

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

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

// Ask sends a question and waits for the signed answer to it. The deadline of
// ctx is the question's; without one it is 10 s. Without a link it fails with
// ErrDown at once; when the link is lost in between, the question is sent again
// under the same ID as soon as the link is back. Anything else than an answer
// of the cloud is ErrNoAnswer; an error it answered is a [*RemoteError].
func (l *Link) Ask(ctx context.Context, q Question) (json.RawMessage, error) {
	return nil, ErrDown
}
