// Package status is the till's local HTTP side: the JSON API of POS
// applications, the live event stream, the status page of store IT, health and
// metrics. It changes a sale only through the engine's commands.
//
// It trusts nothing that a browser can be made to send: every request passes
// the Host allow-list, the origin check and, but for what is meant for this
// machine alone, the token or the page's cookie, in that order and before any
// handler runs.
package status

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/internal/feed"
	"tilld/internal/health"
	"tilld/internal/lang"
	"tilld/printer"
)

// Limits of the server. Bodies: a basket of 500 lines is 60 KiB; print jobs and
// scenes carry pictures.
const (
	maxBody       = 64 << 10
	maxLargeBody  = 1 << 20
	maxHeader     = 16 << 10
	headerTimeout = 5 * time.Second
	bodyTimeout   = 10 * time.Second
	readTimeout   = 15 * time.Second // also for the rest of a body that nobody wants
	writeTimeout  = 30 * time.Second
	idleTimeout   = 90 * time.Second
	maxConns      = 256
)

// Options is what the server works on. Engine, Feed, Health, Board, TokenFile
// and Listen are required.
type Options struct {
	Engine    Engine
	Feed      *feed.Feed
	Health    *health.Board
	Board     *device.Board
	Screen    http.Handler // the customer screen at /screen; nil for none
	TokenFile string       // created with a new token when missing
	Listen    string       // "127.0.0.1:7780"; port 0 takes a free one
	AddrFile  string       // the address in use is written here; "" for nowhere

	AllowedHosts   []string // beside 127.0.0.1, localhost and [::1]; without a port any port is meant
	AllowedOrigins []string // exact origins of POS applications: "https://pos.example.com"

	LAN     LAN     // read-only page for the shop's network, off by default
	Cashier Cashier // the page that sells, off by default

	Language lang.Tag // for callers that name none
	Log      *slog.Logger
	Version  string

	// Preview draws a document as PNG; nil answers not_found on receipt pictures.
	Preview func(doc printer.Doc) ([]byte, error)
	// Detect lists the hardware that is plugged in; nil answers not_found.
	Detect func(ctx context.Context) (any, error)
	// Trace records the wire of one device; nil answers not_found.
	Trace Tracer
	// Journal is the store for the operator's tool; nil answers not_found.
	Journal Journal
	// Export writes the journal, with its proof, as lines; nil answers not_found.
	Export func(ctx context.Context, w io.Writer, q ExportQuery) error
	// Update tells the state of the agent's slots; nil answers not_found.
	Update func() (any, error)
	// LogLines returns the newest lines of the agent's log; nil: there are none.
	LogLines func() []byte
	// Metrics are further collectors for /metrics.
	Metrics []prometheus.Collector
}

// Tracer records what goes over one device's wire.
type Tracer interface {
	StartTrace(device string) error // for at most 15 minutes and 4 MiB
	StopTrace(device string) error
	Trace(device string) ([]byte, error) // text lines "> hex", "< hex"
}

// Server is the local HTTP side. It listens from [New] on and answers while
// [Server.Run] runs.
type Server struct {
	o        Options
	log      *slog.Logger
	listener net.Listener
	guard    *guard
	token    *token
	sessions *sessions
	junk     pacer
	mux      *http.ServeMux
	routes   []route
	spec     []byte   // openapi.json
	lan      *lan     // nil when off
	pin      *pinGate // of the cashier page
	metrics  *metrics
	streams  streams
	started  time.Time
	stopping <-chan struct{} // closed when Run stops, so that streams end
	stop     context.CancelFunc
	stopped  context.Context
}

// New reads or makes the token and binds the address. It fails with a fault of
// kind Busy when another program has the port and Config when the address makes
// no sense.
func New(o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Language == "" {
		o.Language = lang.ZH
	}
	tok, err := openToken(o.TokenFile)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, listenFault(o.Listen, err)
	}
	s, err := newServer(o, tok, l)
	if err != nil {
		l.Close()
		return nil, err
	}
	return s, nil
}

func newServer(o Options, tok *token, l net.Listener) (*Server, error) {
	g, err := newGuard(l.Addr().String(), o.AllowedHosts, o.AllowedOrigins)
	if err != nil {
		return nil, err
	}
	s := &Server{
		o: o, log: o.Log, listener: l, guard: g, token: tok, sessions: newSessions(),
		started: time.Now(), junk: pacer{gap: time.Second / junkRate},
	}
	if s.pin, err = o.Cashier.gate(); err != nil {
		return nil, err
	}
	s.stopped, s.stop = context.WithCancel(context.Background())
	s.stopping = s.stopped.Done()
	s.routes = s.table()
	if s.spec, err = document(s.routes, o.Version); err != nil {
		return nil, err
	}
	s.metrics = newMetrics(s)
	s.mux = http.NewServeMux()
	for _, r := range s.routes {
		s.mux.Handle(r.method+" "+r.path, s.serve(r))
	}
	if o.LAN.Listen != "" {
		if s.lan, err = newLAN(s, o.LAN); err != nil {
			return nil, err
		}
	}
	if o.AddrFile != "" {
		if err := os.WriteFile(o.AddrFile, []byte(s.Addr()+"\n"), 0o600); err != nil {
			return nil, errors.Join(fault.New(fault.Config, "http", "write address", err), s.closeLAN())
		}
	}
	return s, nil
}

// Addr returns the address in use, "127.0.0.1:7780".
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Run serves until ctx ends, then lets running calls finish for a moment.
func (s *Server) Run(ctx context.Context) error {
	conns := newConnLimit(maxConns)
	srv := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ConnState:         conns.state,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	s.log.Info("listening", "addr", s.Addr())
	var parts sync.WaitGroup
	defer parts.Wait() // after what is deferred below has stopped them
	watching, stopWatch := context.WithCancel(ctx)
	defer stopWatch()
	parts.Go(func() { s.metrics.follow(watching, s.o.Feed) })
	served := make(chan error, 2)
	parts.Go(func() { served <- srv.Serve(s.listener) })
	if s.lan != nil {
		page := s.lan.server(srv, newConnLimit(maxConns/4))
		s.log.Info("listening for the shop's network", "addr", s.lan.listener.Addr().String())
		parts.Go(func() { served <- page.Serve(s.lan.listener) })
		defer page.Close()
	}
	select {
	case err := <-served:
		return errors.Join(fault.New(fault.Unknown, "http", "serve", err), srv.Close())
	case <-ctx.Done():
	}
	s.stop()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 800*time.Millisecond)
	defer cancel()
	if err := srv.Shutdown(grace); err != nil {
		return errors.Join(srv.Close(), ignoreDeadline(err))
	}
	return nil
}

func (s *Server) closeLAN() error {
	if s.lan == nil {
		return nil
	}
	return s.lan.listener.Close()
}

// untilStop is a context that also ends when the server stops: for streams, which
// would otherwise hold up the shutdown.
func (s *Server) untilStop(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.stopped, cancel)
	return ctx, func() { stop(); cancel() }
}

func ignoreDeadline(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return nil // the rest was cut off by Close
	}
	return err
}

func listenFault(addr string, err error) error {
	kind, hint := fault.Config, "check http.listen in the configuration"
	if isInUse(err) {
		kind, hint = fault.Busy, "another program uses this port; is a second tilld running?"
	}
	return &fault.Error{Kind: kind, Component: "http", Op: "listen", Hint: hint, Err: fmt.Errorf("%s: %w", addr, err)}
}
