package queue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tilld/internal/health"
)

const copiedType = "tilld.copied.v1"

// copier copies events of copiedType, without what is below "secret".
func copier() *Copier {
	return &Copier{
		Wants: func(kind string) bool { return kind == copiedType },
		Seal: func(h Header, of Original, m Message) ([]byte, error) {
			var data map[string]any
			if err := json.Unmarshal(m.Data, &data); err != nil {
				return nil, err
			}
			if data["panic"] != nil && of.ID != "" {
				panic("on purpose")
			}
			delete(data, "secret")
			e := map[string]any{
				"type": m.Type, "subject": m.Subject, "epoch": h.Epoch, "sequence": fmt.Sprintf("%020d", h.Sequence),
				"prevhash": hex.EncodeToString(h.Prev[:]), "data": data,
			}
			if of.ID != "" {
				e["originalid"], e["originalhash"] = of.ID, hex.EncodeToString(of.Hash[:])
			}
			return json.Marshal(e)
		},
		Rule: Message{Type: "tilld.rule.v1", Data: []byte(`{"v":1}`)},
	}
}

// checkCopies reads every stored event and every copy: each event of the copied
// type has exactly one copy that names it, in order, and nothing else has.
func checkCopies(tx *Tx) error {
	type ref struct{ id, hash string }
	var want, got []ref
	err := tx.scan(outbox, nil, nil, false, func(key string, e entry) (bool, error) {
		_, seq, _ := splitEventKey([]byte(key))
		st, err := unpackStored(e.value)
		if err != nil {
			return false, err
		}
		var env envelope
		body, err := tx.s.body(fullKey(outbox, []byte(key)), st)
		if err != nil {
			return false, err
		}
		if err := json.Unmarshal(body, &env); err != nil {
			return false, err
		}
		if env.Type == copiedType {
			h := st.sum()
			want = append(want, ref{fmt.Sprintf("%s-%d", env.Epoch, seq), hex.EncodeToString(h[:])})
		}
		return true, nil
	})
	cc := chainCheck{n: copies, st: &fileState{copies: tx.c[copies]}, deep: true}
	err = errors.Join(err, tx.scan(second, nil, nil, false, func(key string, e entry) (bool, error) {
		cc.event(key, e)
		st, err := unpackStored(e.value)
		if err != nil {
			return false, err
		}
		var env envelope
		body, err := tx.s.body(fullKey(second, []byte(key)), st)
		if err != nil {
			return false, err
		}
		if err := json.Unmarshal(body, &env); err != nil {
			return false, err
		}
		if env.Type == copiedType {
			got = append(got, ref{env.OfID, env.OfHash})
		}
		return true, nil
	}))
	cc.end()
	if len(cc.st.found) > 0 {
		err = errors.Join(err, errors.New(describe(cc.st.found)))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		err = errors.Join(err, fmt.Errorf("COPIES: %d of %d events:\n%v\n%v", len(got), len(want), got, want))
	}
	return err
}

func mustCopies(t *testing.T, s *Store) {
	t.Helper()
	if err := s.View(checkCopies); err != nil {
		t.Fatal(err)
	}
}

func appendCopied(t *testing.T, s *Store, n int, data string) {
	t.Helper()
	for range n {
		update(t, s, func(tx *Tx) error {
			_, err := tx.Append(Message{Type: copiedType, Data: []byte(data)})
			return err
		})
	}
}

func pendingCopies(t *testing.T, c *Copies, after uint64) (list []Event, types []string) {
	t.Helper()
	list, err := c.Pending(after, 1000, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		var env envelope
		if err := json.Unmarshal(e.Body, &env); err != nil {
			t.Fatal(err)
		}
		types = append(types, env.Type)
	}
	return list, types
}

func ackCopies(t *testing.T, c *Copies, through uint64) {
	t.Helper()
	h, err := c.Hash(through)
	if err == nil {
		err = c.Ack(context.Background(), c.Epoch(), through, through, h)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Each destination has its own acks: neither moves the other, and what one has
// not acked stays whatever the other did.
func TestCopiesHaveTheirOwnAcks(t *testing.T) {
	o := testOptions(fastDir(t))
	o.Copies, o.KeepAcked = copier(), time.Nanosecond
	s := mustOpen(t, o)
	appendN(t, s, 3)
	appendCopied(t, s, 4, `{"secret":"x","n":1}`)
	mustCopies(t, s)
	c := s.Copies()
	list, types := pendingCopies(t, c, 0)
	if got := strings.Join(types, " "); got != "tilld.rule.v1"+strings.Repeat(" "+copiedType, 4) {
		t.Fatalf("copies: %s", got)
	}
	if strings.Contains(string(list[1].Body), "secret") {
		t.Errorf("not redacted: %s", list[1].Body)
	}
	h, err := s.Hash(7)
	if err == nil {
		err = s.Ack(context.Background(), s.Epoch(), 7, 7, h)
	}
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Millisecond) // so that what is kept for a nanosecond is old
	if err := s.trim(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, types := pendingCopies(t, c, 0); len(types) != 5 || c.AckedSeq() != 0 || s.Stats().Depth != 0 {
		t.Fatalf("after the first destination's ack: %d copies, acked %d, depth %d", len(types), c.AckedSeq(), s.Stats().Depth)
	}
	if err := c.Ack(context.Background(), s.Epoch(), 5, 5, h); !errors.Is(err, ErrEpoch) {
		t.Errorf("an ack of the other strand: %v", err)
	}
	ackCopies(t, c, 3)
	mustClose(t, s)
	s = mustOpen(t, o)
	c = s.Copies()
	if st := c.Stats(); st.AckedSeq != 3 || st.Depth != 2 || st.LastSeq != 5 || st.Bytes == 0 || st.Oldest.IsZero() {
		t.Errorf("after a restart: %+v", st)
	}
	if again, _ := pendingCopies(t, c, 3); len(again) != 2 || string(again[0].Body) != string(list[3].Body) {
		t.Errorf("bytes changed over a restart: %s", again[0].Body)
	}
	ackCopies(t, c, 5)
	if err := s.trim(context.Background()); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := s.View(func(tx *Tx) error {
		return tx.scan(second, nil, nil, false, func(string, entry) (bool, error) { n++; return true, nil })
	}); err != nil || n != 0 || c.Stats().Bytes != 0 {
		t.Errorf("%d copies are kept after both acked, %d bytes waiting, %v", n, c.Stats().Bytes, err)
	}
	mustClose(t, s)
	mustCheck(t, o.Dir)
}

// A new rule stands in the chain before the first copy made by it; switching
// copies off and on leaves no doubt about what is not there.
func TestCopiesTellTheirRule(t *testing.T) {
	o := testOptions(fastDir(t))
	o.Copies = copier()
	o.Copies.Off = true
	s := mustOpen(t, o)
	appendCopied(t, s, 1, `{}`)
	if s.Copies() != nil {
		t.Fatal("copies although there never were any")
	}
	want := []string{}
	for _, k := range []struct {
		v   int
		off bool
	}{{1, false}, {1, false}, {2, false}, {3, true}, {2, false}} {
		mustClose(t, s)
		o.Copies = copier()
		o.Copies.Rule.Data, o.Copies.Off = fmt.Appendf(nil, `{"v":%d}`, k.v), k.off
		s = mustOpen(t, o)
		appendCopied(t, s, 1, `{}`)
	}
	var got []string
	list, types := pendingCopies(t, s.Copies(), 0)
	for i, e := range list {
		var env envelope
		if err := json.Unmarshal(e.Body, &env); err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.TrimSuffix(strings.TrimPrefix(types[i], "tilld."), ".v1")+string(env.Data))
	}
	want = append(want, `rule{"v":1}`, `copied{}`, `copied{}`, `rule{"v":2}`, `copied{}`, `rule{"v":3}`, `rule{"v":2}`, `copied{}`)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	mustClose(t, s)
	mustCheck(t, o.Dir)
}

// A destination that is away for ever stops nothing: beyond the bound events
// are counted, and once there is room the chain says which.
func TestCopiesWithheld(t *testing.T) {
	o := testOptions(fastDir(t))
	o.Copies, o.Health = copier(), &health.Board{}
	o.Copies.MaxBytes = 2000
	s := mustOpen(t, o)
	appendCopied(t, s, 50, `{"n":1}`)
	c := s.Copies()
	made := c.LastSeq()
	if st := c.Stats(); st.Bytes > 2000 || made < 3 || made > 20 {
		_, types := pendingCopies(t, c, 0)
		t.Fatalf("%d copies, %+v: %v", made, st, types)
	}
	if err := s.tellWithheld(context.Background()); err != nil {
		t.Fatal(err)
	}
	if list := o.Health.List("en"); len(list) != 1 || list[0].Code != "mall_withheld" {
		t.Errorf("conditions %+v", list)
	}
	mustClose(t, s)
	s = mustOpen(t, o)
	c = s.Copies()
	ackCopies(t, c, made)
	appendCopied(t, s, 1, `{"n":2}`)
	list, types := pendingCopies(t, c, made)
	if fmt.Sprint(types) != fmt.Sprintf("[%s %s]", WithheldType, copiedType) {
		t.Fatalf("after room was made: %v", types)
	}
	var env struct{ Data Withheld }
	if err := json.Unmarshal(list[0].Body, &env); err != nil {
		t.Fatal(err)
	}
	first, last := fmt.Sprintf("%s-%d", s.Epoch(), made), fmt.Sprintf("%s-50", s.Epoch()) // the rule is a copy without an event
	if w := env.Data; w.Count != 51-int(made) || w.First.ID != first || w.Last.ID != last || w.Types[copiedType] != w.Count {
		t.Errorf("withheld %+v, want %s to %s", w, first, last)
	}
	if err := s.tellWithheld(context.Background()); err != nil {
		t.Fatal(err)
	}
	if list := o.Health.List("en"); len(list) != 0 {
		t.Errorf("conditions %+v", list)
	}
	mustClose(t, s)
	mustCheck(t, o.Dir)
}

// A copy that cannot be made must not touch the sale.
func TestCopyThatFails(t *testing.T) {
	o := testOptions(fastDir(t))
	o.Copies = copier()
	s := mustOpen(t, o)
	defer s.Close()
	update(t, s, func(tx *Tx) error {
		_, err := tx.Append(Message{Type: copiedType, Subject: "s", Data: []byte(`{"n":1}`)})
		return err
	})
	seal := o.Copies.Seal
	s.o.Copies.Seal = func(h Header, of Original, m Message) ([]byte, error) {
		if m.Type == copiedType {
			panic("on purpose")
		}
		return seal(h, of, m)
	}
	appendCopied(t, s, 1, `{"n":2}`)
	s.o.Copies.Seal = func(Header, Original, Message) ([]byte, error) { return nil, errors.New("nothing works") }
	appendCopied(t, s, 1, `{"n":3}`)
	s.o.Copies.Seal = seal
	appendCopied(t, s, 1, `{"n":4}`)
	list, types := pendingCopies(t, s.Copies(), 1)
	if fmt.Sprint(types) != fmt.Sprintf("[%s %s %s %s]", copiedType, DamagedType, WithheldType, copiedType) {
		t.Fatalf("copies %v", types)
	}
	if !strings.Contains(string(list[1].Body), fmt.Sprintf(`"originalid":"%s-2"`, s.Epoch())) || s.LastSeq() != 4 {
		t.Errorf("stand-in %s; last event %d", list[1].Body, s.LastSeq())
	}
}

// Both strands change epoch on their own, and copies keep what they were made of.
func TestCopiesNewEpoch(t *testing.T) {
	o := testOptions(fastDir(t))
	o.Copies = copier()
	s := mustOpen(t, o)
	appendCopied(t, s, 3, `{"n":1}`)
	c, epoch, old := s.Copies(), s.Epoch(), s.Copies().Epoch()
	before, _ := pendingCopies(t, c, 0)
	ackCopies(t, c, 2)
	if err := c.NewEpoch(context.Background(), "test"); err != nil {
		t.Fatal(err)
	}
	if s.Epoch() != epoch || c.Epoch() == old {
		t.Fatal("the wrong strand changed its epoch")
	}
	list, types := pendingCopies(t, c, 0)
	if fmt.Sprint(types) != fmt.Sprintf("[%s %s %s]", CheckpointType, copiedType, copiedType) {
		t.Fatalf("carried over: %v", types)
	}
	for i, was := range before[2:] {
		var a, b envelope
		if err := errors.Join(json.Unmarshal(was.Body, &a), json.Unmarshal(list[i+1].Body, &b)); err != nil {
			t.Fatal(err)
		}
		if a.OfID == "" || a.OfID != b.OfID || a.OfHash != b.OfHash || string(a.Data) != string(b.Data) {
			t.Errorf("carried over as %s, was %s", list[i+1].Body, was.Body)
		}
	}
	// Events that are sent again under a new epoch are not copied again.
	last := c.LastSeq()
	if err := s.NewEpoch(context.Background(), "test"); err != nil {
		t.Fatal(err)
	}
	if s.Epoch() == epoch || c.LastSeq() != last {
		t.Errorf("copies %d, were %d", c.LastSeq(), last)
	}
	mustClose(t, s)
	mustCheck(t, o.Dir)
}

// A damaged copy comes back from the journal; without it a stand-in takes its place.
func TestCopiesHeal(t *testing.T) {
	for _, journal := range []bool{true, false} {
		o := testOptions(fastDir(t))
		o.Copies = copier()
		s := mustOpen(t, o)
		appendCopied(t, s, 5, `{"n":1}`)
		want, _ := pendingCopies(t, s.Copies(), 0)
		mustClose(t, s)
		s = mustOpen(t, o)
		if !journal {
			files, err := filepath.Glob(filepath.Join(o.Dir, journalDir, "*.log"))
			if err != nil || len(files) == 0 {
				t.Fatal(files, err)
			}
			for _, f := range files {
				if err := os.Remove(f); err != nil {
					t.Fatal(err)
				}
			}
		}
		s.sync()
		spoil(t, s, fullKey(second, eventKey(1, 3)))
		var got []Event
		for after := uint64(0); after < s.Copies().LastSeq(); after = got[len(got)-1].Sequence {
			list, err := s.Copies().Pending(after, 100, 1<<20)
			if err != nil || len(list) == 0 {
				t.Fatal(list, err)
			}
			got = append(got, list...)
		}
		if journal && string(got[2].Body) != string(want[2].Body) {
			t.Errorf("healed as %s, was %s", got[2].Body, want[2].Body)
		}
		h := sha256.Sum256(want[2].Body)
		if !journal && !strings.Contains(string(got[2].Body), hex.EncodeToString(h[:])) {
			t.Errorf("stand-in %s does not name %x", got[2].Body, h)
		}
		mustClose(t, s)
		if journal {
			mustCheck(t, o.Dir)
		}
	}
}
