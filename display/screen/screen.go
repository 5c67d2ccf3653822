// Package screen is the customer screen: a page for a browser in kiosk mode on
// the shopper's monitor, fed by server-sent events that carry the whole scene
// each time. No framework, nothing from elsewhere: one module, one style sheet,
// and pictures that this server made.
//
// A pay code is a picture with whole pixels per module on a white ground that
// was decoded again before it is served, and it is served only while the scene
// has it and it has not expired. The page blanks it when the countdown ends or
// when the agent's heartbeat stops for three seconds.
//
// A nil error of Show means that browsers which are connected, or connect later,
// are told the scene; whether a monitor is switched on cannot be known.
package screen

import (
	"context"
	"embed"
	"hash/fnv"
	"io/fs"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"tilld/device"
	"tilld/display"
	"tilld/internal/qr"
)

// Beat is how often a page hears that the agent is alive; a page that hears
// nothing for three seconds blanks the pay code.
const Beat = time.Second

// maxPages is how many pages may follow at once: the shopper's screen, a second
// one, and somebody who looks.
const maxPages = 16

// Options may all be left out.
type Options struct {
	Boot uint32 // counts starts of the agent, so that event ids grow across them
	Log  *slog.Logger
	Now  func() time.Time // nil = time.Now
}

// Screen serves the page and what it shows. Safe for concurrent use.
type Screen struct {
	stage *display.Stage
	o     Options
	mux   *http.ServeMux
	ids   atomic.Uint64
	pages atomic.Int32
	build string // digest of page, module and style sheet

	mu      sync.Mutex
	house   House
	dressed chan struct{} // closed when house changes
	trial   *trial        // a test that is on; nil else
	tried   chan struct{} // closed when trial changes
	seen    map[string]*page
	codes   map[string]qr.Code
	ever    bool // a page was there since the start
}

//go:embed page
var files embed.FS

// pageFiles are what a browser loads: the page at /screen, the rest below it; what
// is not there is answered with none.html.
var pageFiles = []struct{ name, media string }{
	{"screen.html", "text/html; charset=utf-8"},
	{"screen.css", "text/css; charset=utf-8"},
	{"screen.js", "text/javascript; charset=utf-8"},
	{"scenes.js", "text/javascript; charset=utf-8"},
	{"goods.js", "text/javascript; charset=utf-8"},
	{"pieces.js", "text/javascript; charset=utf-8"},
	{"reel.js", "text/javascript; charset=utf-8"},
	{"words.js", "text/javascript; charset=utf-8"},
	{"none.html", "text/html; charset=utf-8"},
	{"none.css", "text/css; charset=utf-8"},
	{"none.js", "text/javascript; charset=utf-8"},
}

// New returns a screen that shows what is on stage.
func New(stage *display.Stage, o Options) *Screen {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Screen{stage: stage, o: o, mux: http.NewServeMux(), dressed: make(chan struct{}), tried: make(chan struct{}), seen: map[string]*page{}, codes: map[string]qr.Code{}}
	s.ids.Store(uint64(o.Boot) << 32)
	digest := fnv.New64a()
	for _, f := range pageFiles {
		body, err := fs.ReadFile(files, "page/"+f.name)
		if err != nil {
			panic("screen: " + err.Error()) // embedded
		}
		digest.Write(body)
		path, code := "/screen/"+f.name, http.StatusOK
		switch f.name {
		case "screen.html":
			path = "/screen"
		case "none.html": // any other address below it
			path, code = "/screen/{rest...}", http.StatusNotFound
		}
		s.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			secure(w.Header())
			w.Header().Set("Content-Type", f.media)
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			w.WriteHeader(code)
			w.Write(body)
		})
	}
	s.build = strconv.FormatUint(digest.Sum64(), 36)
	s.mux.HandleFunc("GET /screen/{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/screen", http.StatusPermanentRedirect)
	})
	s.mux.HandleFunc("GET /screen/events", s.events)
	s.mux.HandleFunc("GET /screen/pay.png", s.payPicture)
	s.mux.HandleFunc("GET /screen/qr.png", s.codePicture)
	s.mux.HandleFunc("GET /screen/offer.png", s.offerPicture)
	s.mux.HandleFunc("GET /screen/logo.png", s.logo)
	s.mux.HandleFunc("GET /screen/reel/{item}", s.clip)
	s.mux.HandleFunc("POST /screen/beat", s.beat)
	s.mux.HandleFunc("GET /screen/page", s.pageState)
	return s
}

// Handler serves /screen and all below it. Who mounts it keeps it to this
// machine: it asks for no token.
func (s *Screen) Handler() http.Handler { return s.mux }

// Pages returns how many pages follow now.
func (s *Screen) Pages() int { return int(s.pages.Load()) }

// Open makes the display behind a device entry of driver "screen", which has no
// address.
func (s *Screen) Open(_ context.Context, _ device.Port, sp device.Spec) (display.Display, error) {
	if err := sp.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	return &glass{screen: s, info: device.Info{Name: sp.Name, Driver: sp.Driver, Model: "browser"}}, nil
}

// glass is the screen as a device.
type glass struct {
	screen *Screen
	info   device.Info
}

var _ display.Graphic = (*glass)(nil)

func (g *glass) Info() device.Info { return g.info }
func (g *glass) Close() error      { return nil }

// Show has nothing to do: pages follow the stage by themselves.
func (g *glass) Show(ctx context.Context, _ display.Scene) error { return ctx.Err() }

// Dots is what the page gives a code on the smallest monitor, 1024x600.
func (g *glass) Dots() int { return 320 }

func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "+
		"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// sum is a short digest of texts, for names.
func sum(texts ...string) uint64 {
	d := fnv.New64a()
	for _, t := range texts {
		d.Write([]byte(t))
		d.Write([]byte{0})
	}
	return d.Sum64()
}
