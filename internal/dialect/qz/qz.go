// Package qz speaks the websocket protocol of QZ Tray 2.2, so that web tills
// which print through it work unchanged: printers, raw printing, printer status,
// and scanners as serial ports.
//
// Source: the client's frames (npm qz-tray 2.3.0) and the server's published
// protocol. Signatures are not looked at: the origin decides who may call.
package qz

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/coder/websocket"

	"tilld/internal/dialect"
)

// spoken is the version that clients are told: older ones are sent other
// messages.
const spoken = "2.2.6"

// maxSockets bounds the connections: a page opens one.
const maxSockets = 32

// Config is what an operator sets.
type Config struct {
	Listen      []string
	TLSListen   []string
	Origins     []string
	AllowDrawer bool
	Dir         string // for the certificate of TLSListen
}

// Server is the dialect.
type Server struct {
	desk  *dialect.Desk
	cfg   Config
	guard dialect.Guard
	log   *slog.Logger
	room  chan struct{}
}

// New returns the dialect.
func New(d *dialect.Desk, cfg Config) *Server {
	return &Server{
		desk: d, cfg: cfg, guard: dialect.Guard{Origins: cfg.Origins}, log: d.Log.With("dialect", "qz"),
		room: make(chan struct{}, maxSockets),
	}
}

// Run serves until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	var all sync.WaitGroup
	listen := func(addr string, secure *tls.Config) {
		all.Go(func() {
			dialect.Listen(ctx, s.desk, "qz", addr, func(ctx context.Context, l net.Listener) error {
				if secure != nil {
					l = tls.NewListener(l, secure)
				}
				return dialect.ServeHTTP(ctx, l, s, s.log)
			})
		})
	}
	for _, addr := range s.cfg.Listen {
		listen(addr, nil)
	}
	if len(s.cfg.TLSListen) > 0 {
		secure, err := certificate(s.cfg.Dir)
		if err != nil {
			return err
		}
		for _, addr := range s.cfg.TLSListen {
			listen(addr, secure)
		}
	}
	all.Wait()
	return nil
}

// ServeHTTP takes a websocket, or says what answers here.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	peer, ok := s.guard.Peer(r)
	if !ok {
		s.log.Warn("request refused", "peer", peer)
		http.Error(w, "this origin is not in dialects.qz.allowed_origins", http.StatusForbidden)
		return
	}
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		s.about(w, r)
		return
	}
	select {
	case s.room <- struct{}{}:
		defer func() { <-s.room }()
	default:
		http.Error(w, "too many connections", http.StatusServiceUnavailable)
		return
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true}) // the guard has looked at the origin
	if err != nil {
		s.log.Debug("no websocket", "peer", peer, "err", err)
		return
	}
	conn.SetReadLimit(dialect.MaxBody)
	newSession(s, conn, peer).run(r.Context())
}

// about answers people and programs that look what is here.
func (s *Server) about(w http.ResponseWriter, r *http.Request) {
	if s.guard.CORS(w, r, "GET", "content-type") {
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.URL.Path != "/" && r.URL.Path != "/json" {
		http.NotFound(w, r)
		return
	}
	body, err := json.Marshal(map[string]any{"title": "tilld", "version": spoken, "socket": map[string]any{"insecure": s.cfg.Listen, "secure": s.cfg.TLSListen}})
	if err != nil {
		panic("qz: " + err.Error()) // strings only
	}
	w.Header().Set("Content-Type", "application/json")
	if _, err := w.Write(body); err != nil {
		s.log.Debug("answer not taken", "err", err)
	}
}
