package status

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"tilld/internal/fault"
	"tilld/internal/plainfile"
)

// LAN is the read-only status page for the shop's network. It has a listener
// and a mux of its own, on which no route exists that changes or tells more than
// how the till stands. Listen "" is off.
type LAN struct {
	Listen          string
	TLSCert, TLSKey string // PEM files
	PINFile         string // 6 to 64 characters, mode 0600
}

// Wrong PINs: after lanTries within lanPause nobody gets in until the pause is
// over. A PIN of six digits then lasts a guesser for years.
const (
	lanTries = 20
	lanPause = time.Hour
)

// lan is the running page.
type lan struct {
	s        *Server
	listener net.Listener
	mux      *http.ServeMux
	pin      *pinGate
}

// newLAN reads certificate and PIN and binds the address. Errors are faults of
// kind Config or Busy.
func newLAN(s *Server, o LAN) (*lan, error) {
	bad := func(op, hint string, err error) error {
		return &fault.Error{Kind: fault.Config, Component: "http.lan", Op: op, Hint: hint, Err: err}
	}
	if o.TLSCert == "" || o.TLSKey == "" || o.PINFile == "" {
		return nil, bad("read settings", "http.lan needs tls_cert, tls_key and pin_file", errors.New("a setting is missing"))
	}
	cert, err := plainfile.KeyPair(o.TLSCert, o.TLSKey)
	if err != nil {
		return nil, bad("read certificate", "check http.lan.tls_cert and tls_key", err)
	}
	pin, err := openPIN("http.lan.pin_file", o.PINFile, lanTries, lanPause)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, listenFault(o.Listen, err)
	}
	tlsListener := tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}})
	p := &lan{s: s, listener: tlsListener, mux: http.NewServeMux(), pin: pin}
	p.mux.HandleFunc("GET /{$}", p.page)
	p.mux.HandleFunc("GET /page/status.css", p.file("status.css", "text/css; charset=utf-8"))
	p.mux.HandleFunc("GET /page/icon.svg", p.file("icon.svg", "image/svg+xml"))
	return p, nil
}

func (p *lan) server(base *http.Server, conns *connLimit) *http.Server {
	return &http.Server{
		Handler: p, ReadHeaderTimeout: headerTimeout, ReadTimeout: headerTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader, ConnState: conns.state, ErrorLog: base.ErrorLog, BaseContext: base.BaseContext,
	}
}

// ServeHTTP asks for the PIN before anything else.
func (p *lan) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" || r.Header.Get("Origin") != "" {
		http.Error(w, "open this page by its address", http.StatusForbidden)
		return
	}
	_, pin, given := r.BasicAuth()
	switch p.pin.admit(pin, given) {
	case http.StatusOK:
		p.mux.ServeHTTP(w, r)
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", strconv.Itoa(int(lanPause.Seconds())))
		http.Error(w, "too many wrong PINs; try again later", http.StatusTooManyRequests)
	default:
		w.Header().Set("WWW-Authenticate", `Basic realm="tilld", charset="UTF-8"`)
		http.Error(w, "the PIN is needed", http.StatusUnauthorized)
	}
}

func (p *lan) page(w http.ResponseWriter, r *http.Request) {
	v := p.s.look(p.s.language(r))
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, "lan.html", v); err != nil {
		p.s.log.Error("LAN page", "err", err)
		http.Error(w, "the page cannot be drawn", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.Write(b.Bytes())
}

func (p *lan) file(name, media string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		body, err := pageFiles.ReadFile("page/" + name)
		if err != nil {
			http.Error(w, "not there", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", media)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.Write(body)
	}
}
