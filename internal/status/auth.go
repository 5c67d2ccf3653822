package status

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"tilld/internal/lang"
)

// Failures of authorize, which deny turns into answers.
var (
	errNoToken    = errors.New("status: no token")
	errWrongToken = errors.New("status: wrong token")
)

// authorize says who calls: "api" for the token, "cashier" for a cookie.
func (s *Server) authorize(r *http.Request, a access) (origin string, err error) {
	header := r.Header.Values("Authorization")
	switch {
	case a == byLocal:
		return "", nil
	case len(header) > 0:
		kind, given, _ := strings.Cut(header[0], " ")
		if len(header) == 1 && strings.EqualFold(kind, "Bearer") && s.token.is(strings.TrimSpace(given)) {
			return "api", nil
		}
		return "", errWrongToken
	}
	// A cookie counts only where the browser vouches for our own page, or where
	// no browser is at work; another program's page on this machine is
	// "same-site" to a cookie but not same-origin.
	if o := r.Header.Get("Origin"); o != "" && !s.guard.own(o, r.Host) {
		return "", errNoToken
	}
	switch sc := s.cookieScope(r); {
	case sc == scopeFull, sc >= scopePage && a == byPage, sc == scopeCashier && a == byCashier && s.o.Cashier.Enabled:
		return "cashier", nil
	case sc != noScope:
		return "", problem(codeScope, "", "此操作需要用本机令牌登录", "sign in with this till's token to do that")
	}
	return "", errNoToken
}

var bearer = []string{`Bearer realm="tilld"`}[:1:1]

// deny answers a request that may not go on, or failed.
func (s *Server) deny(w http.ResponseWriter, r *http.Request, tag lang.Tag, err error) {
	switch {
	case errors.Is(err, errWrongToken):
		s.slowDown(w, r, tag)
	case errors.Is(err, errNoToken):
		w.Header()["Www-Authenticate"] = bearer
		s.fail(w, r, tag, noToken)
	default:
		s.fail(w, r, tag, err)
	}
}

// slowDown answers a wrong token, later and later.
func (s *Server) slowDown(w http.ResponseWriter, r *http.Request, tag lang.Tag) {
	wait, ok := s.token.wrong.note(time.Now())
	if !ok {
		w.Header().Set("Retry-After", "2")
		s.fail(w, r, tag, problem(codeTooMany, "Authorization", "错误的令牌过多，请稍后再试", "too many wrong tokens; try again later"))
		return
	}
	if wait > 0 {
		s.hold(r, wait)
		s.token.wrong.done()
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="tilld", error="invalid_token"`)
	s.fail(w, r, tag, problem(codeUnauthorized, "Authorization", "令牌不正确", "the token is wrong"))
}
