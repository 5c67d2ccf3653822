package tuf_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"tilld/firmware/tuf"
	"tilld/internal/sim/tufrepo"
)

// places yields a way to every value in v.
func places(v any, at []any, yield func(at []any)) {
	yield(at)
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			places(v[k], append(slices.Clone(at), k), yield)
		}
	case []any:
		for i := range v {
			places(v[i], append(slices.Clone(at), i), yield)
		}
	}
}

// with returns a copy of v in which the value at the place is another.
func with(v any, at []any, other any) any {
	if len(at) == 0 {
		return other
	}
	switch v := v.(type) {
	case map[string]any:
		v = maps.Clone(v)
		v[at[0].(string)] = with(v[at[0].(string)], at[1:], other)
		return v
	case []any:
		v = slices.Clone(v)
		v[at[0].(int)] = with(v[at[0].(int)], at[1:], other)
		return v
	}
	panic("no such place")
}

var replacements = []string{`null`, `{}`, `{"a":null}`, `[]`, `""`, `-1`, `1000000000000000`, `true`, `[null]`, `{"a":{"b":1}}`}

// Each value of each document is replaced by each of these, once without and
// once with the role's good signature: the client must neither panic nor be
// spoiled for the good repository that follows. The library alone fails both.
func TestMutants(t *testing.T) {
	for _, role := range []string{tufrepo.Root, tufrepo.Targets, tufrepo.Snapshot, tufrepo.Timestamp} {
		t.Run(role, func(t *testing.T) {
			repo, err := tufrepo.New(now)
			if err != nil {
				t.Fatal(err)
			}
			if err := repo.Add("agent/x", []byte("content"), map[string]any{"kind": "agent"}); err != nil {
				t.Fatal(err)
			}
			if err := repo.Publish(); err != nil {
				t.Fatal(err)
			}
			if role == tufrepo.Root {
				if err := repo.PublishRoot(); err != nil {
					t.Fatal(err)
				}
			}
			var doc map[string]any
			decode(t, repo.File(role), &doc)
			mutants := 0
			places(doc, nil, func(at []any) {
				if len(at) > 0 && at[0] == "signatures" && len(at) > 2 && at[1].(int) > 0 {
					return // one signature stands for all
				}
				for i, r := range replacements {
					var other any
					decode(t, []byte(r), &other)
					for _, signed := range []bool{false, true} {
						if !signed && i > 2 { // the signature alone refuses them
							continue
						}
						if signed && (len(at) == 0 || at[0] != "signed") {
							continue
						}
						mutants++
						mutant(t, repo, role, with(doc, at, other), signed, fmt.Sprintf("%v = %s, signed %v", at, r, signed))
					}
				}
			})
			t.Logf("%d mutants", mutants)
		})
	}
}

func decode(t *testing.T, data []byte, v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		t.Fatal(err)
	}
}

// mutant serves a changed document of a role, with all that names it fitting.
func mutant(t *testing.T, good *tufrepo.Repo, role string, doc any, signed bool, what string) {
	t.Helper()
	repo := good.Clone()
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	if signed {
		content, ok := doc.(map[string]any)["signed"].(map[string]any)
		if !ok {
			return
		}
		if data, err = tufrepo.Sign(content, repo.Keys[role]...); err != nil {
			t.Fatal(err)
		}
	}
	repo.Put(role, data)
	switch role {
	case tufrepo.Targets:
		err = repo.PublishSnapshot()
	case tufrepo.Snapshot:
		err = repo.PublishTimestamp()
	}
	if err != nil {
		t.Fatal(err)
	}
	k := forRepo(t, repo)
	first := k.refresh()
	if first != nil && strings.Contains(first.Error(), "made the library fail") {
		t.Errorf("%s: %v", what, first)
	}
	// Then the publisher repairs it.
	fixed := good.Clone()
	fixed.Version = maps.Clone(repo.Version)
	if role == tufrepo.Root { // what the root's keys said, only they can take back
		if err := fixed.PublishRoot(); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := fixed.Publish(); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.refreshFrom(fixed.Files()); err != nil && !huge(what) {
		t.Errorf("%s: refused with %v; the good repository after it: %v", what, first, err)
	}
}

// huge versions can be healed by a new key only; that is TUF's own rule.
func huge(what string) bool {
	return strings.Contains(what, "version") && strings.Contains(what, "1000000000000000") && strings.Contains(what, "signed true")
}

// Whatever shape lets through, the library can decode without a panic.
func FuzzShape(f *testing.F) {
	repo, err := tufrepo.New(now)
	if err != nil {
		f.Fatal(err)
	}
	roles := []string{tufrepo.Root, tufrepo.Timestamp, tufrepo.Snapshot, tufrepo.Targets}
	for i, role := range roles {
		f.Add(uint8(i), repo.File(role))
	}
	f.Add(uint8(3), []byte(`{"signatures":[],"signed":{"_type":"targets","spec_version":"1.0.0","version":1,"expires":"2030-01-01T00:00:00Z","targets":{"a":null}}}`))
	f.Add(uint8(3), []byte(`{"signatures":[],"signed":{"_type":"targets","spec_version":"1.0.0","version":1,"expires":"2030-01-01T00:00:00Z","targets":{"a":{"length":1,"hashes":{"sha256":"00"},"custom":null}}}}`))
	f.Add(uint8(0), []byte(`{"signatures":[],"signed":{"keys":{"a":{"keyval":{"public":"00"},"Keytype":"ed25519"}}}}`))
	f.Fuzz(func(t *testing.T, n uint8, data []byte) {
		role := roles[int(n)%len(roles)]
		if tuf.Shape(role, data) != nil {
			return
		}
		switch role {
		case tufrepo.Root:
			if m, err := metadata.Root().FromBytes(data); err == nil {
				_ = m.VerifyDelegate("root", m) // must return, whatever it says
			}
		case tufrepo.Timestamp:
			if m, err := metadata.Timestamp().FromBytes(data); err == nil && m.Signed.Meta["snapshot.json"] == nil {
				t.Error("no snapshot")
			}
		case tufrepo.Snapshot:
			if m, err := metadata.Snapshot().FromBytes(data); err == nil {
				for name, meta := range m.Signed.Meta {
					if meta == nil {
						t.Errorf("null entry %q", name)
					}
				}
			}
		case tufrepo.Targets:
			if m, err := metadata.Targets().FromBytes(data); err == nil && m.Signed.Delegations != nil {
				m.Signed.Delegations.GetRolesForTarget("a/b")
			}
		}
	})
}
