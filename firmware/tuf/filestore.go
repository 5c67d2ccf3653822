package tuf

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// FileStore keeps trusted metadata as files, each behind the SHA-256 of its
// content. It serves the update command, which has to work while the agent
// holds its database.
type FileStore struct{ dir string }

// OpenFileStore creates dir if needed.
func OpenFileStore(dir string) (*FileStore, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return &FileStore{dir: dir}, nil
}

func (s *FileStore) path(name string) string {
	return filepath.Join(s.dir, url.PathEscape(name)+".trusted")
}

// Get implements [Store]. A damaged file is an error.
func (s *FileStore) Get(name string) ([]byte, error) {
	data, err := os.ReadFile(s.path(name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	const head = 2*sha256.Size + 1
	if len(data) < head {
		return nil, fmt.Errorf("%s: %d bytes only", s.path(name), len(data))
	}
	if sum := sha256.Sum256(data[head:]); hex.EncodeToString(sum[:])+"\n" != string(data[:head]) {
		return nil, fmt.Errorf("%s: its checksum is wrong", s.path(name))
	}
	return data[head:], nil
}

// Put implements [Store]: the file is whole or the old one.
func (s *FileStore) Put(name string, data []byte) (err error) {
	sum := sha256.Sum256(data)
	path := s.path(name)
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append([]byte(hex.EncodeToString(sum[:])+"\n"), data...))
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err == nil {
		err = syncDir(s.dir)
	}
	return err
}
