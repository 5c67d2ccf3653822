package dialect

import (
	"net"
	"net/http"
	"slices"
	"strings"
)

// Guard decides which requests of a browser may come near a dialect. These
// protocols have no tokens: what stands between a foreign web page and the
// drawer is the page's origin.
type Guard struct{ Origins []string }

// Peer names who asks, for the audit trail, and says whether they may. Programs,
// which send no Origin, may: the listeners are on loopback only. So must be the
// host that they ask for: a page whose DNS name was rebound to this machine sends
// its own.
func (g Guard) Peer(r *http.Request) (name string, ok bool) {
	host := strings.ToLower(r.Host)
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if host = strings.Trim(host, "[]"); host != "127.0.0.1" && host != "localhost" && host != "::1" {
		return host, false
	}
	switch origins := r.Header.Values("Origin"); {
	case len(origins) > 1:
		return "two origins", false
	case len(origins) == 1:
		return origins[0], slices.Contains(g.Origins, origins[0])
	}
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "none" && site != "same-origin" {
			return "a foreign page", false
		}
	}
	return "a program at " + r.RemoteAddr, true
}

// CORS answers an allowed origin with exactly that origin. It returns true when
// the request was a preflight and is answered.
func (g Guard) CORS(w http.ResponseWriter, r *http.Request, methods, headers string) bool {
	w.Header().Add("Vary", "Origin")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if origin := r.Header.Get("Origin"); origin != "" {
		w.Header().Set("Access-Control-Allow-Origin", origin)
	}
	if r.Method != http.MethodOptions {
		return false
	}
	w.Header().Set("Access-Control-Allow-Methods", methods)
	w.Header().Set("Access-Control-Allow-Headers", headers)
	w.Header().Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}
