package status

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"tilld/internal/fault"
)

// guard decides which requests may come near a handler at all.
type guard struct {
	port    string
	hosts   map[string]bool // exact Host values
	anyPort map[string]bool // host names that are good with any port
	origins map[string]bool // exact foreign origins
}

func newGuard(addr string, hosts, origins []string) (*guard, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fault.New(fault.Config, "http", "read listen address", err)
	}
	g := &guard{port: port, hosts: map[string]bool{}, anyPort: map[string]bool{}, origins: map[string]bool{}}
	for _, h := range []string{"127.0.0.1", "localhost", "[::1]"} {
		g.hosts[h+":"+port] = true
		if port == "80" {
			g.hosts[h] = true // browsers leave the default port out
		}
	}
	if ip, err := netip.ParseAddr(host); err == nil && !ip.IsUnspecified() {
		g.hosts[net.JoinHostPort(host, port)] = true
	}
	for _, h := range hosts {
		h = strings.ToLower(h)
		if _, _, err := net.SplitHostPort(h); err == nil {
			g.hosts[h] = true
		} else {
			g.anyPort[h] = true
		}
	}
	for _, o := range origins {
		if u, err := url.Parse(o); err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || o != strings.ToLower(o) {
			return nil, &fault.Error{
				Kind: fault.Config, Component: "http", Op: "read allowed origins",
				Hint: "write scheme, host and port only, in lower case: https://pos.example.com", Err: &url.Error{Op: "origin", URL: o, Err: http.ErrNotSupported},
			}
		}
		g.origins[o] = true
	}
	return g, nil
}

// host reports whether the Host header names this till. A page whose DNS name
// was rebound to 127.0.0.1 sends its own name.
func (g *guard) host(r *http.Request) bool {
	h := strings.ToLower(r.Host)
	if g.hosts[h] {
		return true
	}
	name := h
	if n, _, err := net.SplitHostPort(h); err == nil {
		name = n
	}
	return g.anyPort[name]
}

// origin reports whether the request may come from where the browser says it
// comes from. Programs that are no browsers send neither header; they have to
// bring the token.
func (g *guard) origin(r *http.Request) (ok, foreign bool) {
	origins := r.Header.Values("Origin")
	switch {
	case len(origins) > 1:
		return false, true
	case len(origins) == 1:
		if g.own(origins[0], r.Host) {
			break
		}
		return g.origins[origins[0]], true
	}
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "none" && site != "same-origin" && !(site == "same-site" && followed(r)) {
			return false, false
		}
	}
	return true, false
}

// followed reports whether somebody follows a link to one of our pages. From
// a page on another port of this machine (a demo, a launcher) that is let in:
// it tells that page nothing, and our page changes nothing by being opened.
func followed(r *http.Request) bool {
	return r.Method == http.MethodGet && (r.URL.Path == "/" || r.URL.Path == "/screen" || r.URL.Path == "/cashier") &&
		r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

// own reports whether origin is the page's own, over plain HTTP.
func (g *guard) own(origin, host string) bool {
	return strings.EqualFold(origin, "http://"+host)
}

// local reports whether the peer is on this machine.
func local(r *http.Request) bool {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

// secured are the headers that every answer has. The page brings all it needs
// from this server; nothing inline runs, nobody may frame it. The values are
// shared by all answers: whoever needs another one sets it.
var secured = []struct {
	name  string
	value []string
}{
	shared("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
		"connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"),
	shared("X-Content-Type-Options", "nosniff"),
	shared("Referrer-Policy", "no-referrer"),
	shared("X-Frame-Options", "DENY"),
	shared("Cross-Origin-Resource-Policy", "same-origin"),
	shared("Cross-Origin-Opener-Policy", "same-origin"),
	shared("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()"),
	shared("Cache-Control", "no-store"),
}

func shared(name, value string) struct {
	name  string
	value []string
} {
	return struct {
		name  string
		value []string
	}{name, []string{value}[:1:1]} // an Add makes a copy
}

func secure(h http.Header) {
	for _, x := range secured {
		h[x.name] = x.value
	}
}

// cors answers an allowed foreign origin with exactly that origin.
func cors(h http.Header, origin string) {
	h.Set("Access-Control-Allow-Origin", origin)
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Expose-Headers", "Location, Retry-After, Content-Language")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
}

// preflight answers a browser's question whether it may send what it wants to.
func preflight(h http.Header) {
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, Accept-Language, Last-Event-ID")
	h.Set("Access-Control-Max-Age", "600")
	h.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
}
