// Package tufrepo makes update repositories: the publisher's side of The Update
// Framework (specification 1.0.34), for tests, for tillsim and for trying a
// rollout. It is written from the specification, with the standard library
// alone, so that it does not share its mistakes with the client.
//
// Root and its three keys with a threshold of two are what a publisher keeps
// offline; here they are drawn anew for each repository.
package tufrepo

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The top-level roles.
const (
	Root      = "root"
	Timestamp = "timestamp"
	Snapshot  = "snapshot"
	Targets   = "targets"
)

// Files is a repository's content by name, as a stick or a server has it.
type Files map[string][]byte

// Repo is a repository in the making. Change it, then [Repo.Publish].
type Repo struct {
	Now        time.Time                // when metadata is made
	Life       map[string]time.Duration // of each role's metadata
	Keys       map[string][]Key
	Threshold  map[string]int
	Consistent bool
	Version    map[string]int // last published

	targets Doc
	files   Files
}

// New draws keys and publishes an empty repository as of now.
func New(now time.Time) (*Repo, error) {
	const day = 24 * time.Hour
	r := &Repo{
		Now:  now.UTC(),
		Life: map[string]time.Duration{Root: 365 * day, Targets: 90 * day, Snapshot: 45 * day, Timestamp: 45 * day},
		Keys: map[string][]Key{}, Threshold: map[string]int{Root: 2, Targets: 1, Snapshot: 1, Timestamp: 1},
		Consistent: true, Version: map[string]int{}, targets: Doc{}, files: Files{},
	}
	for role, n := range map[string]int{Root: 3, Targets: 1, Snapshot: 1, Timestamp: 1} {
		for range n {
			k, err := NewKey()
			if err != nil {
				return nil, err
			}
			r.Keys[role] = append(r.Keys[role], k)
		}
	}
	if err := r.PublishRoot(); err != nil {
		return nil, err
	}
	return r, r.Publish()
}

// Add puts a file into the next version of targets. custom may be nil.
func (r *Repo) Add(name string, data []byte, custom any) error {
	entry := Doc{"length": len(data), "hashes": Doc{"sha256": sha256Hex(data)}}
	if custom != nil {
		raw, err := json.Marshal(custom)
		if err != nil {
			return err
		}
		if entry["custom"], err = Decode(raw); err != nil {
			return err
		}
	}
	r.targets[name] = entry
	r.files[r.targetFile(name, sha256Hex(data))] = slices.Clone(data)
	return nil
}

// Clone is a copy that can be changed apart. The keys are the same.
func (r *Repo) Clone() *Repo {
	c := *r
	c.Life, c.Keys, c.Threshold = maps.Clone(r.Life), maps.Clone(r.Keys), maps.Clone(r.Threshold)
	c.Version, c.targets, c.files = maps.Clone(r.Version), maps.Clone(r.targets), maps.Clone(r.files)
	return &c
}

// Remove takes a file out of the next version of targets.
func (r *Repo) Remove(name string) { delete(r.targets, name) }

func (r *Repo) targetFile(name, sum string) string {
	if !r.Consistent {
		return "targets/" + name
	}
	dir, base := path.Split(name)
	return "targets/" + dir + sum + "." + base
}

// MetaFile is the name of a role's metadata file at a version.
func (r *Repo) MetaFile(role string, version int) string {
	if role == Timestamp || role != Root && !r.Consistent {
		return "metadata/" + role + ".json"
	}
	return fmt.Sprintf("metadata/%d.%s.json", version, role)
}

// Signed is the next version of a role's metadata, before it is signed.
func (r *Repo) Signed(role string) Doc {
	return Doc{
		"_type": role, "spec_version": "1.0.34", "version": r.Version[role] + 1,
		"expires": r.Now.Add(r.Life[role]).UTC().Format("2006-01-02T15:04:05Z"),
	}
}

// PublishRoot publishes the next root, with the keys and thresholds of now. old
// keys that must sign too, because they are no longer listed, are given.
func (r *Repo) PublishRoot(old ...Key) error {
	signed := r.Signed(Root)
	keys, roles := Doc{}, Doc{}
	for role, list := range r.Keys {
		ids := []any{}
		for _, k := range list {
			keys[k.ID()] = k.Public()
			ids = append(ids, k.ID())
		}
		roles[role] = Doc{"keyids": ids, "threshold": r.Threshold[role]}
	}
	signed["keys"], signed["roles"], signed["consistent_snapshot"] = keys, roles, r.Consistent
	return r.put(Root, signed, slices.Concat(r.Keys[Root], old)...)
}

// Publish publishes the next targets, snapshot and timestamp.
func (r *Repo) Publish() error {
	signed := r.Signed(Targets)
	signed["targets"] = maps.Clone(r.targets)
	if err := r.put(Targets, signed, r.Keys[Targets]...); err != nil {
		return err
	}
	return r.PublishSnapshot()
}

// PublishSnapshot publishes the next snapshot and timestamp.
func (r *Repo) PublishSnapshot() error {
	signed := r.Signed(Snapshot)
	signed["meta"] = Doc{"targets.json": r.meta(Targets)}
	if err := r.put(Snapshot, signed, r.Keys[Snapshot]...); err != nil {
		return err
	}
	return r.PublishTimestamp()
}

// PublishTimestamp publishes the next timestamp.
func (r *Repo) PublishTimestamp() error {
	signed := r.Signed(Timestamp)
	signed["meta"] = Doc{"snapshot.json": r.meta(Snapshot)}
	return r.put(Timestamp, signed, r.Keys[Timestamp]...)
}

// meta describes the last published file of a role.
func (r *Repo) meta(role string) Doc {
	data := r.files[r.MetaFile(role, r.Version[role])]
	return Doc{"version": r.Version[role], "length": len(data), "hashes": Doc{"sha256": sha256Hex(data)}}
}

func (r *Repo) put(role string, signed Doc, keys ...Key) error {
	data, err := Sign(signed, keys...)
	if err != nil {
		return err
	}
	r.Version[role]++
	r.files[r.MetaFile(role, r.Version[role])] = data
	return nil
}

// Put replaces the last published file of a role as it is, without making the
// files that name it fit: what an attacker or a mistake leaves.
func (r *Repo) Put(role string, data []byte) {
	r.files[r.MetaFile(role, r.Version[role])] = data
}

// Withdraw takes back what was published last of a role.
func (r *Repo) Withdraw(role string) {
	delete(r.files, r.MetaFile(role, r.Version[role]))
	r.Version[role]--
}

// File is the last published metadata of a role.
func (r *Repo) File(role string) []byte { return r.files[r.MetaFile(role, r.Version[role])] }

// FirstRoot is what a till has to trust from the beginning.
func (r *Repo) FirstRoot() []byte { return r.files["metadata/1.root.json"] }

// Files is a copy of the repository.
func (r *Repo) Files() Files { return maps.Clone(r.files) }

// Decode reads a JSON object, keeping its numbers exact.
func Decode(data []byte) (Doc, error) {
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber()
	var out map[string]any
	err := d.Decode(&out)
	return out, err
}

// Write puts the repository below dir.
func (f Files) Write(dir string) error {
	for name, data := range f {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// ServeHTTP serves the repository with Range support.
func (f Files) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	name := strings.TrimPrefix(req.URL.Path, "/")
	data, ok := f[name]
	if !ok || !fs.ValidPath(name) {
		http.NotFound(w, req)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, req, "", time.Time{}, strings.NewReader(string(data)))
}
