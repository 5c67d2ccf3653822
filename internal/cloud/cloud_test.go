package cloud_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/golang-jwt/jwt/v5"

	"tilld/internal/cloud"
	"tilld/internal/sim/broker"
)

// rig is a cloud at a broker and a till that is only an MQTT client.
type rig struct {
	t     *testing.T
	cloud *cloud.Cloud
	key   ed25519.PublicKey
	till  mqtt.Client
	url   string

	mu    sync.Mutex
	heard []claims
	more  chan struct{}
}

// claims is a signed message as the till reads it.
type claims struct {
	topic string
	jwt.RegisteredClaims
	Type string          `json:"type"`
	Ref  string          `json:"ref"`
	Data json.RawMessage `json:"data"`
	bad  error           // the signature
}

func newRig(t *testing.T, o cloud.Options) *rig {
	t.Helper()
	b, err := broker.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	key, err := cloud.NewKey("k1")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, url: "tcp://" + b.Addr(), more: make(chan struct{})}
	r.key = public(t, key)
	o.Broker, o.Key = r.url, key
	r.cloud = cloud.New(o)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.cloud.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	r.await("cloud at the broker", func() bool { return r.cloud.Counts().Connects == 1 })
	r.connect()
	return r
}

// public reads the key out of the trust file, as a till does.
func public(t *testing.T, k cloud.Key) ed25519.PublicKey {
	t.Helper()
	file, err := cloud.TrustFile(k)
	if err != nil {
		t.Fatal(err)
	}
	var set struct {
		Keys []struct {
			Kty, Crv, Kid, X string
			Use              []string `json:"tilld:use"`
		}
	}
	if err := json.Unmarshal(file, &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("trust file %s: %v", file, err)
	}
	j := set.Keys[0]
	x, err := base64.RawURLEncoding.DecodeString(j.X)
	if err != nil || j.Kty != "OKP" || j.Crv != "Ed25519" || j.Kid != "k1" || len(j.Use) != 1 || j.Use[0] != "message" {
		t.Fatalf("JWK %+v, %v", j, err)
	}
	return x
}

func (r *rig) connect() {
	r.till = mqtt.NewClient(mqtt.NewClientOptions().AddBroker(r.url).SetClientID("till").SetProtocolVersion(4).SetAutoReconnect(false))
	r.wait(r.till.Connect())
	r.t.Cleanup(func() { r.till.Disconnect(0) })
	filters := map[string]byte{src + "/ack": 1, src + "/response": 1, src + "/command": 1}
	r.wait(r.till.SubscribeMultiple(filters, func(_ mqtt.Client, m mqtt.Message) {
		c := claims{topic: m.Topic()[len(src)+1:]}
		_, c.bad = jwt.ParseWithClaims(string(m.Payload()), &c, func(*jwt.Token) (any, error) { return r.key, nil },
			jwt.WithValidMethods([]string{"EdDSA"}), jwt.WithAudience("acme/sh-001/03"), jwt.WithExpirationRequired())
		r.mu.Lock()
		defer r.mu.Unlock()
		r.heard = append(r.heard, c)
		close(r.more)
		r.more = make(chan struct{})
	}))
}

func (r *rig) wait(t mqtt.Token) {
	r.t.Helper()
	if !t.WaitTimeout(10*time.Second) || t.Error() != nil {
		r.t.Fatalf("MQTT: %v", t.Error())
	}
}

func (r *rig) publish(topic string, retained bool, body any) {
	r.t.Helper()
	if m, ok := body.(map[string]any); ok {
		b, err := json.Marshal(m)
		if err != nil {
			r.t.Fatal(err)
		}
		body = b
	}
	r.wait(r.till.Publish(src+"/"+topic, 1, retained, body))
}

func (r *rig) await(what string, ok func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 60*time.Second)
	defer cancel()
	if err := r.cloud.Await(ctx, ok); err != nil {
		r.t.Fatalf("%s: %v; %+v", what, err, r.cloud.Counts())
	}
}

// next returns the first message that ok accepts.
func (r *rig) next(what string, ok func(claims) bool) claims {
	r.t.Helper()
	late := time.After(60 * time.Second)
	seen := 0
	for {
		r.mu.Lock()
		fresh, more := r.heard[seen:], r.more
		seen = len(r.heard)
		r.mu.Unlock()
		for _, c := range fresh {
			if ok(c) {
				return c
			}
		}
		select {
		case <-more:
		case <-late:
			r.t.Fatalf("no %s", what)
		}
	}
}

func (r *rig) count(ok func(claims) bool) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.heard {
		if ok(c) {
			n++
		}
	}
	return n
}

func (r *rig) born(session int) {
	r.publish("status", true, map[string]any{"online": true, "session": session, "epoch": epoch, "version": "1", "boot_id": "b1"})
	r.await("birth", func() bool { s, _ := r.cloud.Status("acme/sh-001/03"); return s.Session == uint64(session) && s.Online })
}

// ask sends a request and returns the response's data.
func (r *rig) ask(kind string, data map[string]any) (answer map[string]any) {
	r.t.Helper()
	r.mu.Lock()
	id := fmt.Sprintf("01JD%022d", len(r.heard)+1)
	r.mu.Unlock()
	r.publish("request", false, map[string]any{"id": id, "type": kind, "sale": "S1", "sent": time.Now(), "expires": time.Now().Add(time.Minute), "data": data})
	c := r.next("response to "+kind, func(c claims) bool { return c.Ref == id })
	if c.bad != nil || c.topic != "response" || c.Type != kind {
		r.t.Fatalf("response %+v", c)
	}
	if err := json.Unmarshal(c.Data, &answer); err != nil {
		r.t.Fatal(err)
	}
	return answer
}

func TestAcks(t *testing.T) {
	r := newRig(t, cloud.Options{AckEvery: 20 * time.Millisecond})
	r.born(1)
	c := &chain{epoch: epoch}
	e := c.many(200)
	for i := 0; i < 200; i += 2 {
		r.publish("event", false, batch(e[i], e[i+1]))
	}
	ack := r.next("last ack", func(c claims) bool { return c.topic == "ack" && string(c.Data) == ackData(epoch, 200, e[199]) })
	if ack.bad != nil || ack.Type != "ack" || ack.Ref != "" || ack.ID == "" || ack.ExpiresAt.Sub(ack.IssuedAt.Time) > 24*time.Hour {
		t.Errorf("ack %+v", ack)
	}
	if n := r.count(func(c claims) bool { return c.topic == "ack" }); n > 60 {
		t.Errorf("%d acks for 100 batches: they are not put together", n)
	}
	// A gap and a stale batch are answered with the watermark.
	before := r.cloud.Counts().Acks
	gap := c.many(2)
	r.publish("event", false, gap[1])
	r.await("answer to the gap", func() bool { return r.cloud.Counts().Gaps == 1 && r.cloud.Counts().Acks > before })
	if got := r.cloud.Ledger().Mark(src, epoch); got.Through != 200 {
		t.Errorf("watermark %d", got.Through)
	}
	// An epoch the cloud knows nothing of, and begins in the middle.
	other := &chain{epoch: "ffffffffffffffffffffffffffffffff"}
	r.publish("event", false, other.many(2)[1])
	zero := fmt.Sprintf(`{"epoch":"%s","hash":"%064x","through":0}`, other.epoch, 0)
	if a := r.next("ack through 0", func(c claims) bool { return c.topic == "ack" && string(c.Data) == zero }); a.bad != nil {
		t.Error(a.bad)
	}
	// A till that contradicts itself gets no ack.
	r.publish("event", false, (&chain{epoch: epoch}).event("tilld.till.started.v1", `{"other":true}`))
	r.await("alarm", func() bool { return len(r.cloud.Ledger().Alarms()) == 1 })
	r.publish("event", false, []byte("rubbish"))
	r.await("refusal", func() bool { return r.cloud.Counts().Bad == 1 })
}

func ackData(epoch string, seq int, line []byte) string {
	return fmt.Sprintf(`{"epoch":"%s","hash":"%x","through":%d}`, epoch, sha256.Sum256(line), seq)
}

func TestPayments(t *testing.T) {
	r := newRig(t, cloud.Options{})
	r.born(1)
	create := map[string]any{"payment_id": "P1", "amount": 500, "currency": "CNY", "items_digest": "d", "ttl_s": 300}
	a := r.ask("payment.create", create)
	if a["state"] != "pending" || a["url"] == "" {
		t.Fatalf("create: %v", a)
	}
	if b := r.ask("payment.create", create); b["url"] != a["url"] {
		t.Errorf("a repeat got another code: %v", b)
	}
	if a = r.ask("payment.query", map[string]any{"payment_id": "P1"}); a["state"] != "pending" {
		t.Errorf("query: %v", a)
	}
	if !r.cloud.Settle("P1", "paid", true) || r.cloud.Settle("P1", "paid", true) {
		t.Error("a payment is settled once")
	}
	cmd := r.next("payment.result", func(c claims) bool { return c.topic == "command" && c.Type == "payment.result" })
	var res cloud.Result
	if err := json.Unmarshal(cmd.Data, &res); err != nil || cmd.bad != nil {
		t.Fatal(err, cmd.bad)
	}
	var sum int64
	for _, x := range res.Tenders {
		sum += x.Amount
	}
	if res.PaymentID != "P1" || res.State != "paid" || sum != 500 {
		t.Errorf("result %+v", res)
	}
	// The till says nothing yet; it is told again when it is born again.
	r.born(2)
	seen := 0
	r.next("second delivery", func(c claims) bool {
		if c.ID == cmd.ID {
			seen++
		}
		return seen == 2
	})
	r.publish("reply", false, map[string]any{"id": cmd.ID, "state": "done"})
	r.await("reply", func() bool { x, ok := r.cloud.Reply(cmd.ID); return ok && x.State == "done" })
	n := r.count(func(c claims) bool { return c.ID == cmd.ID })
	r.born(3)
	r.ask("payment.query", map[string]any{"payment_id": "P1"})
	if got := r.count(func(c claims) bool { return c.ID == cmd.ID }); got != n {
		t.Errorf("a command with its reply was sent again")
	}

	for _, tt := range []struct {
		kind  string
		data  map[string]any
		state string
		code  string
	}{
		{"payment.query", map[string]any{"payment_id": "P1"}, "paid", ""},
		{"payment.cancel", map[string]any{"payment_id": "P1"}, "paid", ""},
		{"payment.query", map[string]any{"payment_id": "never heard of"}, "failed", ""},
		{"payment.create", map[string]any{"payment_id": "P1", "amount": 501, "currency": "CNY", "ttl_s": 300}, "", "conflict"},
		{"payment.create", map[string]any{"payment_id": "P2", "amount": 0, "currency": "CNY", "ttl_s": 300}, "", "invalid"},
		{"payment.create", map[string]any{"payment_id": "P2", "amount": 700, "currency": "CNY", "ttl_s": 300}, "pending", ""},
		{"payment.cancel", map[string]any{"payment_id": "P2"}, "cancelled", ""},
		{"payment.collect", map[string]any{"payment_id": "P3", "amount": 900, "currency": "CNY", "auth_code": "134567890123456789"}, "paid", ""},
		{"payment.refund", map[string]any{"payment_id": "P3", "refund_id": "R1", "amount": 400}, "done", ""},
		{"payment.refund", map[string]any{"payment_id": "P3", "refund_id": "R1", "amount": 400}, "done", ""},
		{"payment.refund", map[string]any{"payment_id": "P3", "refund_id": "R2", "amount": 501}, "", "invalid"},
		{"payment.refund", map[string]any{"payment_id": "P2", "refund_id": "R3", "amount": 1}, "", "not_found"},
		{"no.such", map[string]any{"code": "x"}, "", "unknown_type"},
		{"member.lookup", map[string]any{"code": "x"}, "", "not_found"},
	} {
		a := r.ask(tt.kind, tt.data)
		code := ""
		if e, ok := a["error"].(map[string]any); ok {
			code, _ = e["code"].(string)
		}
		state, _ := a["state"].(string)
		if state != tt.state || code != tt.code {
			t.Errorf("%s %v: %v", tt.kind, tt.data, a)
		}
	}
	if a := r.ask("price.lookup", map[string]any{"code": "6961234567896"}); a["items"] == nil {
		t.Errorf("price.lookup: %v", a)
	}
}

// A will that lands after the next birth must not make the till look dead.
func TestLateDeath(t *testing.T) {
	r := newRig(t, cloud.Options{})
	r.born(7)
	r.publish("status", true, map[string]any{"online": false, "session": 6})
	r.await("late will", func() bool { return r.cloud.Counts().StaleDead == 1 })
	if s, _ := r.cloud.Status("acme/sh-001/03"); !s.Online {
		t.Error("the till looks dead")
	}
	r.publish("status", true, map[string]any{"online": false, "session": 7})
	r.await("death", func() bool { s, _ := r.cloud.Status("acme/sh-001/03"); return !s.Online })
}

func TestFaults(t *testing.T) {
	r := newRig(t, cloud.Options{})
	r.born(1)
	r.cloud.SetFaults(func(f *cloud.Faults) { f.WrongSignature = true })
	r.cloud.Order("acme/sh-001/03", "screen.clear", map[string]any{}, 0)
	if c := r.next("forged command", func(c claims) bool { return c.Type == "screen.clear" }); c.bad == nil {
		t.Error("the forged signature verifies")
	}
	r.cloud.SetFaults(func(f *cloud.Faults) { *f = cloud.Faults{Deny: true, Duplicates: 1} })
	if a := r.ask("payment.collect", map[string]any{"payment_id": "P9", "amount": 9, "currency": "CNY", "auth_code": "134567890123456789"}); a["state"] != "failed" {
		t.Errorf("denied: %v", a)
	}
	r.cloud.SetFaults(func(f *cloud.Faults) { *f = cloud.Faults{NoAcks: true} })
	c := &chain{epoch: epoch}
	r.publish("event", false, batch(c.many(2)...))
	r.await("ingest", func() bool { return r.cloud.Counts().Events == 2 })
	r.ask("payment.query", map[string]any{"payment_id": "P9"})
	if r.cloud.Counts().Acks != 0 {
		t.Error("acked")
	}
}
