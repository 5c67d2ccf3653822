package cloud

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// Options are the settings of a [Cloud].
type Options struct {
	Broker    string // tcp://127.0.0.1:1883
	ClientID  string // "" is tilld-cloud-<random>
	TopicRoot string // "" is tilld/v1
	Key       Key
	AckEvery  time.Duration // acks of one till are at least this far apart; 0 is 10 ms
	Catalogue *Catalogue    // nil is [Demo]
	Pay       PayPolicy
	Currency  string  // "" is CNY
	Ledger    *Ledger // nil is one in memory
	// ProofKeys sign what was paid to tills without a link (docs/offline-pay.md);
	// PagePrefix is where their codes lead to. Without them there is no pay page.
	ProofKeys  []Key
	PagePrefix string
	Now        func() time.Time // of payments; nil is time.Now
	Log        *slog.Logger
	// Heard, if set, is told of everything that comes and goes, in order; it
	// must not block.
	Heard func(Traffic)
}

// Traffic is one message, for people who want to watch.
type Traffic struct {
	At   time.Time `json:"at"`
	Till string    `json:"till"` // acme/sh-001/03
	Way  string    `json:"way"`  // "in" from the till, "out" to it
	Kind string    `json:"kind"` // event, ack, request, response, command, reply, status, telemetry
	Type string    `json:"type,omitempty"`
	ID   string    `json:"id,omitempty"`
	Data any       `json:"data,omitempty"`
}

// Cloud serves all tills of a broker. Safe for concurrent use.
type Cloud struct {
	o      Options
	ledger *Ledger

	mu       sync.Mutex
	client   mqtt.Client
	faults   Faults
	tills    map[string]*till
	payments map[string]*Payment
	returns  map[string][]Return // by sale
	enrolled map[uint32]Enrolment
	blocked  map[uint32]bool
	revoked  map[byte]bool
	commands map[string]*command
	order    []string // command ids, oldest first
	counts   Counts
	changed  chan struct{}
	timers   sync.WaitGroup
	ctx      context.Context // while Run runs

	used  used
	dirty map[chainKey]Verdict // acks due
	wake  chan struct{}
}

// Counts is what a cloud has done.
type Counts struct {
	Batches   int `json:"batches"`
	Events    int `json:"events"`     // new ones
	Repeats   int `json:"repeats"`    // batches with nothing new
	Gaps      int `json:"gaps"`       // batches beyond the watermark
	Bad       int `json:"bad"`        // messages that are no batch, request, reply or status
	Acks      int `json:"acks"`       // sent
	Requests  int `json:"requests"`   // answered
	Connects  int `json:"connects"`   // of the cloud to the broker
	Births    int `json:"births"`     // of tills
	StaleDead int `json:"stale_dead"` // deaths older than the newest birth
}

// New returns a cloud; Run connects it.
func New(o Options) *Cloud {
	if o.TopicRoot == "" {
		o.TopicRoot = "tilld/v1"
	}
	if o.ClientID == "" {
		o.ClientID = fmt.Sprintf("tilld-cloud-%08x", rand.Uint32())
	}
	if o.AckEvery == 0 {
		o.AckEvery = 10 * time.Millisecond
	}
	if o.Catalogue == nil {
		o.Catalogue = Demo()
	}
	if o.Currency == "" {
		o.Currency = "CNY"
	}
	if o.Ledger == nil {
		o.Ledger = NewLedger()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Cloud{
		o: o, ledger: o.Ledger, tills: map[string]*till{}, payments: map[string]*Payment{}, commands: map[string]*command{},
		enrolled: map[uint32]Enrolment{}, blocked: map[uint32]bool{}, revoked: map[byte]bool{},
		changed: make(chan struct{}), dirty: map[chainKey]Verdict{}, used: used{coupons: map[string]string{}, pickups: map[string]bool{}}, wake: make(chan struct{}, 1), ctx: context.Background(),
	}
}

// Ledger is what the cloud has taken in.
func (c *Cloud) Ledger() *Ledger { return c.ledger }

// Counts returns what the cloud has done so far.
func (c *Cloud) Counts() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts
}

// Changed returns a channel that is closed when something happens.
func (c *Cloud) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// Await waits until ok, which is called after each change, returns true.
func (c *Cloud) Await(ctx context.Context, ok func() bool) error {
	for {
		changed := c.Changed()
		if ok() {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		}
	}
}

// notify needs mu.
func (c *Cloud) notify() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Run serves until ctx ends; it reconnects to a broker that goes away.
func (c *Cloud) Run(ctx context.Context) error {
	run, cancel := context.WithCancel(ctx)
	defer cancel()
	c.mu.Lock()
	c.ctx = run
	c.mu.Unlock()
	var parts sync.WaitGroup
	parts.Go(func() { c.ackLoop(run) })
	parts.Go(func() { c.repeatLoop(run) })
	for ctx.Err() == nil {
		if err := c.session(ctx); err != nil && ctx.Err() == nil {
			c.o.Log.Debug("no broker", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	cancel()
	parts.Wait()
	c.timers.Wait()
	return nil
}

// session is one connection to the broker.
func (c *Cloud) session(ctx context.Context) error {
	lost := make(chan error, 1)
	o := mqtt.NewClientOptions().AddBroker(c.o.Broker).SetClientID(c.o.ClientID).SetProtocolVersion(4).
		SetAutoReconnect(false).SetCleanSession(true).SetKeepAlive(30 * time.Second).SetConnectTimeout(5 * time.Second).
		SetWriteTimeout(10 * time.Second).SetOrderMatters(true)
	o.SetConnectionLostHandler(func(_ mqtt.Client, err error) { lost <- err })
	client := mqtt.NewClient(o)
	if err := finish(ctx, client.Connect()); err != nil {
		return err
	}
	defer client.Disconnect(100)
	c.mu.Lock()
	c.client = client
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.client = nil
		c.notify()
		c.mu.Unlock()
	}()
	filters := map[string]byte{}
	for topic, qos := range map[string]byte{"event": 1, "request": 1, "reply": 1, "status": 1, "telemetry": 0} {
		filters[c.o.TopicRoot+"/+/+/+/"+topic] = qos
	}
	if err := finish(ctx, client.SubscribeMultiple(filters, func(_ mqtt.Client, m mqtt.Message) { c.hear(m.Topic(), m.Payload()) })); err != nil {
		return err
	}
	c.mu.Lock()
	c.counts.Connects++
	c.notify()
	c.mu.Unlock()
	c.o.Log.Info("cloud is at the broker", "broker", c.o.Broker)
	c.resendAll()
	select {
	case <-ctx.Done():
		return nil
	case err := <-lost:
		return err
	}
}

// finish waits for a token.
func finish(ctx context.Context, t mqtt.Token) error {
	select {
	case <-t.Done():
		return t.Error()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hear takes one message from a till. It runs on the MQTT client's goroutine,
// so messages of one till stay in order.
func (c *Cloud) hear(topic string, body []byte) {
	parts := strings.Split(strings.TrimPrefix(topic, c.o.TopicRoot+"/"), "/")
	if len(parts) != 4 {
		return
	}
	path := strings.Join(parts[:3], "/")
	if c.Faults().Silent {
		return
	}
	var err error
	switch parts[3] {
	case "event":
		err = c.hearEvents(path, body)
	case "request":
		err = c.hearRequest(path, body)
	case "reply":
		err = c.hearReply(path, body)
	case "status":
		err = c.hearStatus(path, body)
	case "telemetry":
		c.heard(Traffic{Till: path, Way: "in", Kind: "telemetry", Data: json.RawMessage(body)})
	}
	if err != nil {
		c.mu.Lock()
		c.counts.Bad++
		c.notify()
		c.mu.Unlock()
		c.o.Log.Warn("message refused", "till", path, "topic", parts[3], "err", err)
	}
}

func (c *Cloud) heard(t Traffic) {
	if c.o.Heard != nil {
		t.At = time.Now()
		c.o.Heard(t)
	}
}

// send signs and publishes a message to a till.
func (c *Cloud) send(path, topic string, m Message) error {
	key := c.o.Key
	f := c.Faults()
	if f.WrongSignature {
		var err error
		if key, err = NewKey(key.ID); err != nil {
			return err
		}
	}
	token, err := key.Sign(m, time.Now())
	if err != nil {
		return err
	}
	c.mu.Lock()
	client := c.client
	c.mu.Unlock()
	if client == nil {
		return errors.New("cloud: not at the broker")
	}
	c.heard(Traffic{Till: path, Way: "out", Kind: topic, Type: m.Type, ID: m.ID, Data: m.Data})
	for range 1 + f.Duplicates {
		client.Publish(c.o.TopicRoot+"/"+path+"/"+topic, 1, false, token)
	}
	return nil
}

// later runs f after d, or at once, unless the cloud stops before.
func (c *Cloud) later(d time.Duration, f func()) {
	c.mu.Lock()
	ctx := c.ctx
	c.mu.Unlock()
	if d <= 0 {
		f()
		return
	}
	c.timers.Go(func() {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-ctx.Done():
		case <-t.C:
			f()
		}
	})
}

// hearEvents ingests a batch and has it acked.
func (c *Cloud) hearEvents(path string, body []byte) error {
	v, err := c.ledger.Ingest(c.o.TopicRoot+"/"+path, body)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.counts.Batches++
	c.counts.Events += len(v.New)
	switch {
	case v.Gap:
		c.counts.Gaps++
	case len(v.New) == 0:
		c.counts.Repeats++
	}
	for _, e := range v.New {
		c.learn(e)
		for _, id := range c.reported(e) {
			c.ledger.alarm(Alarm{Source: e.Source, Epoch: e.Epoch, Sequence: e.Sequence, Reason: "the till was paid by a proof that the cloud never gave: " + id})
		}
	}
	if !v.Fork {
		c.dirty[chainKey{path, v.Epoch}] = v
	}
	c.notify()
	c.mu.Unlock()
	if v.Fork {
		c.o.Log.Error("till is quarantined", "till", path, "epoch", v.Epoch)
	}
	for _, e := range v.New {
		c.heard(Traffic{Till: path, Way: "in", Kind: "event", Type: e.Type, ID: fmt.Sprint(e.Sequence), Data: e.Data})
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return nil
}

// ackLoop sends what acks are due: the newest of each till, at most one per
// AckEvery.
func (c *Cloud) ackLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		}
		pause := time.NewTimer(c.o.AckEvery)
		select {
		case <-ctx.Done():
			pause.Stop()
			return
		case <-pause.C:
		}
		c.mu.Lock()
		due := c.dirty
		c.dirty = map[chainKey]Verdict{}
		f := c.faults
		c.mu.Unlock()
		if f.NoAcks || f.Silent {
			continue
		}
		for key, v := range due {
			c.later(f.Slow, func() { c.ack(key.source, v) })
		}
	}
}

func (c *Cloud) ack(path string, v Verdict) {
	err := c.send(path, "ack", Message{Audience: path, Type: "ack", Data: map[string]any{
		"epoch": v.Epoch, "through": v.Through, "hash": hex.EncodeToString(v.Hash[:]),
	}})
	if err != nil {
		return // the till repeats, and gets its ack then
	}
	c.mu.Lock()
	c.counts.Acks++
	c.notify()
	c.mu.Unlock()
}

// Tills returns the paths of all tills heard of.
func (c *Cloud) Tills() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.tills))
}
