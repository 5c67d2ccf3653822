package link

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"tilld/internal/cloud"
	"tilld/queue"
)

// apiDoc is docs/asyncapi.yaml as JSON.
func apiDoc(t *testing.T) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "asyncapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return doc.(map[string]any)
}

// schemas compiles schemas of the document by name.
func schemas(t *testing.T) func(name string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	if err := c.AddResource("mem:///asyncapi.json", apiDoc(t)); err != nil {
		t.Fatal(err)
	}
	return func(name string) *jsonschema.Schema {
		t.Helper()
		s, err := c.Compile("mem:///asyncapi.json#/components/schemas/" + name)
		if err != nil {
			t.Fatalf("schema %s: %v", name, err)
		}
		return s
	}
}

func valid(t *testing.T, s *jsonschema.Schema, what string, body []byte) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("%s %s: %v", what, body, err)
	}
}

// The document is AsyncAPI 3.0 in its outline, and every reference leads
// somewhere.
func TestAsyncAPIOutline(t *testing.T) {
	doc := apiDoc(t)
	if doc["asyncapi"] != "3.0.0" {
		t.Errorf("asyncapi %v", doc["asyncapi"])
	}
	channels := doc["channels"].(map[string]any)
	for _, topic := range []string{"event", "ack", "request", "response", "command", "reply", "status", "telemetry"} {
		c, ok := channels[topic].(map[string]any)
		if !ok || c["address"] != "{root}/{merchant}/{store}/{till}/"+topic {
			t.Errorf("channel %s: %v", topic, c["address"])
		}
	}
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch x := v.(type) {
		case map[string]any:
			if ref, ok := x["$ref"].(string); ok {
				var target any = doc
				for _, step := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
					m, _ := target.(map[string]any)
					target = m[step]
				}
				if target == nil || !strings.HasPrefix(ref, "#/") {
					t.Errorf("%s: %s leads nowhere", at, ref)
				}
			}
			for k, v := range x {
				walk(at+"/"+k, v)
			}
		case []any:
			for i, v := range x {
				walk(fmt.Sprint(at, "/", i), v)
			}
		}
	}
	walk("", doc)
	compile := schemas(t)
	for name := range doc["components"].(map[string]any)["schemas"].(map[string]any) {
		compile(name)
	}
}

// What a real till sends, and what it takes, is what the document says.
func TestAsyncAPIMessages(t *testing.T) {
	schema := schemas(t)
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		claims := func(name string, token []byte) {
			t.Helper()
			part := strings.Split(string(token), ".")[1]
			body, err := base64.RawURLEncoding.DecodeString(part)
			if err != nil {
				t.Fatal(err)
			}
			valid(t, schema(name), name, body)
			if _, err := r.link.verifier.verify(token, time.Now()); err != nil {
				t.Errorf("%s %s: valid by the document, but %v", name, body, err)
			}
		}
		b.onPublish = answering(a, func(c *fakeConn, q request) {
			answer := r.sign(cloud.Message{Type: q.Type, Ref: q.ID, Data: map[string]any{"items": []any{map[string]any{"sku": "1", "name": "茶", "unit_price": 1200}}}})
			claims("responseClaims", answer)
			c.send("response", answer)
		})
		r.opts.Devices = func() any { return []map[string]any{{"name": "printer-1", "state": "ready"}} }
		r.opts.Telemetry = func() any { return map[string]any{"depth": 0} }
		var off atomic.Int64
		r.clock.wall = func() time.Time { return time.Now().Add(time.Duration(off.Load())) }
		r.routes = []Route{{Type: "drawer.open", Handle: func(context.Context, Command) (any, error) { return map[string]any{"opened": true}, nil }}}
		r.start()
		time.Sleep(time.Second)
		err := r.store.Update(t.Context(), func(tx *queue.Tx) error {
			_, err := tx.Append(queue.Message{Type: "tilld.sale.closed.v1", Subject: "01JZZZZZZZZZZZZZZZZZZZZZZZ", Data: []byte(`{"id":"x"}`)})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		off.Store(int64(time.Hour))
		time.Sleep(3 * time.Second)
		off.Store(0)
		if _, err := r.link.Ask(t.Context(), Question{Type: "price.lookup", Sale: "s1", Data: map[string]any{"code": "690"}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		command := r.sign(cloud.Message{ID: "j1", Type: "drawer.open", Data: map[string]any{"reason": "change"}})
		claims("commandClaims", command)
		b.last().send("command", command)
		b.last().send("command", r.sign(cloud.Message{ID: "j2", Type: "unknown.type", Data: map[string]any{}}))
		time.Sleep(2 * time.Minute)
		claims("ackClaims", r.ackToken(r.store.Epoch(), 0, strings.Repeat("0", 64)))
		r.halt()
		count := map[string]int{}
		for _, p := range b.got {
			topic := strings.TrimPrefix(p.topic, tillSource+"/")
			count[topic]++
			switch topic {
			case "event":
				for _, line := range bytes.Split(p.body, []byte("\n")) {
					valid(t, schema("event"), "event", line)
					var e struct {
						Type string
						Data json.RawMessage
					}
					if err := json.Unmarshal(line, &e); err != nil {
						t.Fatal(err)
					}
					if e.Type == "tilld.clock.jumped.v1" {
						count[e.Type]++
						valid(t, schema("clockJumped"), e.Type, e.Data)
					}
				}
			case "request", "reply":
				valid(t, schema(topic), topic, p.body)
			case "status":
				name := "death"
				if bytes.Contains(p.body, []byte(`"online":true`)) {
					name = "birth"
				}
				count[name]++
				valid(t, schema(name), name, p.body)
			}
			if (topic == "status") != p.retained() || (topic == "telemetry") != (p.flags&6 == 0) {
				t.Errorf("%s: flags %#x", topic, p.flags)
			}
		}
		for _, want := range []string{"event", "request", "reply", "birth", "death", "telemetry", "tilld.clock.jumped.v1"} {
			if count[want] == 0 {
				t.Errorf("no %s was seen: %v", want, count)
			}
		}
	})
}

// Golden messages: those of the contract are valid, each with one thing wrong
// is not.
func TestAsyncAPIGolden(t *testing.T) {
	schema := schemas(t)
	event := `{"specversion":"1.0","id":"` + testEpoch + `-42","source":"tilld/v1/acme/sh-001/03","type":"tilld.sale.closed.v1","subject":"s","time":"2026-11-24T06:03:09.087Z","datacontenttype":"application/json","epoch":"` + testEpoch + `","sequence":"00000000000000000042","prevhash":"` + strings.Repeat("0", 64) + `","bootid":"b","clockoffsetms":"-12","data":{}}`
	command := func(kind, data string) string {
		return `{"iss":"cloud","aud":"acme/*","jti":"01JZZZZZZZZZZZZZZZZZZZZZZZ","iat":1764000000.5,"exp":1764000600,"type":"` + kind + `","data":` + data + `}`
	}
	for _, c := range []struct {
		schema, body string
		ok           bool
	}{
		{"event", event, true},
		{"event", strings.Replace(event, `"subject":"s",`, "", 1), true},
		{"event", strings.Replace(event, "00000000000000000042", "42", 1), false},
		{"event", strings.Replace(event, `"-12"`, `-12`, 1), false},
		{"event", strings.Replace(event, `"data":{}`, `"data":[]`, 1), false},
		{"event", strings.Replace(event, `"bootid"`, `"x":1,"bootid"`, 1), false},
		{"request", `{"id":"01JZZZZZZZZZZZZZZZZZZZZZZZ","type":"payment.create","sale":"s","sent":"2026-11-24T06:03:09Z","expires":"2026-11-24T06:03:19Z","data":{"payment_id":"p","amount":100,"currency":"CNY","items_digest":"00","ttl_s":300}}`, true},
		{"request", `{"id":"01JZZZZZZZZZZZZZZZZZZZZZZZ","type":"payment.create","sale":"s","sent":"2026-11-24T06:03:09Z","expires":"2026-11-24T06:03:19Z","data":{"payment_id":"p"}}`, false},
		{"request", `{"id":"x","type":"price.lookup","sent":"2026-11-24T06:03:09Z","expires":"2026-11-24T06:03:19Z","data":{"code":"1"}}`, false},
		{"reply", `{"id":"j","state":"done"}`, true},
		{"reply", `{"id":"j","state":"started"}`, false},
		{"death", `{"online":false,"session":3}`, true},
		{"death", `{"online":true,"session":3}`, false},
		{"commandClaims", command("payment.result", `{"payment_id":"p","state":"paid","amount":100,"tenders":[{"method":"wallet","amount":100,"scheme":"wechat","reference":"r"}],"member":{"id_masked":"**12","consent":true},"points":{"earned":10},"coupons":[{"id":"c","title":"t"}],"offers":[{"id":"o","title":"t"}],"stored_value":{"card_masked":"**1","balance":5}}`), true},
		{"commandClaims", command("payment.result", `{"payment_id":"p","state":"paid","x":1}`), false},
		{"commandClaims", command("basket.push", `{"items":[{"sku":"1","name":"n","unit_price":5,"quantity":"0.735","unit":"kg"}],"adviser":"a"}`), true},
		{"commandClaims", command("basket.push", `{"items":[{"sku":"1","name":"n","unit_price":5.5}]}`), false},
		{"commandClaims", command("drawer.open", `{"reason":"x"}`), true},
		{"commandClaims", command("drawer.open", `{}`), false},
		{"commandClaims", command("till.report", `null`), true},
		{"commandClaims", command("till.fly", `{}`), false},
		{"commandClaims", command("pricebook.apply", `{"version":7,"items":[]}`), true},
		{"commandClaims", command("pricebook.apply", `{"version":7}`), true}, // restores
		{"commandClaims", command("pricebook.apply", `{"version":7,"url":"p.json"}`), false},
		{"commandClaims", command("pricebook.apply", `{"version":7,"url":"p.json","sha256":"`+strings.Repeat("0", 64)+`","bytes":5,"items":[]}`), false},
		{"ackClaims", strings.Replace(command("ack", `{"epoch":"`+testEpoch+`","through":0,"hash":"`+strings.Repeat("0", 64)+`"}`), `"aud":"acme/*"`, `"aud":["acme/*"]`, 1), true},
		{"ackClaims", command("ack", `{"epoch":"`+testEpoch+`","through":-1,"hash":"`+strings.Repeat("0", 64)+`"}`), false},
	} {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema(c.schema).Validate(v); (err == nil) != c.ok {
			t.Errorf("%s %.200s: %v, want ok %v", c.schema, c.body, err, c.ok)
		}
	}
}

// What a mall gets is as the document says: copies, the rule, what was withheld.
func TestAsyncAPIMall(t *testing.T) {
	schema := schemas(t)
	k, err := Copier(View{Events: []string{"sale.closed"}, Redact: []string{"member"}, Source: tillSource}, "mall/v1/m/s/7", "boot", NewClock(time.Time{}), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	s, err := queue.Open(t.Context(), queue.Options{Dir: t.TempDir(), Seal: SaltedSealer(tillSource, "boot", NewClock(time.Time{})), Copies: k})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	big := fmt.Sprintf(`{"pad":"%090000d","member":{}}`, 0)
	for range 30 { // more than a MiB
		err := s.Update(t.Context(), func(tx *queue.Tx) error {
			_, err := tx.Append(queue.Message{Type: "tilld.sale.closed.v1", Subject: "s", Data: []byte(big)})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Copies().NewEpoch(t.Context(), "test"); err != nil { // brings the withheld into the chain: no room is asked for
		t.Fatal(err)
	}
	own, err := s.Pending(0, 5, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	valid(t, schema("event"), "event", own[0].Body)
	list, err := s.Copies().Pending(0, 100, 16<<20)
	if err != nil {
		t.Fatal(err)
	}
	h, err := s.Copies().Hash(s.Copies().LastSeq())
	if err == nil {
		err = s.Copies().Ack(t.Context(), s.Copies().Epoch(), s.Copies().LastSeq(), s.Copies().LastSeq(), h)
	}
	if err == nil {
		err = s.Update(t.Context(), func(tx *queue.Tx) error {
			_, err := tx.Append(queue.Message{Type: "tilld.sale.closed.v1", Data: []byte(`{}`)})
			return err
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	more, err := s.Copies().Pending(uint64(len(list)), 100, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, c := range append(list, more...) {
		valid(t, schema("event"), "event", c.Body)
		var e struct {
			Type string
			Data json.RawMessage
		}
		if err := json.Unmarshal(c.Body, &e); err != nil {
			t.Fatal(err)
		}
		count[e.Type]++
		switch e.Type {
		case ViewType:
			valid(t, schema("mallView"), e.Type, e.Data)
		case queue.WithheldType:
			valid(t, schema("withheld"), e.Type, e.Data)
		}
	}
	if count[ViewType] != 1 || count[queue.WithheldType] != 1 || count[queue.CheckpointType] == 0 || count["tilld.sale.closed.v1"] < 5 {
		t.Errorf("%v", count)
	}
}

// BenchmarkCopy is what a copied sale costs the writer.
func BenchmarkCopy(b *testing.B) {
	for _, lines := range []int{5, 20} {
		b.Run(fmt.Sprint(lines), func(b *testing.B) {
			k, err := Copier(View{Events: []string{"sale.closed"}, Redact: []string{"member", "items.serial", "tenders.reference", "cashier"}}, "m", "b", NewClock(time.Time{}), 0)
			if err != nil {
				b.Fatal(err)
			}
			item := `{"line":1,"sku":"6901234567892","gtin":"6901234567892","serial":"ABC","name":"乌龙茶 500 ml","quantity":"1","unit_price":1200,"discount":0,"total":1200}`
			data := []byte(`{"id":"S","number":1,"items":[` + strings.Repeat(item+",", lines-1) + item + `],"tenders":[{"method":"cash","amount":1200,"reference":"r"}],"member":{"id_masked":"**1"},"cashier":"1"}`)
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := k.Seal(queue.Header{}, queue.Original{ID: "e-1"}, queue.Message{Type: "tilld.sale.closed.v1", Data: data}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
