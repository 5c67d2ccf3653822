package queue

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// spoil flips a bit of a record in the file, as a bad disk would.
func spoil(t *testing.T, s *Store, full string) {
	t.Helper()
	s.sync()
	err := s.db.Update(func(tx *bolt.Tx) error {
		b, key := splitKey(full)
		bucket := tx.Bucket([]byte(b))
		v := bytes.Clone(bucket.Get([]byte(key)))
		if v == nil {
			t.Fatalf("%s is not in the file", printable(full))
		}
		v[len(v)-3] ^= 4
		return bucket.Put([]byte(key), v)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func forgetJournal(t *testing.T, dir string) {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, journalDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		if err := os.Truncate(p, 0); err != nil {
			t.Fatal(err)
		}
	}
}

// An event that went bad comes back from the journal with the same bytes.
func TestHealFromJournal(t *testing.T) {
	dir := fastDir(t)
	s := mustOpen(t, testOptions(dir))
	appendN(t, s, 5)
	before := verifyChain(t, s, 0)
	for _, seq := range []uint64{1, 3, 5} {
		spoil(t, s, fullKey(outbox, eventKey(1, seq)))
	}
	after := verifyChain(t, s, 0)
	for i := range before {
		if !bytes.Equal(before[i].Body, after[i].Body) {
			t.Errorf("event %d: %s became %s", i+1, before[i].Body, after[i].Body)
		}
	}
	if s.Stats().Dead != 0 {
		t.Error("something was set aside")
	}
	mustClose(t, s)
	mustCheck(t, dir)
}

// Without any copy, a stand-in takes the number, and names what the follower
// (or the chain) says the lost bytes hashed to.
func TestStandIn(t *testing.T) {
	for _, c := range []struct {
		name string
		lost []uint64
	}{{"head", []uint64{1}}, {"middle", []uint64{3}}, {"last", []uint64{6}}, {"run", []uint64{2, 3, 4}}, {"all", []uint64{1, 2, 3, 4, 5, 6}}} {
		t.Run(c.name, func(t *testing.T) {
			dir := fastDir(t)
			s := mustOpen(t, testOptions(dir))
			appendN(t, s, 6)
			var hashes [7][32]byte
			for _, e := range verifyChain(t, s, 0) {
				hashes[e.Sequence] = sha256.Sum256(e.Body)
			}
			for _, seq := range c.lost {
				spoil(t, s, fullKey(outbox, eventKey(1, seq)))
			}
			forgetJournal(t, dir)
			lost := map[uint64]bool{}
			for _, seq := range c.lost {
				lost[seq] = true
			}
			var all []Event
			for after := uint64(0); after < 6; {
				list, err := s.Pending(after, 2, 1<<20)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, list...)
				after += uint64(len(list))
			}
			for i, e := range all {
				seq := uint64(i + 1)
				var env envelope
				var data struct {
					Reason   string `json:"reason"`
					Original string `json:"original_hash"`
				}
				if err := json.Unmarshal(e.Body, &env); err != nil {
					t.Fatal(err)
				}
				if e.Sequence != seq || (env.Type == DamagedType) != lost[seq] {
					t.Errorf("event %d: %d %s", seq, e.Sequence, env.Type)
				}
				if !lost[seq] {
					continue
				}
				json.Unmarshal(env.Data, &data)
				if known := seq == 6 || !lost[seq+1]; known && data.Original != hex.EncodeToString(hashes[seq][:]) {
					t.Errorf("event %d: %+v, want %x", seq, data, hashes[seq])
				}
			}
			if letters, err := s.Dead(); err != nil || len(letters) != len(c.lost) || len(letters[0].Data) == 0 {
				t.Errorf("%v %v", letters, err)
			}
			appendN(t, s, 2)
			// The cloud may have the original of the last one.
			if last := c.lost[len(c.lost)-1]; true {
				if err := s.Ack(t.Context(), s.Epoch(), last, 8, hashes[last]); err != nil {
					t.Errorf("ack with the original's hash: %v", err)
				}
			}
			mustClose(t, s)
			forgetJournal(t, dir)
			mustCheck(t, dir)
		})
	}
}

// Records that are no events: from the journal, else they make way.
func TestHealRecord(t *testing.T) {
	dir := fastDir(t)
	s := mustOpen(t, testOptions(dir))
	put(t, s, "a", "first")
	put(t, s, "b", "second")
	put(t, s, "c", "third")
	spoil(t, s, fullKey(State, []byte("a")))
	read := func(key string) error {
		return s.View(func(tx *Tx) error { _, err := tx.Get(State, []byte(key)); return err })
	}
	if read("a") == nil {
		t.Fatal("the damage was not noticed")
	}
	if err := s.healNoted(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v := get(t, s, State, "a"); v != "first" {
		t.Errorf("a = %q", v)
	}
	spoil(t, s, fullKey(State, []byte("b")))
	forgetJournal(t, dir)
	err := s.View(func(tx *Tx) error {
		return tx.Range(State, nil, nil, func(k, v []byte) (bool, error) { return true, nil })
	})
	if err == nil {
		t.Fatal("the damage was not noticed by Range")
	}
	if err := s.healNoted(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v := get(t, s, State, "b"); v != "" {
		t.Errorf("b = %q", v)
	}
	letters, err := s.Dead()
	if err != nil || len(letters) != 1 || string(letters[0].Key) != "b" || letters[0].Bucket != State {
		t.Errorf("%+v %v", letters, err)
	}
	if v := get(t, s, State, "c"); v != "third" {
		t.Errorf("c = %q", v)
	}
}

// An event of an epoch that is over, and the oldest one that is kept, stand in
// nobody's way when they cannot be repaired: what is no longer kept goes on being
// deleted, and snapshots are taken.
func TestHealWhatIsOver(t *testing.T) {
	for _, c := range []struct {
		name string
		gen  uint32
		seq  uint64
		over bool
	}{{"epoch", 1, 2, true}, {"oldest kept", 1, 3, false}} {
		t.Run(c.name, func(t *testing.T) {
			dir := fastDir(t)
			o := testOptions(dir)
			s := mustOpen(t, o)
			appendN(t, s, 6)
			e := verifyChain(t, s, 0)[4]
			if err := s.Ack(t.Context(), s.Epoch(), 5, 6, sha256.Sum256(e.Body)); err != nil {
				t.Fatal(err)
			}
			if c.over {
				if err := s.NewEpoch(t.Context(), "test"); err != nil {
					t.Fatal(err)
				}
			} else {
				update(t, s, func(tx *Tx) error { // as trim does
					tx.own = true
					tx.remove(fullKey(outbox, eventKey(1, 1)))
					tx.remove(fullKey(outbox, eventKey(1, 2)))
					return nil
				})
			}
			spoil(t, s, fullKey(outbox, eventKey(c.gen, c.seq)))
			forgetJournal(t, dir)
			if s.snapshot() == nil {
				t.Fatal("a damaged snapshot was kept")
			}
			if err := s.healNoted(t.Context()); err != nil {
				t.Error(err)
			}
			s.sync()
			if err := s.snapshot(); err != nil {
				t.Error(err)
			}
			s.o.KeepAcked = -day
			if err := s.trim(t.Context()); err != nil {
				t.Error(err)
			}
			if letters, err := s.Dead(); err != nil || len(letters) != 1 {
				t.Errorf("%+v %v, want the lost one", letters, err)
			}
			mustClose(t, s)
			forgetJournal(t, dir)
			mustCheck(t, dir)
		})
	}
}

// Damage that only the copy for a snapshot has is none of the store's.
func TestSoundRecordsAreLeft(t *testing.T) {
	dir := fastDir(t)
	s := mustOpen(t, testOptions(dir))
	appendN(t, s, 3)
	put(t, s, "a", "1")
	before := verifyChain(t, s, 0)
	s.sync()
	forgetJournal(t, dir)
	for seq := range uint64(3) {
		s.noteDamage(fullKey(outbox, eventKey(1, seq+1)))
	}
	s.noteDamage(fullKey(State, []byte("a")))
	if err := s.healNoted(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, e := range verifyChain(t, s, 0) {
		if !bytes.Equal(e.Body, before[i].Body) {
			t.Errorf("event %d became %s", i+1, e.Body)
		}
	}
	if s.Stats().Dead != 0 || get(t, s, State, "a") != "1" {
		t.Errorf("%d set aside, a = %q", s.Stats().Dead, get(t, s, State, "a"))
	}
}
