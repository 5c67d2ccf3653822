package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"path"
	"strconv"
	"sync"
	"time"

	"tilld/internal/cloud"
	"tilld/internal/sim"
)

//go:embed page
var pageFiles embed.FS

// demo is the control page and what it controls.
type demo struct {
	shop    *shop
	screen  *stream
	traffic *ring
	out     io.Writer

	mu         sync.Mutex
	calls      int // made so far, for their keys
	reported   *cloud.Report
	reportedAt int
}

// handler serves the control page to this machine's browser only: the Host must
// be the address we listen on, and what has an effect must come from our page.
func (d *demo) handler(host string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { d.file(w, "index.html") })
	mux.HandleFunc("GET /page/{name}", func(w http.ResponseWriter, r *http.Request) { d.file(w, r.PathValue("name")) })
	mux.HandleFunc("GET /events", d.events)
	mux.HandleFunc("GET /paper/{printer}/{id}", d.paper)
	mux.HandleFunc("GET /pay.png", d.payCode)
	mux.HandleFunc("POST /do", d.do)
	_, port, _ := net.SplitHostPort(host)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, p, err := net.SplitHostPort(r.Host)
		if err != nil || p != port || name != "127.0.0.1" && name != "localhost" && name != "::1" {
			http.Error(w, "open the control page at its own address", http.StatusMisdirectedRequest)
			return
		}
		if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
			http.Error(w, "not from another page", http.StatusForbidden)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

func (d *demo) file(w http.ResponseWriter, name string) {
	body, err := pageFiles.ReadFile("page/" + name)
	if errors.Is(err, fs.ErrNotExist) {
		http.NotFound(w, nil)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	w.Write(body)
}

// events streams the whole state whenever it changes.
func (d *demo) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	rc := http.NewResponseController(w)
	var last []byte
	for {
		now, err := json.Marshal(d.state(r.Context()))
		if err != nil {
			return
		}
		if !bytes.Equal(now, last) {
			last = now
			rc.SetWriteDeadline(time.Now().Add(5 * time.Second)) // errors show at the write
			if _, err := fmt.Fprintf(w, "data: %s\n\n", now); err != nil {
				return
			}
			if err := rc.Flush(); err != nil {
				return
			}
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(150 * time.Millisecond):
		}
	}
}

func (d *demo) printer(name string) (*sim.Printer, bool) {
	p, ok := map[string]*sim.Printer{"lan": d.shop.lan, "serial": d.shop.serial}[name]
	return p, ok
}

// paper is a ticket as a picture.
func (d *demo) paper(w http.ResponseWriter, r *http.Request) {
	p, ok := d.printer(r.PathValue("printer"))
	id, err := strconv.Atoi(r.PathValue("id"))
	if !ok || err != nil {
		http.NotFound(w, r)
		return
	}
	img := p.Picture(id)
	if img == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	enc := png.Encoder{CompressionLevel: png.BestSpeed}
	enc.Encode(w, img) // a browser that goes away is no error of ours
}

// payCode passes the till's own picture of the pay code on: what the customer
// screen shows.
func (d *demo) payCode(w http.ResponseWriter, r *http.Request) {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, d.shop.api.base+"/screen/pay.png?"+r.URL.RawQuery, nil)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer res.Body.Close()
	w.Header().Set("Content-Type", res.Header.Get("Content-Type"))
	w.WriteHeader(res.StatusCode)
	io.Copy(w, res.Body)
}

// order is one thing a person does on the page.
type order struct {
	What   string          `json:"what"`
	Name   string          `json:"name"`
	Value  string          `json:"value"`
	Number int             `json:"number"`
	Data   json.RawMessage `json:"data"`
}

func (d *demo) do(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Content-Type") != "application/json" {
		http.Error(w, "JSON", http.StatusUnsupportedMediaType)
		return
	}
	var o order
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&o); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	// What was begun is finished, also when the page goes away.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 20*time.Second)
	defer cancel()
	answer := map[string]any{"ok": true}
	if err := d.act(ctx, o); err != nil {
		answer = map[string]any{"ok": false, "error": err.Error()}
		if p, ok := errors.AsType[*problem](err); ok {
			answer["error"], answer["code"] = p.Detail, p.Code
		}
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer)
}

// ring holds the newest messages between till and cloud.
type ring struct {
	mu   sync.Mutex
	list []cloud.Traffic
	n    int
}

func newRing() *ring { return &ring{} }

func (r *ring) add(t cloud.Traffic) {
	if t.Kind == "telemetry" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	r.list = append(r.list, t)
	if len(r.list) > 240 {
		r.list = append(r.list[:0:0], r.list[len(r.list)-120:]...)
	}
}

// newest returns the last n, newest first, and how many there were in all.
func (r *ring) newest(n int) (list []cloud.Traffic, all int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.list) - 1; i >= 0 && len(list) < n; i-- {
		list = append(list, r.list[i])
	}
	return list, r.n
}
