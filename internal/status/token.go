package status

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"tilld/internal/fault"
	"tilld/internal/plainfile"
)

// token is the secret of the local API. It never prints itself.
type token struct {
	sum   [sha256.Size]byte // of the token's text
	wrong wrongTries
}

func (*token) String() string   { return "‹secret›" }
func (*token) GoString() string { return "‹secret›" }

// openToken reads the token in path, or makes one of 32 random bytes and stores
// it with mode 0600. A token that others can read is a fault of kind Config.
func openToken(path string) (*token, error) {
	text, err := plainfile.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = makeToken(path)
	}
	if err != nil {
		return nil, fault.New(fault.Config, "http", "read api token", err)
	}
	clean := strings.TrimSpace(string(text))
	if len(clean) < 32 {
		return nil, &fault.Error{
			Kind: fault.Config, Component: "http", Op: "read api token",
			Hint: "remove the file; a new token is made at the next start", Err: errors.New("shorter than 32 characters"),
		}
	}
	if err := ownerOnly(path); err != nil {
		return nil, err
	}
	return &token{sum: sha256.Sum256([]byte(clean))}, nil
}

// makeToken writes a new token as a whole: a cut in between leaves no half file.
func makeToken(path string) ([]byte, error) {
	raw := make([]byte, 32)
	rand.Read(raw)
	text := []byte(base64.RawURLEncoding.EncodeToString(raw) + "\n")
	tmp, err := os.CreateTemp(filepath.Dir(path), ".api-token-*") // mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(text)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err != nil {
		return nil, err
	}
	return text, os.Rename(tmp.Name(), path)
}

// is compares in constant time.
func (t *token) is(given string) bool {
	sum := sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(sum[:], t.sum[:]) == 1
}

// wrongTries slows down who guesses. Only wrong tokens wait, so a guesser on
// this machine cannot lock the POS application out.
type wrongTries struct {
	mu      sync.Mutex
	recent  int
	last    time.Time
	waiting int
	total   uint64
}

const (
	freeTries  = 5 // wrong tokens before the first wait
	maxWait    = 2 * time.Second
	maxWaiting = 16
	forgive    = 30 * time.Second // without a wrong token
)

// note counts a wrong token and says how long to wait before saying so; ok is
// false when too many are waiting already. Call done after a wait.
func (w *wrongTries) note(now time.Time) (wait time.Duration, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.Sub(w.last) > forgive {
		w.recent = 0
	}
	w.last = now
	w.recent++
	w.total++
	if w.recent <= freeTries {
		return 0, true
	}
	if w.waiting >= maxWaiting {
		return 0, false
	}
	w.waiting++
	return min(25*time.Millisecond<<min(w.recent-freeTries, 10), maxWait), true
}

func (w *wrongTries) done() {
	w.mu.Lock()
	w.waiting--
	w.mu.Unlock()
}

func (w *wrongTries) count() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.total
}
