package tuf_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tilld/firmware/tuf"
	"tilld/internal/sim/tufrepo"
)

var now = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)

// memory is a store; the write number failAt fails.
type memory struct {
	kept   map[string][]byte
	writes int
	failAt int
}

var errPower = errors.New("the power is gone")

func (m *memory) Get(name string) ([]byte, error) { return m.kept[name], nil }

func (m *memory) Put(name string, data []byte) error {
	if m.writes++; m.writes == m.failAt {
		return errPower
	}
	m.kept[name] = bytes.Clone(data)
	return nil
}

// served is a source that remembers what was asked for.
type served struct {
	files tufrepo.Files
	asked []string
	open  func(name string, offset int64) (io.ReadCloser, int64, error) // nil result = files
}

func (s *served) String() string { return "test" }

func (s *served) Open(_ context.Context, name string, offset int64) (io.ReadCloser, int64, error) {
	s.asked = append(s.asked, strings.TrimPrefix(name, "metadata/"))
	if s.open != nil {
		if body, start, err := s.open(name, offset); body != nil || err != nil {
			return body, start, err
		}
	}
	data, ok := s.files[name]
	if !ok {
		return nil, 0, tuf.ErrNotFound
	}
	return io.NopCloser(bytes.NewReader(data[min(offset, int64(len(data))):])), offset, nil
}

// till is a client with its publisher.
type till struct {
	*testing.T
	repo   *tufrepo.Repo
	store  *memory
	source *served
	client *tuf.Client
	root   []byte
}

func newTill(t *testing.T) *till {
	t.Helper()
	repo, err := tufrepo.New(now.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return forRepo(t, repo)
}

func forRepo(t *testing.T, repo *tufrepo.Repo) *till {
	k := &till{T: t, repo: repo, store: &memory{kept: map[string][]byte{}}, source: &served{}, root: repo.FirstRoot()}
	k.client = tuf.New(k.store, k.source, k.root, nil)
	return k
}

// refresh serves what is published now and refreshes.
func (k *till) refresh() error { return k.refreshFrom(k.repo.Files()) }

func (k *till) refreshFrom(files tufrepo.Files) error {
	k.source.files, k.source.asked = files, nil
	return k.client.Refresh(k.Context(), now)
}

func (k *till) good() {
	k.Helper()
	if err := k.refresh(); err != nil {
		k.Fatalf("a good repository is refused: %v", err)
	}
}

func (k *till) check(err error) {
	k.Helper()
	if err != nil {
		k.Fatal(err)
	}
}

func (k *till) publish() {
	k.Helper()
	k.check(k.repo.Publish())
}

// add publishes a file.
func (k *till) add(name, content string) {
	k.Helper()
	k.check(k.repo.Add(name, []byte(content), nil))
	k.publish()
}

func (k *till) wantAsked(want ...string) {
	k.Helper()
	if !slices.Equal(k.source.asked, want) {
		k.Errorf("asked for %q, want %q", k.source.asked, want)
	}
}

// kept is a copy of the store.
func (k *till) kept() map[string][]byte { return maps.Clone(k.store.kept) }

// get finds and downloads name and returns its content.
func (k *till) get(name string) (string, error) {
	t, err := k.client.Find(k.Context(), name)
	if err != nil {
		return "", err
	}
	part := filepath.Join(k.TempDir(), "part")
	if err := k.client.Download(k.Context(), t, part, nil); err != nil {
		return "", err
	}
	data, err := os.ReadFile(part)
	return string(data), err
}
