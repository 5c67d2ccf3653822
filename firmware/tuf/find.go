package tuf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"
)

// Target is a file that the repository vouches for.
type Target struct {
	Name   string
	Length int64             // bytes
	Hashes map[string][]byte // by algorithm; sha256 is always there
	Custom json.RawMessage   // nil when the entry has none

	consistent bool
}

// Errors of [Client.Find].
var (
	ErrNoTarget   = errors.New("the repository does not have it")
	ErrNotFresh   = errors.New("refresh first")
	ErrTargetName = errors.New("not a name this agent accepts")
)

// maxRoles bounds one search.
const maxRoles = 32

var nameGrammar = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*$`)

// ValidName reports whether name may name a target: segments of lower-case
// letters, digits, dot, underscore and dash that begin with a letter or digit,
// joined by slashes, at most 200 bytes.
func ValidName(name string) bool { return len(name) <= 200 && nameGrammar.MatchString(name) }

// Find looks name up: depth first, in the order of the delegations, each role
// once. A role that cannot be loaded fails the search, because the file may
// have been in it.
func (c *Client) Find(ctx context.Context, name string) (t Target, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer contain(&err)
	if !ValidName(name) {
		return t, fmt.Errorf("%q: %w", name, ErrTargetName)
	}
	if c.tm == nil {
		return t, ErrNotFresh
	}
	type visit struct{ role, parent string }
	stack := []visit{{metadata.TARGETS, metadata.ROOT}}
	seen := map[string]bool{}
	for len(stack) > 0 && len(seen) < maxRoles {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[v.role] {
			continue
		}
		seen[v.role] = true
		if v.role != metadata.TARGETS {
			if err := c.load(ctx, c.tm, v.role, v.parent); err != nil {
				return t, err
			}
		}
		signed := &c.tm.Targets[v.role].Signed
		if file, ok := signed.Targets[name]; ok {
			return target(c.tm, name, file)
		}
		if signed.Delegations == nil {
			continue
		}
		children := signed.Delegations.GetRolesForTarget(name)
		var next []visit
		for _, child := range children {
			if reserved(child.Name) {
				return t, explain(fmt.Errorf("role %s delegates to a role named %q", v.role, child.Name))
			}
			next = append(next, visit{child.Name, v.role})
			if child.Terminating {
				stack = nil
				break
			}
		}
		slices.Reverse(next)
		stack = append(stack, next...)
	}
	return t, fmt.Errorf("%s: %w", name, ErrNoTarget)
}

func reserved(role string) bool {
	switch strings.ToLower(role) {
	case "", metadata.ROOT, metadata.TIMESTAMP, metadata.SNAPSHOT, metadata.TARGETS:
		return true
	}
	return false
}

func target(tm *trustedmetadata.TrustedMetadata, name string, file *metadata.TargetFiles) (Target, error) {
	t := Target{Name: name, Length: file.Length, Hashes: map[string][]byte{}, consistent: tm.Root.Signed.ConsistentSnapshot}
	for alg, sum := range file.Hashes {
		t.Hashes[alg] = sum
	}
	if len(t.Hashes["sha256"]) != 32 {
		return Target{}, fmt.Errorf("%s: no SHA-256 among its hashes %v", name, slices.Sorted(maps.Keys(t.Hashes)))
	}
	if file.Custom != nil {
		t.Custom = json.RawMessage(*file.Custom)
	}
	return t, nil
}
