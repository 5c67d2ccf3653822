package link

import (
	"context"

	"tilld/queue"
)

// Outbox is what the pump needs of [queue.Store].
type Outbox interface {
	Epoch() string
	LastSeq() uint64
	AckedSeq() uint64
	Pending(after uint64, max, maxBytes int) ([]queue.Event, error)
	Ack(ctx context.Context, epoch string, through, sent uint64, hash [32]byte) error
	Grown() <-chan struct{}
	NextSession(ctx context.Context) (uint64, error)
	NewEpoch(ctx context.Context, reason string) error
}

// Records is what the inbox of commands and the clock need of [queue.Store].
type Records interface {
	Update(ctx context.Context, f func(*queue.Tx) error) error
	View(f func(*queue.Tx) error) error
	// Conceal seals what may be personal; Reveal opens it, with the same about.
	Conceal(about string, plain []byte) []byte
	Reveal(about string, sealed []byte) ([]byte, error)
}

var (
	_ Outbox  = (*queue.Store)(nil)
	_ Records = (*queue.Store)(nil)
)
