package link

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"tilld/queue"
)

// Settings of a session.
const (
	keepAlive   = 30 * time.Second
	pingTimeout = 10 * time.Second
	answerTime  = 10 * time.Second // for SUBACK and for the birth's PUBACK
	settleTime  = 400 * time.Millisecond
	goodbyeTime = 700 * time.Millisecond
	pumpTime    = 300 * time.Millisecond
	inboundAcks = 16 // waiting for their turn
	inboundMsgs = 2 * floodBurst
	inboundSize = 8 << 20 // bytes of them
)

// errSubscribe says that the broker answered a subscription with 0x80.
var errSubscribe = errors.New("link: subscription refused")

// errEpoch ends a session after a new epoch was begun.
var errEpoch = errors.New("link: a new epoch was begun")

// inbound is a message as it came.
type inbound struct {
	topic    string // last level
	retained bool
	body     []byte
	at       time.Time // by the till's clock
}

// session is one TCP connection from CONNECT to its end. It owns a client of
// the MQTT library that is thrown away with it.
type session struct {
	l      *Link
	number uint64
	base   string // topic prefix with the slash
	client mqtt.Client
	wire   *wire
	pump   *pump
	acks   chan inbound
	msgs   chan inbound
	held   atomic.Int64 // bytes in msgs
	lost   chan error
	slot   chan struct{} // held by the PUBLISH that is on its way into the socket
	gone   chan struct{} // closed when the connection is given up
	leave  sync.Once     // closes gone
	born   time.Time     // when the broker had taken the birth
	trip   time.Duration // how long that took
}

// connect opens a session: CONNECT, subscriptions, birth. The caller must end a
// session that came back without an error.
func (l *Link) connect(ctx context.Context) (_ *session, err error) {
	n, err := l.q.NextSession(ctx) // on disk before CONNECT: no number is used twice
	if err != nil {
		return nil, err
	}
	w, err := l.open(ctx)
	if err != nil {
		return nil, err
	}
	s := &session{
		l: l, number: n, base: l.base + "/", wire: w,
		acks: make(chan inbound, inboundAcks), msgs: make(chan inbound, inboundMsgs), lost: make(chan error, 1),
		slot: make(chan struct{}, 1), gone: make(chan struct{}),
	}
	w.sent = s.written
	o, err := s.options()
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	s.client = mqtt.NewClient(o)
	stop := context.AfterFunc(ctx, func() { w.Conn.Close() })
	defer stop()
	t := s.client.Connect()
	<-t.Done() // the handshake has connectTimeout
	if err := t.Error(); err != nil {
		w.Conn.Close()
		return nil, s.because(ctx, err)
	}
	first, err := s.begin(ctx)
	if err != nil {
		err = s.because(ctx, err)
		s.drop()
		return nil, err
	}
	s.born, s.trip = time.Now(), first
	s.pump = newPump(l, s.publish, first)
	return s, nil
}

// options are the library's, so that it does nothing by itself.
func (s *session) options() (*mqtt.ClientOptions, error) {
	l := s.l
	password, err := l.password()
	if err != nil {
		return nil, err
	}
	will := fmt.Sprintf(`{"online":false,"session":%d}`, s.number)
	o := mqtt.NewClientOptions().SetClientID(l.clientID).SetUsername(l.o.Username).SetPassword(password)
	o.AddBroker("tcp://" + l.broker.address) // never dialled: the connection is open already
	o.SetProtocolVersion(4)                  // else a refused CONNECT is tried again as MQTT 3.1
	o.SetCleanSession(true).SetAutoReconnect(false).SetConnectRetry(false).SetOrderMatters(true)
	o.SetConnectTimeout(connectTimeout).SetWriteTimeout(writeStall).SetKeepAlive(keepAlive).SetPingTimeout(pingTimeout)
	o.SetBinaryWill(s.base+"status", []byte(will), 1, true)
	o.SetStore(noStore{})
	o.SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) { return s.wire, nil })
	o.SetDefaultPublishHandler(s.incoming)
	o.SetConnectionLostHandler(func(_ mqtt.Client, err error) { // once a client
		s.lost <- err
		s.leave.Do(func() { close(s.gone) })
	})
	return o, nil
}

// incoming is called by the library for every message; it must never block.
func (s *session) incoming(_ mqtt.Client, m mqtt.Message) {
	in := inbound{topic: strings.TrimPrefix(m.Topic(), s.base), retained: m.Retained(), body: m.Payload(), at: s.l.clock.reading()}
	if in.topic == "ack" {
		s.newest(in)
		return
	}
	size := int64(len(in.body))
	if s.held.Add(size) <= inboundSize {
		select {
		case s.msgs <- in:
			return
		default:
		}
	}
	s.held.Add(-size) // a command comes again, a question times out
	s.l.dropped.Add(1)
}

// taken handles what waited in msgs.
func (s *session) taken(in inbound) {
	s.held.Add(-int64(len(in.body)))
	s.handle(in)
}

// newest keeps an ack; when there is no room the oldest has to go, because acks
// are cumulative and no other may follow the newest.
func (s *session) newest(in inbound) {
	for {
		select {
		case s.acks <- in:
			return
		default:
		}
		select {
		case <-s.acks:
			s.l.dropped.Add(1)
		default:
		}
	}
}

// begin subscribes and publishes the birth. It returns the birth's round trip.
func (s *session) begin(ctx context.Context) (time.Duration, error) {
	topics := map[string]byte{s.base + "ack": 1, s.base + "response": 1, s.base + "command": 1}
	if s.l.o.mall {
		topics = map[string]byte{s.base + "ack": 1}
	}
	t := s.client.SubscribeMultiple(topics, nil)
	if err := s.await(ctx, t, "SUBACK"); err != nil {
		return 0, err
	}
	if sub, ok := t.(*mqtt.SubscribeToken); ok {
		for topic, code := range sub.Result() {
			if code > 1 {
				return 0, fmt.Errorf("%w: %s: code %#02x", errSubscribe, topic, code)
			}
		}
	}
	birth, err := s.l.birth(s.number)
	if err != nil {
		return 0, err
	}
	at := time.Now()
	if err := s.await(ctx, s.publish("status", 1, true, birth), "PUBACK of the birth"); err != nil {
		return 0, err
	}
	return time.Since(at), nil
}

// birth is the retained status of a till that is there (contract §4).
func (l *Link) birth(session uint64) ([]byte, error) {
	var devices any = []any{}
	if l.o.Devices != nil {
		if d := l.o.Devices(); d != nil {
			devices = d
		}
	}
	return encode(struct {
		Online   bool   `json:"online"`
		Session  uint64 `json:"session"`
		Epoch    string `json:"epoch"`
		Version  string `json:"version"`
		BootID   string `json:"boot_id"`
		LastSeq  uint64 `json:"last_seq"`
		AckedSeq uint64 `json:"acked_seq"`
		Devices  any    `json:"devices"`
		Time     string `json:"time"`
	}{true, session, l.q.Epoch(), l.o.Version, l.o.BootID, l.q.LastSeq(), l.q.AckedSeq(), devices, time.Now().UTC().Format(stamp)})
}

// await waits for a token for answerTime.
func (s *session) await(ctx context.Context, t mqtt.Token, what string) error {
	late := time.NewTimer(answerTime)
	defer late.Stop()
	select {
	case <-t.Done():
		return t.Error()
	case <-ctx.Done():
		return ctx.Err()
	case <-late.C:
		return fmt.Errorf("link: no %s for %v", what, answerTime)
	}
}

// publish hands a message to the connection. It waits while another one is
// being written: in the library that wait would outlive the connection.
func (s *session) publish(topic string, qos byte, retained bool, body []byte) mqtt.Token {
	select {
	case s.slot <- struct{}{}:
	case <-s.gone:
		return lostToken{}
	}
	t := s.client.Publish(s.base+topic, qos, retained, body)
	select {
	case <-t.Done():
		if t.Error() != nil { // not handed over, or not written
			s.written()
		}
	default:
	}
	return t
}

// written lets the next PUBLISH pass.
func (s *session) written() {
	select {
	case <-s.slot:
	default:
	}
}

// lostToken is the token of a message that found the connection gone.
type lostToken struct{}

func (lostToken) Wait() bool                     { return true }
func (lostToken) WaitTimeout(time.Duration) bool { return true }
func (lostToken) Error() error                   { return errGone }

// Done returns a closed channel.
func (lostToken) Done() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// because prefers the connection's own first error to what the library says.
func (s *session) because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if cause := s.wire.cause(); cause != nil && !errors.Is(cause, errGone) {
		return cause
	}
	return err
}

// serve runs the session until it is lost or ctx ends, then says goodbye.
func (s *session) serve(ctx context.Context) error {
	pumping, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.pump.run(pumping) }()
	err := s.receive(ctx, ended)
	stop()
	if ctx.Err() != nil {
		s.goodbye()
	} else {
		err = s.because(ctx, err)
		s.drop()
	}
	late := time.NewTimer(pumpTime)
	defer late.Stop()
	select {
	case <-ended:
	case <-late.C: // inside the library, behind a peer that took no bytes; it ends within writeStall
	}
	return err
}

// receive handles what comes in. Answers and commands go before acks.
func (s *session) receive(ctx context.Context, ended chan error) error {
	for {
		select {
		case in := <-s.msgs:
			s.taken(in)
			continue
		default:
		}
		select {
		case in := <-s.msgs:
			s.taken(in)
		case in := <-s.acks:
			if err := s.handle(in); errors.Is(err, errEpoch) {
				return err
			}
		case err := <-s.lost:
			s.lost <- err // drop waits for it
			return err
		case err := <-ended:
			ended <- err
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// goodbye lets short commands end and be answered, then publishes the death and
// disconnects, which cancels the will.
func (s *session) goodbye() {
	settled := time.NewTimer(settleTime)
	defer settled.Stop()
	select {
	case <-s.l.dispatch.settled():
	case <-settled.C:
	}
	death := fmt.Sprintf(`{"online":false,"session":%d}`, s.number)
	t := make(chan mqtt.Token, 1)
	go func() { t <- s.publish("status", 1, true, []byte(death)) }()
	late := time.NewTimer(goodbyeTime)
	defer late.Stop()
	select {
	case tok := <-t:
		select {
		case <-tok.Done():
			if tok.Error() == nil {
				s.client.Disconnect(200)
				s.wire.Conn.Close()
				s.leave.Do(func() { close(s.gone) })
				return
			}
		case <-late.C:
		}
	case <-late.C:
	}
	s.drop() // the broker sends the will
}

// drop ends the connection without DISCONNECT, so that the broker sends the will.
func (s *session) drop() {
	s.wire.Conn.Close()
	s.leave.Do(func() { close(s.gone) })
	late := time.NewTimer(2 * time.Second)
	defer late.Stop()
	select {
	case <-s.lost:
	case <-late.C:
	}
}

// handle checks one message and acts on it.
func (s *session) handle(in inbound) error {
	err := s.act(in)
	if err != nil && !errors.Is(err, errEpoch) {
		s.l.tally.add(in.topic, err)
	}
	return err
}

func (s *session) act(in inbound) error {
	l := s.l
	if in.retained {
		return refuse(refRetained, "topic %.60q", in.topic)
	}
	m, err := l.verifier.verify(in.body, in.at)
	if err != nil {
		return err
	}
	switch {
	case in.topic == "ack" && m.kind == "ack" && m.ref == "":
		return s.ack(m)
	case l.o.mall: // whatever a broker delivers unasked
	case in.topic == "response" && m.ref != "":
		return l.answer(m)
	case in.topic == "command" && m.ref == "":
		l.heard(m, time.Time{})
		return l.dispatch.command(m)
	}
	return refuse(refTopic, "type %.60q on topic %.60q", m.kind, in.topic)
}

// ack takes a signed ack (contract §4): everything up to through is safe.
func (s *session) ack(m *message) error {
	l := s.l
	var a struct {
		Epoch   string `json:"epoch"`
		Through uint64 `json:"through"`
		Hash    string `json:"hash"`
	}
	if err := StrictDecode(m.data, &a); err != nil {
		return &refused{refData, err}
	}
	hash, err := hex.DecodeString(a.Hash)
	if err != nil || len(hash) != sha256.Size {
		return refuse(refData, "hash is not 64 hex digits")
	}
	sent := time.Time{}
	if a.Epoch == l.q.Epoch() { // of an earlier one it answers nothing that was sent
		sent = s.pump.firstSent(a.Through)
	}
	if err := l.aged(m, sent); err != nil {
		l.doubt(m, nil)
		return err
	}
	if a.Epoch != l.q.Epoch() {
		return s.wrong(queue.ErrEpoch)
	}
	acked, last := l.q.AckedSeq(), l.q.LastSeq()
	switch {
	case a.Through > last:
		return s.claimed(a.Through, last, [32]byte(hash), queue.ErrAhead)
	case a.Through < acked:
		return s.behind(m, a.Through, acked)
	case a.Through == 0:
		if [32]byte(hash) != [32]byte{} {
			return s.wrong(queue.ErrHash)
		}
		l.agree()
		s.pump.repeated()
		return nil
	}
	if err := l.q.Ack(l.dispatch.run, a.Epoch, a.Through, l.sent.Load(), [32]byte(hash)); err != nil {
		if errors.Is(err, queue.ErrHash) {
			if s.pump.beyond(a.Through) {
				return s.claimed(a.Through, last, [32]byte(hash), err)
			}
			l.unclaim() // it hashes wrongly, or nothing came after this yet
		}
		return s.wrong(err)
	}
	l.ackOK(m.issued)
	if a.Through > acked {
		s.pump.acked(a.Through)
	} else {
		s.pump.repeated()
	}
	return nil
}

// wrong refuses an ack and shows it: one bad ack could delete unsent sales.
func (s *session) wrong(err error) error {
	if errors.Is(err, queue.ErrEpoch) || errors.Is(err, queue.ErrAhead) || errors.Is(err, queue.ErrHash) {
		s.l.raise(condAckRefused, "error", clip(err.Error()))
		return &refused{refAck, err}
	}
	return err
}

// behind looks at an ack below the watermark. A late or repeated one is normal;
// one signed after the ack that set the watermark says that the cloud was set
// back. Nothing moves back by itself.
func (s *session) behind(m *message, through, acked uint64) error {
	if m.issued.Sub(s.l.watermarkAt()) > 2*time.Second {
		s.l.raise(condBehind, "through", fmt.Sprint(through), "acked", fmt.Sprint(acked))
		return &refused{refAck, queue.ErrBehind}
	}
	return nil
}
