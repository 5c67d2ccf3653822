package queue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// model is what a store must hold.
type model struct {
	kv      map[string]string // full key
	next    map[Bucket]uint64
	events  []string // data of the epoch's events
	acked   uint64
	session uint64
	boots   uint32
}

func (m model) clone() model {
	m.kv, m.next, m.events = maps.Clone(m.kv), maps.Clone(m.next), slices.Clone(m.events)
	return m
}

// machine drives a store and its model side by side.
type machine struct {
	t     *rapid.T
	root  string
	dir   string
	dirs  int
	s     *Store
	m     model
	epoch string
}

var modelBuckets = []Bucket{State, Sales, Scans, "own"}

func (x *machine) key() (Bucket, []byte) {
	b := rapid.SampledFrom(modelBuckets).Draw(x.t, "bucket")
	k := rapid.SampledFrom([]string{"a", "b", "ba", "b\x00", "c", "\x00", "\xff\xff", "zz"}).Draw(x.t, "key")
	return b, []byte(k)
}

func (x *machine) fatal(args ...any) { x.t.Helper(); x.t.Fatal(args...) }

// Update changes some things at once; some of these transactions fail.
func (x *machine) Update(t *rapid.T) {
	x.t = t
	next := x.m.clone()
	fail := rapid.IntRange(0, 4).Draw(t, "fail") == 0
	boom := errors.New("on purpose")
	err := x.s.Update(context.Background(), func(tx *Tx) error {
		for range rapid.IntRange(0, 6).Draw(t, "ops") {
			b, k := x.key()
			full := fullKey(b, k)
			switch rapid.IntRange(0, 4).Draw(t, "op") {
			case 0, 1:
				v := rapid.StringN(0, 20, 40).Draw(t, "value")
				if err := tx.Put(b, k, []byte(v)); err != nil {
					return err
				}
				next.kv[full] = v
			case 2:
				if err := tx.Delete(b, k); err != nil {
					return err
				}
				delete(next.kv, full)
			case 3:
				n, err := tx.Next(b)
				if err != nil {
					return err
				}
				if next.next[b]++; n != next.next[b] {
					t.Errorf("Next %d, want %d", n, next.next[b])
				}
			case 4:
				data := fmt.Sprintf(`{"n":%d}`, rapid.Int().Draw(t, "n"))
				seq, err := tx.Append(Message{Type: "t", Data: []byte(data), Personal: len(data)%2 == 0})
				if err != nil {
					return err
				}
				if next.events = append(next.events, data); seq != uint64(len(next.events)) {
					t.Errorf("sequence %d, want %d", seq, len(next.events))
				}
			}
			v, err := tx.Get(b, k)
			if err != nil {
				return err
			}
			if want, ok := next.kv[full]; ok != (v != nil) || string(v) != want {
				t.Errorf("inside: %q is %q, want %q", full, v, want)
			}
		}
		if fail {
			return boom
		}
		return nil
	})
	if fail {
		if !errors.Is(err, boom) {
			x.fatal(err)
		}
		return
	}
	if err != nil {
		x.fatal(err)
	}
	x.m = next
}

// Ack acknowledges some of what is there.
func (x *machine) Ack(t *rapid.T) {
	x.t = t
	seq := rapid.Uint64Range(x.m.acked, uint64(len(x.m.events))).Draw(t, "seq")
	h, err := x.s.Hash(seq)
	if err == nil {
		err = x.s.Ack(context.Background(), x.s.Epoch(), seq, uint64(len(x.m.events)), h)
	}
	if seq == 0 && x.m.acked == 0 || err == nil {
		x.m.acked = seq
		return
	}
	x.fatal(seq, err)
}

// Session raises the counter of sessions.
func (x *machine) Session(t *rapid.T) {
	x.t = t
	n, err := x.s.NextSession(context.Background())
	if x.m.session++; err != nil || n != x.m.session {
		x.fatal(n, err)
	}
}

// Sync brings all into the file.
func (x *machine) Sync(*rapid.T) { x.s.sync() }

// Snapshot takes one.
func (x *machine) Snapshot(t *rapid.T) {
	x.t = t
	if err := x.s.snapshot(); err != nil {
		x.fatal(err)
	}
}

// Reopen closes and opens.
func (x *machine) Reopen(t *rapid.T) {
	x.t = t
	if err := x.s.Close(); err != nil {
		x.fatal(err)
	}
	if r, err := Check(x.dir); err != nil || !r.OK {
		x.fatal(err, r.Findings)
	}
	x.open(false)
}

// Kill goes on with the files as they are.
func (x *machine) Kill(t *rapid.T) {
	x.t = t
	x.move()
	x.open(false)
}

// Damage goes on with the files as they are, and the big one in a bad state.
func (x *machine) Damage(t *rapid.T) {
	x.t = t
	x.move()
	path := filepath.Join(x.dir, dbName)
	b, err := os.ReadFile(path)
	if err != nil {
		x.fatal(err)
	}
	b, _ = corrupt(b, rapid.Uint64Range(150, damages-1).Draw(t, "seed"))
	if err := os.WriteFile(path, b, 0o600); err != nil {
		x.fatal(err)
	}
	x.open(true)
}

func (x *machine) move() {
	x.dirs++
	to := filepath.Join(x.root, fmt.Sprint(x.dirs))
	// The acknowledgement of events is not on disk at once, so what a kill
	// leaves may be an older watermark: bring it there first.
	x.s.ask(context.Background(), &request{alone: func() error { x.s.commitSome(nil); return nil }})
	if err := os.CopyFS(to, os.DirFS(x.dir)); err != nil {
		x.fatal(err)
	}
	x.s.Close()
	os.RemoveAll(x.dir)
	x.dir = to
}

func (x *machine) open(mayRecover bool) {
	s, err := openFaulty(context.Background(), testOptions(x.dir), faults{rotate: 4 << 10, alloc: 64 << 10})
	if err != nil {
		x.fatal(err)
	}
	x.s = s
	x.m.boots++
	if r := s.Recovered(); r != nil && (!mayRecover || r.Lost != "" || r.NewEpoch) {
		x.fatal(fmt.Sprintf("%+v", *r))
	}
}

// Check compares everything.
func (x *machine) Check(t *rapid.T) {
	x.t = t
	s, m := x.s, x.m
	if s.LastSeq() != uint64(len(m.events)) || s.AckedSeq() != m.acked || s.Boot() != m.boots {
		x.fatal("last", s.LastSeq(), len(m.events), "acked", s.AckedSeq(), m.acked, "boot", s.Boot(), m.boots)
	}
	if x.epoch == "" {
		x.epoch = s.Epoch()
	}
	if s.Epoch() != x.epoch {
		x.fatal("another epoch")
	}
	err := s.View(func(tx *Tx) error {
		for _, b := range modelBuckets {
			var want []string
			for k := range m.kv {
				if bucket, key := splitKey(k); bucket == b {
					want = append(want, key+"="+m.kv[k])
				}
			}
			slices.Sort(want)
			var got, back []string
			err := tx.Range(b, nil, nil, func(k, v []byte) (bool, error) { got = append(got, string(k)+"="+string(v)); return true, nil })
			err = errors.Join(err, tx.RangeBack(b, nil, nil, func(k, v []byte) (bool, error) {
				back = append(back, string(k)+"="+string(v))
				return true, nil
			}))
			if err != nil {
				return err
			}
			slices.Reverse(back)
			slices.SortFunc(want, func(a, b string) int { return 0 })
			if !sameSet(got, want) || !slices.Equal(got, back) || !slices.IsSortedFunc(got, byKey) {
				return fmt.Errorf("bucket %s: %q, back %q, want %q", b, got, back, want)
			}
		}
		return nil
	})
	if err != nil {
		x.fatal(err)
	}
	list, err := s.Pending(0, 1<<20, 1<<30)
	if err != nil || len(list) != len(m.events) {
		x.fatal(len(list), len(m.events), err)
	}
	var prev [32]byte
	for i, e := range list {
		var env envelope
		if err := json.Unmarshal(e.Body, &env); err != nil || string(env.Data) != m.events[i] || env.Prev != hex.EncodeToString(prev[:]) {
			x.fatal("event", i+1, err, string(e.Body), m.events[i])
		}
		prev = sha256.Sum256(e.Body)
	}
}

func byKey(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] == '=' || b[i] == '=' {
			break
		}
		if a[i] != b[i] {
			return int(a[i]) - int(b[i])
		}
	}
	return 0
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

func TestModel(t *testing.T) {
	base := fastDir(t)
	rapid.Check(t, func(rt *rapid.T) {
		root, err := os.MkdirTemp(base, "m")
		if err != nil {
			rt.Fatal(err)
		}
		x := &machine{t: rt, root: root, dir: filepath.Join(root, "0"), m: model{kv: map[string]string{}, next: map[Bucket]uint64{}}}
		x.open(false)
		defer func() {
			x.s.Close()
			os.RemoveAll(root)
		}()
		rt.Repeat(map[string]func(*rapid.T){
			"Update": x.Update, "update": x.Update, "again": x.Update, "Ack": x.Ack, "Session": x.Session, "Sync": x.Sync,
			"Snapshot": x.Snapshot, "Reopen": x.Reopen, "Kill": x.Kill, "Damage": x.Damage, "": x.Check,
		})
	})
}
