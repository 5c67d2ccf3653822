package tuf_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tilld/firmware/tuf"
	"tilld/internal/sim/tufrepo"
)

func TestRequestsAndStore(t *testing.T) {
	k := newTill(t)
	k.good()
	k.wantAsked("2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json")
	for name, role := range map[string]string{"root": "root", "timestamp": "timestamp", "snapshot": "snapshot", "t/targets": "targets"} {
		if string(k.store.kept[name]) != string(k.repo.File(role)) {
			t.Errorf("%s is not kept as it was served", name)
		}
	}
	k.good()
	k.wantAsked("2.root.json", "timestamp.json")
	k.add("agent/x", "content")
	k.good()
	k.wantAsked("2.root.json", "timestamp.json", "2.snapshot.json", "2.targets.json")
	if got, err := k.get("agent/x"); got != "content" || err != nil {
		t.Errorf("get = %q, %v", got, err)
	}
}

func TestWithoutConsistentSnapshots(t *testing.T) {
	k := newTill(t)
	k.repo.Consistent = false
	k.check(k.repo.PublishRoot())
	k.add("agent/x", "content")
	k.good()
	k.wantAsked("2.root.json", "3.root.json", "timestamp.json", "snapshot.json", "targets.json")
	if got, err := k.get("agent/x"); got != "content" || err != nil {
		t.Errorf("get = %q, %v", got, err)
	}
}

// What a refused repository must not do: be accepted, or stand in the way of
// the good one that comes after it.
func TestAttacks(t *testing.T) {
	cases := []struct {
		name string
		want error // nil = any
		// attack returns what is served after a first good refresh.
		attack func(k *till) tufrepo.Files
	}{
		{"older timestamp", tuf.ErrRollback, func(k *till) tufrepo.Files {
			old := k.repo.Files()
			k.publish()
			k.good()
			return old
		}},
		{"older snapshot in a newer timestamp", tuf.ErrRollback, func(k *till) tufrepo.Files {
			k.publish()
			k.good()
			k.repo.Version[tufrepo.Snapshot] = 1
			k.check(k.repo.PublishTimestamp())
			k.repo.Version[tufrepo.Snapshot] = 2
			return k.repo.Files()
		}},
		{"older targets in a newer snapshot", tuf.ErrRollback, func(k *till) tufrepo.Files {
			k.publish()
			k.good()
			k.repo.Version[tufrepo.Targets] = 1
			k.check(k.repo.PublishSnapshot())
			k.repo.Version[tufrepo.Targets] = 2
			return k.repo.Files()
		}},
		{"expired timestamp (freeze)", tuf.ErrExpired, func(k *till) tufrepo.Files {
			k.repo.Life[tufrepo.Timestamp] = time.Minute
			k.publish()
			k.repo.Life[tufrepo.Timestamp] = 24 * time.Hour
			return k.repo.Files()
		}},
		{"expired snapshot", tuf.ErrExpired, func(k *till) tufrepo.Files {
			k.repo.Life[tufrepo.Snapshot] = time.Minute
			k.publish()
			k.repo.Life[tufrepo.Snapshot] = 24 * time.Hour
			return k.repo.Files()
		}},
		{"expired targets", tuf.ErrExpired, func(k *till) tufrepo.Files {
			k.repo.Life[tufrepo.Targets] = time.Minute
			k.publish()
			k.repo.Life[tufrepo.Targets] = 24 * time.Hour
			return k.repo.Files()
		}},
		{"mix: snapshot of another version", tuf.ErrUntrusted, func(k *till) tufrepo.Files {
			old := k.repo.File(tufrepo.Snapshot)
			k.publish()
			files := k.repo.Files()
			files["metadata/2.snapshot.json"] = old
			return files
		}},
		{"mix: targets of another version", tuf.ErrUntrusted, func(k *till) tufrepo.Files {
			old := k.repo.File(tufrepo.Targets)
			k.publish()
			files := k.repo.Files()
			files["metadata/2.targets.json"] = old
			return files
		}},
		{"snapshot dressed as timestamp", tuf.ErrUntrusted, func(k *till) tufrepo.Files {
			k.publish()
			signed := k.repo.Signed(tufrepo.Snapshot)
			signed["version"], signed["meta"] = 9, tufrepo.Doc{"targets.json": tufrepo.Doc{"version": 1}, "snapshot.json": tufrepo.Doc{"version": 1}}
			data, err := tufrepo.Sign(signed, k.repo.Keys[tufrepo.Timestamp]...)
			k.check(err)
			files := k.repo.Files()
			files["metadata/timestamp.json"] = data
			return files
		}},
		{"timestamp by another key", tuf.ErrUntrusted, func(k *till) tufrepo.Files {
			key, err := tufrepo.NewKey()
			k.check(err)
			old := k.repo.Keys[tufrepo.Timestamp]
			k.repo.Keys[tufrepo.Timestamp] = []tufrepo.Key{key}
			k.publish()
			k.repo.Keys[tufrepo.Timestamp] = old
			return k.repo.Files()
		}},
		{"root by one of three keys", tuf.ErrUntrusted, func(k *till) tufrepo.Files {
			all := k.repo.Keys[tufrepo.Root]
			k.repo.Keys[tufrepo.Root] = all[:1]
			k.check(k.repo.PublishRoot())
			files := k.repo.Files()
			k.repo.Keys[tufrepo.Root] = all
			k.repo.Withdraw(tufrepo.Root)
			return files
		}},
		{"root by one key twice", tuf.ErrUntrusted, func(k *till) tufrepo.Files {
			all := k.repo.Keys[tufrepo.Root]
			k.repo.Keys[tufrepo.Root] = []tufrepo.Key{all[0], all[0]}
			k.check(k.repo.PublishRoot())
			files := k.repo.Files()
			k.repo.Keys[tufrepo.Root] = all
			k.repo.Withdraw(tufrepo.Root)
			return files
		}},
		{"root that skips a version", tuf.ErrRollback, func(k *till) tufrepo.Files {
			k.repo.Version[tufrepo.Root]++
			k.check(k.repo.PublishRoot())
			files := k.repo.Files()
			files["metadata/2.root.json"] = files["metadata/3.root.json"]
			delete(files, "metadata/3.root.json")
			k.repo.Withdraw(tufrepo.Root)
			k.repo.Version[tufrepo.Root] = 1
			return files
		}},
		{"nothing there", nil, func(k *till) tufrepo.Files { return tufrepo.Files{} }},
		{"no JSON", tuf.ErrUntrusted, func(k *till) tufrepo.Files {
			files := k.repo.Files()
			files["metadata/timestamp.json"] = []byte("<html>welcome to the hotel</html>")
			return files
		}},
		{"empty file", tuf.ErrUntrusted, func(k *till) tufrepo.Files {
			files := k.repo.Files()
			files["metadata/timestamp.json"] = nil
			return files
		}},
		{"null target, before any signature", tuf.ErrUntrusted, func(k *till) tufrepo.Files {
			k.repo.Put(tufrepo.Targets, []byte(`{"signatures":[],"signed":{"_type":"targets","spec_version":"1.0.0","version":1,"expires":"2030-01-01T00:00:00Z","targets":{"a":null}}}`))
			k.check(k.repo.PublishSnapshot())
			return k.repo.Files()
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			k := newTill(t)
			k.good()
			files := c.attack(k)
			err := k.refreshFrom(files)
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("refresh = %v, want %v", err, c.want)
			}
			if _, err := k.client.Find(t.Context(), "agent/x"); !errors.Is(err, tuf.ErrNotFresh) {
				t.Errorf("Find after a refused refresh: %v", err)
			}
			k.repo.Version[tufrepo.Timestamp]++
			k.add("agent/x", "content")
			if err := k.refresh(); err != nil {
				t.Fatalf("the good repository after it: %v", err)
			}
			if got, err := k.get("agent/x"); got != "content" || err != nil {
				t.Errorf("get = %q, %v", got, err)
			}
		})
	}
}

// endless is data without an end, the same in every run.
func endless() io.Reader { return rand.NewChaCha8([32]byte{1}) }

func TestEndlessData(t *testing.T) {
	for _, name := range []string{"2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"} {
		k := newTill(t)
		k.source.open = func(asked string, _ int64) (io.ReadCloser, int64, error) {
			if asked == "metadata/"+name {
				return io.NopCloser(endless()), 0, nil
			}
			return nil, 0, nil
		}
		if err := k.refresh(); err == nil || !strings.Contains(err.Error(), "longer than allowed") {
			t.Errorf("%s without an end: %v", name, err)
		}
	}
}

func TestFirstRoot(t *testing.T) {
	k := newTill(t)
	for name, root := range map[string]string{
		"none": "", "empty": "{}", "no JSON": "hello", "null": "null",
		"unsigned": strings.Replace(string(k.root), `"signatures":[`, `"signatures":[],"x":[`, 1),
	} {
		store := &memory{kept: map[string][]byte{}}
		source := &served{files: k.repo.Files()}
		if err := tuf.New(store, source, []byte(root), nil).Refresh(t.Context(), now); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if len(source.asked) > 0 || len(store.kept) > 0 {
			t.Errorf("%s: asked for %q, kept %d", name, source.asked, len(store.kept))
		}
	}
}

// A new set of keys needs the old ones' agreement and its own.
func TestRotation(t *testing.T) {
	rotate := func(k *till, n int) (old []tufrepo.Key) {
		old = k.repo.Keys[tufrepo.Root]
		fresh := []tufrepo.Key{}
		for range n {
			key, err := tufrepo.NewKey()
			k.check(err)
			fresh = append(fresh, key)
		}
		k.repo.Keys[tufrepo.Root] = fresh
		return old
	}
	t.Run("agreed", func(t *testing.T) {
		k := newTill(t)
		k.good()
		for range 3 {
			old := rotate(k, 3)
			k.check(k.repo.PublishRoot(old[:2]...))
		}
		k.add("agent/x", "content")
		k.good()
	})
	t.Run("too few of the old", func(t *testing.T) {
		k := newTill(t)
		k.good()
		old := rotate(k, 3)
		k.check(k.repo.PublishRoot(old[0]))
		if err := k.refresh(); !errors.Is(err, tuf.ErrUntrusted) {
			t.Errorf("refresh = %v", err)
		}
	})
	t.Run("timestamp key replaced heals a huge version", func(t *testing.T) {
		k := newTill(t)
		k.repo.Version[tufrepo.Timestamp] = 1 << 40
		k.publish()
		k.good()
		key, err := tufrepo.NewKey()
		k.check(err)
		k.repo.Keys[tufrepo.Timestamp] = []tufrepo.Key{key}
		k.repo.Version[tufrepo.Timestamp] = 1
		k.check(k.repo.PublishRoot())
		k.publish()
		k.good()
	})
	t.Run("expired root stops everything", func(t *testing.T) {
		k := newTill(t)
		k.good()
		k.repo.Life[tufrepo.Root] = time.Minute
		k.check(k.repo.PublishRoot())
		k.publish()
		if err := k.refresh(); !errors.Is(err, tuf.ErrExpired) {
			t.Errorf("refresh = %v", err)
		}
		k.repo.Life[tufrepo.Root] = 24 * time.Hour
		k.check(k.repo.PublishRoot())
		k.good()
	})
}

// The store fails at each of its writes; the refresh after that is good.
func TestPowerCutAtEveryWrite(t *testing.T) {
	for n := 1; ; n++ {
		k := newTill(t)
		k.add("agent/x", "content")
		k.store.failAt = n
		err := k.refresh()
		if err == nil {
			if n != 5 {
				t.Errorf("%d writes in a first refresh, want 4", n-1)
			}
			return
		}
		if !errors.Is(err, errPower) {
			t.Fatal(err)
		}
		k.good()
		if got, err := k.get("agent/x"); got != "content" || err != nil {
			t.Errorf("after a cut at write %d: %q, %v", n, got, err)
		}
	}
}

// Damaged copies count as absent.
func TestDamagedStore(t *testing.T) {
	for _, name := range []string{"root", "timestamp", "snapshot", "t/targets"} {
		for what, damage := range map[string]func([]byte) []byte{
			"empty": func([]byte) []byte { return []byte{} },
			"torn":  func(b []byte) []byte { return b[:len(b)/2] },
			"zeros": func(b []byte) []byte { return make([]byte, len(b)) },
			"{}":    func([]byte) []byte { return []byte("{}") },
			"null":  func([]byte) []byte { return []byte("null") },
		} {
			k := newTill(t)
			k.good()
			k.store.kept[name] = damage(k.store.kept[name])
			k.add("agent/x", "content")
			if err := k.refresh(); err != nil {
				t.Errorf("%s %s: %v", name, what, err)
			}
		}
	}
}

func TestFileStore(t *testing.T) {
	dir := t.TempDir()
	s, err := tuf.OpenFileStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := s.Get("root"); data != nil || err != nil {
		t.Errorf("Get of nothing = %q, %v", data, err)
	}
	for _, name := range []string{"root", "t/targets", "t/../../../etc/x", "t/a?b#c"} {
		if err := s.Put(name, []byte(name)); err != nil {
			t.Fatal(err)
		}
		if data, err := s.Get(name); string(data) != name || err != nil {
			t.Errorf("Get(%q) = %q, %v", name, data, err)
		}
	}
	k := newTill(t)
	k.add("agent/x", "content")
	source := &served{files: k.repo.Files()}
	for n := range 2 {
		if err := tuf.New(s, source, k.root, nil).Refresh(t.Context(), now); err != nil {
			t.Errorf("refresh %d: %v", n, err) // "root" holds no root at first, which counts as none
		}
		if err := s.Put("root", k.root); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNames(t *testing.T) {
	for _, good := range []string{"a", "agent/stable/linux-amd64/tilld", "0.x", strings.Repeat("a", 200)} {
		if !tuf.ValidName(good) {
			t.Errorf("%q is refused", good)
		}
	}
	for _, bad := range []string{"", "/abs", "../../etc/x", "a/../b", "a//b", "a/", "A", "a?x=1", "a#f", "a%2fb", "a\\b", "-a", ".a", "a\x00", "名", strings.Repeat("a", 201)} {
		if tuf.ValidName(bad) {
			t.Errorf("%q is accepted", bad)
		}
		k := newTill(t)
		k.good()
		if _, err := k.client.Find(t.Context(), bad); !errors.Is(err, tuf.ErrTargetName) {
			t.Errorf("Find(%q): %v", bad, err)
		}
	}
}

func TestUnknownTarget(t *testing.T) {
	k := newTill(t)
	k.good()
	if _, err := k.client.Find(t.Context(), "agent/none"); !errors.Is(err, tuf.ErrNoTarget) {
		t.Errorf("err = %v", err)
	}
}
