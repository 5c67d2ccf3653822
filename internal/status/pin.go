package status

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"tilld/internal/fault"
	"tilld/internal/plainfile"
)

// pinGate admits who knows the PIN of a file. After tries wrong ones within
// pause nobody gets in until the pause is over, so that a PIN of six digits
// lasts a guesser for a year or more. The zero tries admits everybody.
type pinGate struct {
	sum   [sha256.Size]byte
	tries int
	pause time.Duration
	now   func() time.Time

	mu    sync.Mutex
	wrong int
	since time.Time
}

// openPIN reads a PIN of 6 to 64 characters from a file of mode 0600; key names
// the setting in what goes wrong.
func openPIN(key, file string, tries int, pause time.Duration) (*pinGate, error) {
	bad := func(hint string, err error) error {
		return &fault.Error{Kind: fault.Config, Component: key, Op: "read PIN", Hint: hint, Err: err}
	}
	text, err := plainfile.ReadFile(file)
	if err != nil {
		return nil, bad("check "+key, err)
	}
	pin := strings.TrimSpace(string(text))
	if len(pin) < 6 || len(pin) > 64 {
		return nil, bad("write 6 to 64 characters into "+key, errors.New("wrong length"))
	}
	if err := ownerOnly(file); err != nil {
		return nil, err
	}
	return &pinGate{sum: sha256.Sum256([]byte(pin)), tries: tries, pause: pause, now: time.Now}, nil
}

// admit checks a PIN and counts wrong ones: 200, 401 or 429.
func (g *pinGate) admit(pin string, given bool) int {
	if g.tries == 0 {
		return http.StatusOK
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if now.Sub(g.since) > g.pause {
		g.wrong = 0
	}
	if g.wrong >= g.tries {
		return http.StatusTooManyRequests
	}
	sum := sha256.Sum256([]byte(pin))
	switch {
	case !given:
		return http.StatusUnauthorized
	case subtle.ConstantTimeCompare(sum[:], g.sum[:]) == 1:
		return http.StatusOK
	}
	if g.wrong == 0 {
		g.since = now
	}
	g.wrong++
	return http.StatusUnauthorized
}
