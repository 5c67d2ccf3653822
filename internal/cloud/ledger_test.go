package cloud_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"tilld/internal/cloud"
)

const src = "tilld/v1/acme/sh-001/03"

var epoch = strings.Repeat("0123456789abcdef", 2)

// chain makes events as a till would, without any of its code.
type chain struct {
	epoch string
	prev  [32]byte
	seq   int
}

func (c *chain) event(kind, data string) []byte {
	c.seq++
	line := fmt.Appendf(nil, `{"specversion":"1.0","id":"%s-%d","source":"%s","type":"%s","subject":"S%d","time":"2026-11-24T08:00:00.000Z",`+
		`"datacontenttype":"application/json","epoch":"%s","sequence":"%020d","prevhash":"%x","bootid":"b1","clockoffsetms":"-12","data":%s}`,
		c.epoch, c.seq, src, kind, c.seq, c.epoch, c.seq, c.prev, data)
	c.prev = sha256.Sum256(line)
	return line
}

func (c *chain) many(n int) [][]byte {
	var list [][]byte
	for range n {
		list = append(list, c.event("tilld.drawer.opened.v1", `{"n":1}`))
	}
	return list
}

func batch(lines ...[]byte) []byte { return bytes.Join(lines, []byte("\n")) }

func ingest(t *testing.T, l *cloud.Ledger, body []byte) cloud.Verdict {
	t.Helper()
	v, err := l.Ingest(src, body)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestIngest(t *testing.T) {
	c := &chain{epoch: epoch}
	e := c.many(6)
	l := cloud.NewLedger()
	for _, step := range []struct {
		name    string
		body    []byte
		through uint64
		fresh   int
		gap     bool
	}{
		{"beyond the watermark", batch(e[2]), 0, 0, true},
		{"first two", batch(e[0], e[1]), 2, 2, false},
		{"the same again", batch(e[0], e[1]), 2, 0, false},
		{"overlapping", batch(e[1], e[2], e[3]), 4, 2, false},
		{"stale", batch(e[0]), 4, 0, false},
		{"gap", batch(e[5]), 4, 0, true},
		{"single", batch(e[4]), 5, 1, false},
	} {
		v := ingest(t, l, step.body)
		if v.Through != step.through || len(v.New) != step.fresh || v.Gap != step.gap || v.Fork {
			t.Fatalf("%s: %+v", step.name, v)
		}
		want := [32]byte{}
		if step.through > 0 {
			want = sha256.Sum256(e[step.through-1])
		}
		if v.Hash != want {
			t.Errorf("%s: hash is not that of event %d", step.name, step.through)
		}
	}
	if got := l.Events(src, 0); len(got) != 5 || !bytes.Equal(got[3].Body, e[3]) {
		t.Errorf("%d events kept", len(got))
	}
	if err := l.Verify(); err != nil {
		t.Error(err)
	}
}

// A cloned or restored till contradicts itself: nothing of it counts any more.
func TestForks(t *testing.T) {
	for name, twist := range map[string]func(c *chain, e [][]byte) []byte{
		"the same sequence, other bytes": func(c *chain, e [][]byte) []byte {
			return bytes.Replace(e[2], []byte(`{"n":1}`), []byte(`{"n":2}`), 1)
		},
		"another past": func(c *chain, e [][]byte) []byte {
			other := &chain{epoch: epoch}
			other.event("tilld.till.started.v1", `{}`)
			other.many(2)
			return other.event("tilld.till.started.v1", `{}`)
		},
		"a break inside a batch": func(c *chain, e [][]byte) []byte {
			a := c.event("tilld.till.started.v1", `{}`)
			c.prev[0]++
			return batch(a, c.event("tilld.till.started.v1", `{}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := &chain{epoch: epoch}
			e := c.many(3)
			l := cloud.NewLedger()
			ingest(t, l, batch(e...))
			v := ingest(t, l, twist(c, e))
			if !v.Fork || len(v.New) != 0 {
				t.Fatalf("%+v, want a fork", v)
			}
			if a := l.Alarms(); len(a) != 1 || a[0].Source != src {
				t.Errorf("alarms %+v", a)
			}
			if v := ingest(t, l, batch(c.event("tilld.till.started.v1", `{}`))); !v.Fork {
				t.Error("a quarantined till is taken in again")
			}
			if r := l.Report(src); len(r.Problems) == 0 {
				t.Error("the report finds nothing wrong")
			}
		})
	}
}

// Another epoch of the same till is another chain, not a fork.
func TestEpochs(t *testing.T) {
	l := cloud.NewLedger()
	ingest(t, l, batch((&chain{epoch: epoch}).many(3)...))
	other := &chain{epoch: strings.Repeat("f", 32)}
	if v := ingest(t, l, batch(other.many(2)...)); v.Through != 2 || v.Fork {
		t.Errorf("%+v", v)
	}
	if m := l.Mark(src, epoch); m.Through != 3 {
		t.Errorf("first epoch's mark %d", m.Through)
	}
	if got := len(l.Events(src, 2)); got != 3 {
		t.Errorf("%d events after the first two", got)
	}
}

// A damaged event is replaced under its number; its followers keep the hash of
// the original.
func TestRecordDamaged(t *testing.T) {
	c := &chain{epoch: epoch}
	e := c.many(2)
	original := sha256.Sum256(e[1])
	before := sha256.Sum256(e[0])
	follower := c.event("tilld.till.started.v1", `{}`)
	stand := &chain{epoch: epoch, prev: before, seq: 1}
	damaged := stand.event("tilld.record.damaged.v1", fmt.Sprintf(`{"original_hash":"%x"}`, original))

	l := cloud.NewLedger()
	v := ingest(t, l, batch(e[0], damaged, follower))
	if v.Fork || v.Through != 3 || v.Hash != sha256.Sum256(follower) {
		t.Fatalf("%+v; alarms %+v", v, l.Alarms())
	}
	if err := l.Verify(); err != nil {
		t.Error(err)
	}
	// The cloud has the original already: the replacement is no fork.
	l = cloud.NewLedger()
	ingest(t, l, batch(e...))
	if v := ingest(t, l, batch(damaged, follower)); v.Fork || v.Through != 3 {
		t.Errorf("%+v; alarms %+v", v, l.Alarms())
	}
	// A replacement of something else is one.
	other := (&chain{epoch: epoch, prev: before, seq: 1}).event("tilld.record.damaged.v1", fmt.Sprintf(`{"original_hash":"%064x"}`, 7))
	if v := ingest(t, l, other); !v.Fork {
		t.Error("a replacement with another original is taken")
	}
}

func TestBadBatches(t *testing.T) {
	c := &chain{epoch: epoch}
	good := c.event("tilld.till.started.v1", `{}`)
	next := c.event("tilld.till.started.v1", `{}`)
	for name, body := range map[string][]byte{
		"empty":           {},
		"trailing LF":     append(bytes.Clone(good), '\n'),
		"no JSON":         []byte("hello"),
		"not consecutive": batch(next, good),
		"other source":    bytes.Replace(good, []byte("/03"), []byte("/04"), 1),
		"short sequence":  bytes.Replace(good, []byte("00000000000000000001"), []byte("1"), 1),
		"sequence 0":      bytes.Replace(good, []byte("00000000000000000001"), []byte("00000000000000000000"), 1),
		"upper-case hash": bytes.Replace(good, []byte(strings.Repeat("0", 64)), []byte(strings.Repeat("A", 64)), 1),
		"id":              bytes.Replace(good, []byte(epoch+"-1"), []byte(epoch+"-2"), 1),
		"data":            bytes.Replace(good, []byte(`"data":{}`), []byte(`"data":[]`), 1),
		"too many":        batch((&chain{epoch: epoch}).many(129)...),
		"too large":       (&chain{epoch: epoch}).event("x", `{"x":"`+strings.Repeat("x", 100<<10)+`"}`),
	} {
		l := cloud.NewLedger()
		if v, err := l.Ingest(src, body); err == nil {
			t.Errorf("%s: taken as %+v", name, v)
		}
		if len(l.Sources()) != 0 {
			t.Errorf("%s: left a trace", name)
		}
	}
	if v := ingest(t, cloud.NewLedger(), batch((&chain{epoch: epoch}).many(128)...)); v.Through != 128 {
		t.Errorf("128 events: %+v", v)
	}
}

func TestReport(t *testing.T) {
	closed := func(id string, number int, total int64) string {
		return fmt.Sprintf(`{"id":"%s","number":%d,"day":"2026-11-24","state":"closed","total":%d,"paid":%d,`+
			`"items":[{"line":1,"total":%d}],"tenders":[{"method":"cash","amount":%d}]}`, id, number, total, total, total, total)
	}
	for name, tt := range map[string]struct {
		data []string
		ok   bool
	}{
		"whole":        {[]string{closed("A", 1, 500), closed("B", 2, 700)}, true},
		"twice":        {[]string{closed("A", 1, 500), closed("A", 2, 500)}, false},
		"hole":         {[]string{closed("A", 1, 500), closed("B", 3, 700)}, false},
		"same number":  {[]string{closed("A", 1, 500), closed("B", 1, 700)}, false},
		"not paid up":  {[]string{strings.Replace(closed("A", 1, 500), `"amount":500`, `"amount":400`, 1)}, false},
		"total is off": {[]string{strings.Replace(closed("A", 1, 500), `{"line":1,"total":500}`, `{"line":1,"total":400}`, 1)}, false},
	} {
		l, c := cloud.NewLedger(), &chain{epoch: epoch}
		for _, d := range tt.data {
			ingest(t, l, c.event("tilld.sale.closed.v1", d))
		}
		if r := l.Report(src); (len(r.Problems) == 0) != tt.ok {
			t.Errorf("%s: problems %q", name, r.Problems)
		}
	}
}

func FuzzIngest(f *testing.F) {
	c := &chain{epoch: epoch}
	e := c.many(3)
	f.Add(batch(e...))
	f.Add(e[0])
	f.Add(batch(e[1], e[2]))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		l := cloud.NewLedger()
		if _, err := l.Ingest(src, batch(e...)); err != nil {
			t.Fatal(err)
		}
		v, err := l.Ingest(src, body)
		if err == nil && !v.Fork && v.Through < 3 && v.Epoch == epoch {
			t.Errorf("the watermark fell to %d", v.Through)
		}
		if err := l.Verify(); err != nil {
			t.Error(err)
		}
	})
}
