package device

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Approvals remembers which hardware was first seen at the address of each
// configured device, so that another piece of hardware in the same socket is
// not taken for it. A changed address in the configuration starts afresh: that
// is how store IT approves a replacement. Safe for concurrent use.
type Approvals struct {
	path string // "" keeps them in memory only

	mu    sync.Mutex
	known map[string]approval
}

type approval struct {
	Address  string `json:"address"`
	Identity string `json:"identity"`
}

// maxApprovals bounds the file that is read, in bytes.
const maxApprovals = 1 << 20

// NewApprovals reads the file at path, which need not exist; "" keeps the
// approvals in memory. A damaged file is set aside under the name "….bad" and
// reported; the approvals then start empty and are usable.
func NewApprovals(path string) (*Approvals, error) {
	a := &Approvals{path: path, known: make(map[string]approval)}
	if path == "" {
		return a, nil
	}
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err == nil && st.Size() > maxApprovals {
		err = fmt.Errorf("%d bytes is too long", st.Size())
	}
	if err == nil {
		var b []byte
		if b, err = os.ReadFile(path); err == nil {
			err = json.Unmarshal(b, &a.known)
		}
	}
	if err != nil {
		a.known = make(map[string]approval)
		return a, errors.Join(fmt.Errorf("approved devices: %w", err), os.Rename(path, path+".bad"))
	}
	if a.known == nil {
		a.known = make(map[string]approval)
	}
	return a, nil
}

// Check returns the hardware that is approved for the device, which is id when
// nothing was known. The error says that a new approval could not be written; it
// then counts until the agent stops.
func (a *Approvals) Check(name, address string, id Identity) (Identity, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if known, ok := a.known[name]; ok && known.Address == address {
		if old, err := ParseIdentity(known.Identity); err == nil {
			return old, nil
		}
	}
	a.known[name] = approval{Address: address, Identity: id.String()}
	return id, a.write()
}

// Forget drops what is known of a device, so that what is plugged in next is
// approved.
func (a *Approvals) Forget(name string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.known, name)
	return a.write()
}

func (a *Approvals) write() error {
	if a.path == "" {
		return nil
	}
	b, err := json.MarshalIndent(a.known, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(a.path), filepath.Base(a.path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), a.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
