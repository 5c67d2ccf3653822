package link

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"tilld/internal/sale"
	"tilld/queue"
)

func TestCopy(t *testing.T) {
	c, err := Copier(View{Events: []string{"sale.closed", "shift.closed"}, Redact: []string{"member", "items.serial", "cashier", "tenders.reference", "items.name"}},
		"mall/v1/m/s/7", "boot", NewClock(time.Time{}), 0)
	if err != nil {
		t.Fatal(err)
	}
	if !c.Wants("tilld.sale.closed.v1") || c.Wants("tilld.sale.voided.v1") || c.Wants("sale.closed") || c.Off {
		t.Error("wants the wrong events")
	}
	h := queue.Header{Epoch: strings.Repeat("ab", 16), Sequence: 7, At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	of := queue.Original{ID: strings.Repeat("cd", 16) + "-42", Hash: [32]byte{1, 2}}
	got, err := c.Seal(h, of, queue.Message{Type: "tilld.sale.closed.v1", Subject: "S1", Data: []byte(
		`{"id":"S1", "total":1000000000000001,"member":{"id_masked":"1"},"items":[{"line":1,"serial":"x","name":"<茶>","total":5},{"serial":"y"}],` +
			`"cashier":"007","tenders":[{"method":"cash","amount":5.00,"reference":"r"}],"refunds":[{"cashier":"008","tenders":[{"reference":"q","amount":1}]}],"empty":[],"nothing":{}}`)})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"specversion":"1.0","id":"abababababababababababababababab-7","source":"mall/v1/m/s/7","type":"tilld.sale.closed.v1","subject":"S1","time":"2026-03-01T12:00:00.000Z",` +
		`"datacontenttype":"application/json","epoch":"abababababababababababababababab","sequence":"00000000000000000007","prevhash":"0000000000000000000000000000000000000000000000000000000000000000",` +
		`"bootid":"boot","clockoffsetms":"0","originalid":"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd-42","originalhash":"0102000000000000000000000000000000000000000000000000000000000000",` +
		`"data":{"id":"S1","total":1000000000000001,"items":[{"line":1,"total":5},{}],"tenders":[{"method":"cash","amount":5.00}],"refunds":[{"tenders":[{"amount":1}]}],"empty":[],"nothing":{}}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	got, err = c.Seal(h, of, queue.Message{Type: "tilld.shift.closed.v1", Subject: "007", Data: []byte(`{"cashier":"007","cash":5}`)})
	if err != nil || strings.Contains(string(got), `"007"`) || !strings.Contains(string(got), `"data":{"cash":5}`) {
		t.Errorf("the cashier is in the shift's copy: %s, %v", got, err)
	}
	// What the store adds by itself passes as it is.
	if got, err := c.Seal(h, queue.Original{}, c.Rule); err != nil || !strings.Contains(string(got), `"data":{"events":["sale.closed","shift.closed"],"redact":["cashier",`) {
		t.Errorf("rule %s, %v", got, err)
	}
	for _, bad := range []View{{Events: []string{"cashier.signed_in"}}, {Redact: []string{"total"}}, {Redact: []string{"items.total"}}} {
		if _, err := Copier(bad, "s", "b", NewClock(time.Time{}), 0); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}

// Every part that can be left out is left out, wherever it lies.
func TestRedactEverything(t *testing.T) {
	var all []string
	for part := range Redactable {
		all = append(all, part)
	}
	r, err := newRedaction(all)
	if err != nil {
		t.Fatal(err)
	}
	for _, places := range Redactable {
		for _, place := range places {
			v := `"secret"`
			names := strings.Split(place, ".")
			for i := len(names) - 1; i >= 0; i-- {
				v = `{"` + names[i] + `":` + v + `,"kept":1}`
				if i > 0 {
					v = "[" + v + "," + v + "]"
				}
			}
			out, gone, err := r.apply([]byte(v))
			if err != nil || strings.Contains(string(out), "secret") || !strings.Contains(string(out), `"kept":1`) {
				t.Errorf("%s: %s of %s, gone %v, %v", place, out, v, gone, err)
			}
		}
	}
}

func FuzzRedact(f *testing.F) {
	f.Add([]byte(`{"member":{"a":1},"items":[{"serial":"x"},[{"serial":1}]],"b":"\u2028<"}`))
	f.Add([]byte(`{"items":{"serial":{"a":[]}},"total":1e400}`))
	r, err := newRedaction([]string{"member", "items.serial", "tenders.reference"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		out, _, err := r.apply(data)
		if !json.Valid(data) {
			return // the store has only events that are
		}
		if err != nil || !json.Valid(out) || len(out) > 6*len(data)+16 {
			t.Fatalf("%q of %q: %v", out, data, err)
		}
		var m map[string]json.RawMessage
		if json.Unmarshal(out, &m) == nil && m["member"] != nil {
			t.Fatalf("member is still in %q", out)
		}
		again, _, err := r.apply(out)
		if err != nil || string(again) != string(out) {
			t.Fatalf("%q becomes %q, %v", out, again, err)
		}
	})
}

// The salt makes equal events different, and an event without one is as before.
func TestSalt(t *testing.T) {
	seal, plain := SaltedSealer("s", "b", NewClock(time.Time{})), Sealer("s", "b", NewClock(time.Time{}))
	h, m := queue.Header{Epoch: "e", Sequence: 1}, queue.Message{Type: "t", Data: []byte("{}")}
	a, err1 := seal(h, m)
	b, err2 := seal(h, m)
	p, err3 := plain(h, m)
	if err1 != nil || err2 != nil || err3 != nil || string(a) == string(b) || strings.Contains(string(p), "salt") {
		t.Errorf("%s\n%s\n%s", a, b, p)
	}
	var e struct{ Salt string }
	if json.Unmarshal(a, &e) != nil || len(e.Salt) != 32 {
		t.Errorf("salt %q", e.Salt)
	}
}

// kept are the names in copied events that settle accounts, or only say what
// kind of thing happened: they stay whatever is left out.
var kept = strings.Fields("id number day state currency total discount_total paid change paid_but_changed refund_of refund_from void_reported next_line opened_at closed_at " +
	"sale sale_day sale_number sale_state refund_id lines amount at give_back given_back opened_at closed_at float cash expected counted difference " +
	"items.line items.quantity items.unit items.total tenders.method tenders.amount tenders.state")

// Whoever gives a sale another field has to decide what a mall sees of it: it
// can be left out, or is among those above. Else a new field would go to every
// mall by itself.
func TestEveryFieldIsDecidedOn(t *testing.T) {
	places := map[string]bool{}
	for _, list := range Redactable {
		for _, p := range list {
			places[p] = true
		}
	}
	decided := func(path string) bool {
		for p := path; ; {
			if places[p] || slices.Contains(kept, p) {
				return true
			}
			i := strings.LastIndexByte(p, '.')
			if i < 0 {
				return false
			}
			if p = p[:i]; slices.Contains(kept, p) { // of a kept list each name counts for itself
				return false
			}
		}
	}
	n := 0
	var walk func(path string, x reflect.Type)
	walk = func(path string, x reflect.Type) {
		for x.Kind() == reflect.Pointer || x.Kind() == reflect.Slice {
			x = x.Elem()
		}
		if x.Kind() != reflect.Struct || x == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range x.NumField() {
			f := x.Field(i)
			if f.Anonymous {
				walk(path, f.Type)
				continue
			}
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "" || name == "-" {
				continue
			}
			p := strings.TrimPrefix(path+"."+name, ".")
			n++
			switch p {
			case "items", "tenders":
				walk(p, f.Type)
			case "given_back":
				walk("tenders", f.Type)
			case "refunds": // as the refund's own event says it
				walk("", f.Type)
			default:
				if !decided(p) {
					t.Errorf("%s of %s: a mall gets it. Put it into Redactable, or into kept above", p, x)
				}
			}
		}
	}
	for _, x := range []reflect.Type{reflect.TypeFor[sale.VoidData](), reflect.TypeFor[sale.RefundData](), reflect.TypeFor[sale.ShiftData]()} {
		walk("", x)
	}
	if n < 60 {
		t.Errorf("only %d fields were looked at", n)
	}
}
