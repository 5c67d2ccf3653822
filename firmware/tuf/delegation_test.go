package tuf_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"tilld/firmware/tuf"
	"tilld/internal/sim/tufrepo"
)

// role is one targets role of a graph.
type role struct {
	name     string
	keys     []tufrepo.Key
	files    []string
	children []edge
}

type edge struct {
	to          *role
	keys        []tufrepo.Key // nil = the role's own
	paths       []string
	terminating bool
}

func newRole(k *till, name string, files ...string) *role {
	key, err := tufrepo.NewKey()
	k.check(err)
	return &role{name: name, keys: []tufrepo.Key{key}, files: files}
}

func (r *role) doc(k *till) tufrepo.Doc {
	targets := tufrepo.Doc{}
	for _, f := range r.files {
		sum := sha256.Sum256([]byte(r.name + f))
		targets[f] = tufrepo.Doc{"length": len(r.name + f), "hashes": tufrepo.Doc{"sha256": hex.EncodeToString(sum[:])}}
	}
	keys, roles := tufrepo.Doc{}, []any{}
	for _, e := range r.children {
		list := e.keys
		if list == nil {
			list = e.to.keys
		}
		ids := []any{}
		for _, key := range list {
			keys[key.ID()] = key.Public()
			ids = append(ids, key.ID())
		}
		paths := []any{}
		for _, p := range e.paths {
			paths = append(paths, p)
		}
		roles = append(roles, tufrepo.Doc{"name": e.to.name, "keyids": ids, "threshold": 1, "terminating": e.terminating, "paths": paths})
	}
	signed := k.repo.Signed(tufrepo.Targets)
	signed["targets"] = targets
	if len(roles) > 0 {
		signed["delegations"] = tufrepo.Doc{"keys": keys, "roles": roles}
	}
	return signed
}

// publishGraph publishes top as targets with all roles below it; roles named in
// hidden are left out of the snapshot.
func publishGraph(k *till, top *role, hidden ...string) tufrepo.Files {
	meta := tufrepo.Doc{}
	files := k.repo.Files()
	var walk func(r *role)
	walk = func(r *role) {
		if _, done := meta[r.name+".json"]; done {
			return
		}
		keys := r.keys
		if r.name == tufrepo.Targets {
			keys = k.repo.Keys[tufrepo.Targets]
		}
		signed := r.doc(k)
		data, err := tufrepo.Sign(signed, keys...)
		k.check(err)
		meta[r.name+".json"] = tufrepo.Doc{"version": signed["version"]}
		files[k.repo.MetaFile(r.name, signed["version"].(int))] = data
		for _, e := range r.children {
			walk(e.to)
		}
	}
	walk(top)
	for _, name := range hidden {
		delete(meta, name+".json")
	}
	signed := k.repo.Signed(tufrepo.Snapshot)
	signed["meta"] = meta
	data, err := tufrepo.Sign(signed, k.repo.Keys[tufrepo.Snapshot]...)
	k.check(err)
	files[k.repo.MetaFile(tufrepo.Snapshot, signed["version"].(int))] = data
	signed = k.repo.Signed(tufrepo.Timestamp)
	signed["meta"] = tufrepo.Doc{"snapshot.json": tufrepo.Doc{"version": k.repo.Version[tufrepo.Snapshot] + 1}}
	data, err = tufrepo.Sign(signed, k.repo.Keys[tufrepo.Timestamp]...)
	k.check(err)
	files["metadata/timestamp.json"] = data
	return files
}

func to(r *role, paths ...string) edge {
	if len(paths) == 0 {
		paths = []string{"*/*"}
	}
	return edge{to: r, paths: paths}
}

func TestDelegations(t *testing.T) {
	cases := []struct {
		name   string
		graph  func(k *till) *role
		target string
		asked  []string // delegated roles, in order
		owner  string   // role whose file is found, "" = none
	}{
		{"depth first, in order", func(k *till) *role {
			a, b, c, d := newRole(k, "a"), newRole(k, "b"), newRole(k, "c"), newRole(k, "d", "x/y")
			a.children = []edge{to(b)}
			return &role{name: "targets", children: []edge{to(a), to(c), to(d)}}
		}, "x/y", []string{"2.a.json", "2.b.json", "2.c.json", "2.d.json"}, "d"},
		{"first path wins", func(k *till) *role {
			a, b := newRole(k, "a", "x/y"), newRole(k, "b", "x/y")
			return &role{name: "targets", children: []edge{to(a), to(b)}}
		}, "x/y", []string{"2.a.json"}, "a"},
		{"terminating", func(k *till) *role {
			a, b := newRole(k, "a"), newRole(k, "b", "x/y")
			e := to(a)
			e.terminating = true
			return &role{name: "targets", children: []edge{e, to(b)}}
		}, "x/y", []string{"2.a.json"}, ""},
		{"patterns", func(k *till) *role {
			a, b := newRole(k, "a", "x/y"), newRole(k, "b", "x/y")
			return &role{name: "targets", children: []edge{to(a, "z/*", "*", "X/y"), to(b, "x/?")}}
		}, "x/y", []string{"2.b.json"}, "b"},
		{"cycle", func(k *till) *role {
			a, b := newRole(k, "a"), newRole(k, "b")
			a.children, b.children = []edge{to(b)}, []edge{to(a)}
			return &role{name: "targets", children: []edge{to(a)}}
		}, "x/y", []string{"2.a.json", "2.b.json"}, ""},
		{"odd names are escaped", func(k *till) *role {
			a, b := newRole(k, "../a"), newRole(k, "?", "x/y")
			return &role{name: "targets", children: []edge{to(a), to(b)}}
		}, "x/y", nil, "?"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			k := newTill(t)
			files := publishGraph(k, c.graph(k))
			if c.name == "odd names are escaped" {
				files["metadata/2...%2Fa.json"] = files["metadata/2.../a.json"]
				files["metadata/2.%3F.json"] = files["metadata/2.?.json"]
			}
			if err := k.refreshFrom(files); err != nil {
				t.Fatal(err)
			}
			k.source.asked = nil
			target, err := k.client.Find(t.Context(), c.target)
			if c.asked != nil && !slices.Equal(k.source.asked, c.asked) {
				t.Errorf("asked for %q, want %q", k.source.asked, c.asked)
			}
			if c.owner == "" {
				if !errors.Is(err, tuf.ErrNoTarget) {
					t.Errorf("err = %v, want none there", err)
				}
				return
			}
			sum := sha256.Sum256([]byte(c.owner + c.target))
			if err != nil || target.SHA256() != hex.EncodeToString(sum[:]) {
				t.Errorf("found %+v, %v; want the file of %s", target, err, c.owner)
			}
		})
	}
}

// One role delegated by two parents with different keys counts only for the
// parent whose key signed it.
func TestDiamond(t *testing.T) {
	k := newTill(t)
	wrong, err := tufrepo.NewKey()
	k.check(err)
	shared := newRole(k, "shared", "good/x", "bad/x")
	a, b := newRole(k, "a"), newRole(k, "b")
	a.children = []edge{to(shared, "good/*")}
	b.children = []edge{{to: shared, keys: []tufrepo.Key{wrong}, paths: []string{"bad/*"}}}
	if err := k.refreshFrom(publishGraph(k, &role{name: "targets", children: []edge{to(a), to(b)}})); err != nil {
		t.Fatal(err)
	}
	if _, err := k.client.Find(t.Context(), "good/x"); err != nil {
		t.Errorf("by the right key: %v", err)
	}
	if _, err := k.client.Find(t.Context(), "bad/x"); !errors.Is(err, tuf.ErrUntrusted) {
		t.Errorf("by the wrong key: %v", err)
	}
}

func TestRoleMissingFromSnapshot(t *testing.T) {
	k := newTill(t)
	a := newRole(k, "a", "x/y")
	if err := k.refreshFrom(publishGraph(k, &role{name: "targets", children: []edge{to(a)}}, "a")); err != nil {
		t.Fatal(err)
	}
	k.source.asked = nil
	if _, err := k.client.Find(t.Context(), "x/y"); !errors.Is(err, tuf.ErrUntrusted) || len(k.source.asked) > 0 {
		t.Errorf("err = %v, asked for %q", err, k.source.asked)
	}
}

func TestReservedRoleNames(t *testing.T) {
	for _, name := range []string{"root", "timestamp", "snapshot", "Root"} {
		k := newTill(t)
		a := newRole(k, name, "x/y")
		files := publishGraph(k, &role{name: "targets", children: []edge{to(a)}})
		delete(files, "metadata/2.root.json") // it would be taken for the next root
		if err := k.refreshFrom(files); err != nil {
			t.Fatal(err)
		}
		before := k.kept()
		if _, err := k.client.Find(t.Context(), "x/y"); !errors.Is(err, tuf.ErrUntrusted) {
			t.Errorf("%s: err = %v", name, err)
		}
		if string(before["root"]) != string(k.store.kept["root"]) {
			t.Errorf("%s replaced the root", name)
		}
	}
}
