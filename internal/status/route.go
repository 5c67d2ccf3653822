package status

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"tilld/internal/lang"
	"tilld/internal/till"
)

// access is who may call a route.
type access int

const (
	byToken   access = iota // the token, or the cookie of someone who signed in with it
	byPage                  // also the cookies that the status page and the cashier page set
	byCashier               // also the cookie that the cashier page sets
	byLocal                 // anyone on this machine
)

// route is one row of the API: the router, the OpenAPI document and the tests
// all read the same table.
type route struct {
	method, path string
	shown        string // path in the document where the mux needs another one; "" is path
	id           string // operationId
	summary      string
	tag          string
	access       access
	query        []param
	body         any // zero value of the body's type; nil for none
	needs        []string
	large        bool // body up to 1 MiB
	status       int  // of success
	created      bool // may also answer 201, when the call made something new
	made         made // where that is; "" when it has no address
	answer       any  // zero value of the answer's type; nil for none or another media type
	media        string
	codes        []string // problems beside those that every route can have
	handle       func(c *call) error
}

// made is the address of what a call made, for its header Location.
type made struct {
	under string // "/v1/sales/", before …
	key   string // … this field of the answer
}

func (m made) location(body []byte) string {
	var fields map[string]json.RawMessage
	var id string
	if m.under == "" || json.Unmarshal(body, &fields) != nil || json.Unmarshal(fields[m.key], &id) != nil || id == "" {
		return ""
	}
	return (&url.URL{Path: m.under + id}).EscapedPath()
}

type param struct {
	name, text string
	sample     any // zero value of its type
}

// public is the path as callers write it.
func (r route) public() string {
	if r.shown != "" {
		return r.shown
	}
	return openPath.ReplaceAllString(strings.TrimSuffix(r.path, "{$}"), "{$1}")
}

// effect reports whether the route may change anything.
func (r route) effect() bool { return r.method != http.MethodGet }

// call is one request on its way through a handler.
type call struct {
	s      *Server
	w      http.ResponseWriter
	r      *http.Request
	route  *route
	lang   lang.Tag
	body   []byte
	key    string
	origin string // as in till.Call
}

var methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// ServeHTTP takes every request through the same gate.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	secure(h)
	tag := s.language(r)
	if !s.guard.host(r) {
		s.fail(w, r, tag, badHost)
		return
	}
	ok, foreign := s.guard.origin(r)
	if !ok {
		s.fail(w, r, tag, badOrigin)
		return
	}
	if foreign {
		cors(h, r.Header.Get("Origin"))
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			preflight(h)
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	if !s.routed(r) {
		s.notFound(w, r, tag)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// routed reports whether a row answers r. A redirect to a path with a slash at
// its end, which the mux makes by itself, is not a row.
func (s *Server) routed(r *http.Request) bool {
	h, pattern := s.mux.Handler(r)
	_, ours := h.(http.HandlerFunc)
	return pattern != "" && ours
}

// notFound answers paths and methods that are in no row. Callers without the
// token do not learn which paths exist.
func (s *Server) notFound(w http.ResponseWriter, r *http.Request, tag lang.Tag) {
	if strings.HasPrefix(r.URL.Path, "/v1/") {
		if _, err := s.authorize(r, byToken); err != nil {
			s.deny(w, r, tag, err)
			return
		}
	}
	var allowed []string
	for _, m := range methods {
		probe := r.Clone(r.Context())
		probe.Method = m
		if s.routed(probe) {
			allowed = append(allowed, m)
		}
	}
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		s.fail(w, r, tag, problem(codeMethod, "", "此地址只支持 "+strings.Join(allowed, "、"), "this path takes "+strings.Join(allowed, ", ")+" only"))
		return
	}
	s.fail(w, r, tag, problem("not_found", "", "没有这个地址，见 /openapi.json", "there is no such path; see /openapi.json"))
}

func (s *Server) language(r *http.Request) lang.Tag {
	return lang.Match(r.Header.Get("Accept-Language"), s.o.Language)
}

// serve wraps a row's handler with what its row asks for.
func (s *Server) serve(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{s: s, w: w, r: r, route: &rt, lang: s.language(r)}
		began := time.Now()
		if err := c.run(); err != nil {
			if errors.Is(err, errAnswered) {
				return
			}
			s.deny(w, r, c.lang, err)
		}
		s.metrics.took(rt.id, time.Since(began))
	})
}

// errAnswered is returned by handlers that have written their own failure.
var errAnswered = errors.New("status: answered")

func (c *call) run() error {
	if c.route.access == byLocal && !local(c.r) {
		return problem(codeNotLocal, "", "只能在本机访问", "this can be read on this machine only")
	}
	var err error
	if c.origin, err = c.s.authorize(c.r, c.route.access); err != nil {
		return err
	}
	rc := http.NewResponseController(c.w)
	rc.SetWriteDeadline(time.Now().Add(writeTimeout)) // unsupported by test recorders only
	if c.route.effect() {
		if err := c.readBody(); err != nil {
			return err
		}
	}
	if err := c.checkQuery(); err != nil {
		return err
	}
	return c.route.handle(c)
}

// readBody takes the body and the idempotency key.
func (c *call) readBody() error {
	if err := c.mediaType(); err != nil {
		return err
	}
	limit, large := int64(maxBody), bigBody
	if c.route.large {
		limit, large = maxLargeBody, hugeBody
	}
	if c.r.ContentLength > limit { // says so itself: not a byte of it is read
		c.w.Header().Set("Connection", "close")
		return large
	}
	rc := http.NewResponseController(c.w)
	rc.SetReadDeadline(time.Now().Add(bodyTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, limit))
	if err == nil {
		rc.SetReadDeadline(time.Time{}) // a payment may take longer than readTimeout
	}
	if _, big := errors.AsType[*http.MaxBytesError](err); big {
		return large
	}
	if err != nil {
		c.w.Header().Set("Connection", "close")
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return problem(codeTimeout, "", "请求内容没有及时到达", "the body did not arrive in time")
		}
		return badJSON()
	}
	if len(body) > 0 && c.r.Header.Get("Content-Type") == "" {
		return badMedia
	}
	c.body = body
	keys := c.r.Header.Values("Idempotency-Key")
	if len(keys) == 0 {
		return nil
	}
	c.key = keys[0]
	bad := func(b rune) bool { return b < 0x21 || b > 0x7e }
	if len(keys) > 1 || len(c.key) == 0 || len(c.key) > till.MaxKey || strings.ContainsFunc(c.key, bad) {
		return invalid("Idempotency-Key", "必须是 1 到 255 个可见 ASCII 字符", "must be 1 to 255 visible ASCII characters")
	}
	return nil
}

// mediaType refuses everything but JSON, because a form of a foreign page can
// send text/plain that looks like JSON, but not application/json.
func (c *call) mediaType() error {
	if enc := c.r.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return badMedia
	}
	given := c.r.Header.Values("Content-Type")
	if len(given) == 0 {
		return nil // accepted with an empty body
	}
	media, params, err := mime.ParseMediaType(given[0])
	cs, hasCharset := params["charset"]
	if len(given) > 1 || err != nil || media != "application/json" || hasCharset && !strings.EqualFold(cs, "utf-8") {
		return badMedia
	}
	return nil
}

// checkQuery refuses query parameters that the row does not have: a typo must
// not silently mean "all".
func (c *call) checkQuery() error {
	if c.route.access == byLocal {
		return nil
	}
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return invalid("", "查询参数的编码有误", "the query is not encoded as it has to be (%XX, parameters parted by &)")
	}
	for name, values := range query {
		if !slices.ContainsFunc(c.route.query, func(p param) bool { return p.name == name }) {
			return problem(codeUnknownField, name, "没有这个查询参数", "there is no such query parameter")
		}
		if len(values) > 1 {
			return invalid(name, "只能给出一次", "may be given once only")
		}
	}
	return nil
}

// decode reads the body into dst.
func (c *call) decode(dst any) error { return decode(c.body, dst, c.route.needs...) }

// do runs a command and answers with what the engine says.
func (c *call) do(cmd any) error {
	sum := sha256.New()
	io.WriteString(sum, c.r.Method+" "+c.r.URL.Path+"\n")
	sum.Write(c.body)
	ans, err := c.s.o.Engine.Do(c.r.Context(), till.Call{
		Key: c.key, Origin: c.origin, Fingerprint: hex.EncodeToString(sum.Sum(nil)),
	}, cmd)
	if err != nil {
		return err
	}
	status := c.route.status
	if ans.Created {
		status = http.StatusCreated
	}
	body := ans.Body
	if len(body) == 0 {
		body = json.RawMessage("{}")
	}
	return c.write(status, body)
}

// json answers with v and the row's status.
func (c *call) json(v any) error { return c.jsonAs(c.route.status, v) }

func (c *call) jsonAs(status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.write(status, body)
}

func (c *call) write(status int, body []byte) error {
	h := c.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Language", string(c.lang))
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if at := c.route.made.location(body); status == http.StatusCreated && at != "" {
		h.Set("Location", at)
	}
	c.w.WriteHeader(status)
	c.w.Write(body) // a caller that went away gets the same answer by its key
	return nil
}
