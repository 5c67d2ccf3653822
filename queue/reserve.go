package queue

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
)

// reserve is a file of real blocks. On a full disk it is given up, and its
// room lets an open sale be finished while new ones are refused.
type reserve struct {
	path string
	size int64

	mu   sync.Mutex
	held bool
}

// hold allocates the reserve, unless it is there.
func (r *reserve) hold() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.found() {
		r.held = true
		return nil
	}
	f, err := os.OpenFile(r.path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = allocate(f, r.size)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(r.path))
	}
	r.held = true
	return syncDir(filepath.Dir(r.path))
}

// found reports whether the file is there, from a start before.
func (r *reserve) found() bool {
	info, err := os.Stat(r.path)
	return err == nil && info.Size() == r.size
}

// release gives the room back and reports whether there was any.
func (r *reserve) release() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.held {
		return false
	}
	r.held = false
	return os.Remove(r.path) == nil
}

func (r *reserve) has() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held
}

// fillZero allocates where the system cannot do it faster.
func fillZero(f *os.File, size int64) error {
	b := make([]byte, 1<<20)
	for off := int64(0); off < size; off += int64(len(b)) {
		if _, err := f.WriteAt(b[:min(int64(len(b)), size-off)], off); err != nil {
			return err
		}
	}
	return nil
}
