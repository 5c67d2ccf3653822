package status

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"time"
)

// Scope is what a session cookie may do.
type scope byte

const (
	noScope      scope = iota
	scopePage          // the status page as anyone at this machine gets it: read, device tests
	scopeCashier       // the cashier page, where it is enabled: what a cashier does at the till
	scopeFull          // signed in with the token: everything the token may do
)

const (
	pageLife = 12 * time.Hour
	fullLife = 30 * time.Minute
)

// sessions makes and checks cookies without storing any, so that nobody can
// fill the memory by asking for the page. The key lives as long as the process.
type sessions struct {
	key [32]byte
	now func() time.Time
}

func newSessions() *sessions {
	s := &sessions{now: time.Now}
	rand.Read(s.key[:])
	return s
}

// A cookie is scope (1 byte), expiry (8, Unix seconds), random (8) and HMAC-SHA-256.
const bodyLen = 1 + 8 + 8

func (s *sessions) mint(sc scope) (value string, life time.Duration) {
	life = pageLife
	if sc == scopeFull {
		life = fullLife
	}
	b := make([]byte, bodyLen)
	b[0] = byte(sc)
	binary.BigEndian.PutUint64(b[1:], uint64(s.now().Add(life).Unix()))
	rand.Read(b[9:])
	return base64.RawURLEncoding.EncodeToString(s.sign(b)), life
}

func (s *sessions) sign(b []byte) []byte {
	mac := hmac.New(sha256.New, s.key[:])
	mac.Write(b)
	return mac.Sum(b)
}

func (s *sessions) check(value string) scope {
	b, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil || len(b) != bodyLen+sha256.Size {
		return noScope
	}
	if !hmac.Equal(s.sign(b[:bodyLen:bodyLen]), b) {
		return noScope
	}
	if s.now().Unix() >= int64(binary.BigEndian.Uint64(b[1:])) {
		return noScope
	}
	return scope(b[0])
}

// cookieName has the port in it, because cookies do not know ports: another
// till's page on this machine must not overwrite ours.
func (g *guard) cookieName() string { return "tilld_" + g.port }

func (s *Server) setCookie(w http.ResponseWriter, sc scope) {
	value, life := s.sessions.mint(sc)
	http.SetCookie(w, &http.Cookie{
		Name: s.guard.cookieName(), Value: value, Path: "/", MaxAge: int(life.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

func (s *Server) clearCookie(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{
		Name: s.guard.cookieName(), Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

func (s *Server) cookieScope(r *http.Request) scope {
	best := noScope
	for _, c := range r.CookiesNamed(s.guard.cookieName()) {
		best = max(best, s.sessions.check(c.Value))
	}
	return best
}
