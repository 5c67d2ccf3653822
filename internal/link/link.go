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
	"context"
	"log/slog"
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
}

// Status is how the link stands.
type Status struct {
	State  string    // off connecting up down
	Since  time.Time // of State
	Broker string    // URL without password
	Error  string    // why it is down, "" while up
	Ack    string    // cloud or broker
}

// Link is the line to the cloud. Its methods are safe for concurrent use.
type Link struct {
	o      Options
	q      *queue.Store
	routes []Route
}

// New returns a link over the open queue q that serves routes. It fails with
// [fault.Config] when a setting is wrong, never because the cloud is away.
func New(o Options, q *queue.Store, routes []Route) (*Link, error) {
	return &Link{o: o, q: q, routes: routes}, nil
}

// Run keeps the link up until ctx ends, then says goodbye to the broker and
// returns; it needs at most 2 s for that.
func (l *Link) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Status tells how the link stands.
func (l *Link) Status() Status { return Status{State: "off"} }

// Up reports whether the cloud can be asked now.
func (l *Link) Up() bool { return false }
