package status

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// sink is a response writer that costs nothing itself.
type sink struct {
	h      http.Header
	status int
	n      int
}

func (s *sink) Header() http.Header          { return s.h }
func (s *sink) WriteHeader(code int)         { s.status = code }
func (s *sink) Write(b []byte) (int, error)  { s.n += len(b); return len(b), nil }
func (s *sink) reset()                       { clear(s.h); s.status, s.n = 0, 0 }
func unread(t testing.TB, n int64) io.Reader { return io.LimitReader(untouched{t}, n) }

type untouched struct{ t testing.TB }

func (f untouched) Read([]byte) (int, error) {
	f.t.Error("the body of a refused request was read")
	return 0, io.EOF
}

// junk is what must be refused cheaply: the request, and with which status.
func junk(t testing.TB, b *bench) map[string]func() (*http.Request, int) {
	request := func(method, path string, body io.Reader, set func(*http.Request)) *http.Request {
		r := httptest.NewRequest(method, path, body)
		r.Host, r.RemoteAddr = "127.0.0.1:"+b.guard.port, "127.0.0.1:40000"
		set(r)
		return r
	}
	return map[string]func() (*http.Request, int){
		"bad host": func() (*http.Request, int) {
			return request("GET", "/v1/status", nil, func(r *http.Request) { r.Host = "rebound.example:" + b.guard.port }), 421
		},
		"foreign origin": func() (*http.Request, int) {
			return request("POST", "/v1/sales", unread(t, 100), func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }), 403
		},
		"no token": func() (*http.Request, int) {
			return request("POST", "/v1/sales", unread(t, 100), func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }), 401
		},
		"wrong type": func() (*http.Request, int) {
			return request("POST", "/v1/sales", unread(t, 100), func(r *http.Request) {
				r.Header.Set("Content-Type", "text/plain")
				r.Header.Set("Authorization", "Bearer "+b.token)
			}), 415
		},
		"huge body": func() (*http.Request, int) {
			return request("POST", "/v1/sales", unread(t, 1<<30), func(r *http.Request) {
				r.ContentLength = 1 << 30
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Authorization", "Bearer "+b.token)
			}), 413
		},
	}
}

// Junk is refused before it costs anything: its body is not read, and next to
// nothing is allocated for it.
func TestJunkIsCheap(t *testing.T) {
	b := newBench(t)
	for name, make := range junk(t, b) {
		w := &sink{h: http.Header{}}
		r, want := make()
		b.ServeHTTP(w, r)
		if w.status != want || w.n == 0 || !strings.HasPrefix(w.h.Get("Content-Type"), "application/problem+json") {
			t.Errorf("%s: status %d, %d bytes of %q; want %d", name, w.status, w.n, w.h.Get("Content-Type"), want)
		}
		got := testing.AllocsPerRun(200, func() { w.reset(); b.ServeHTTP(w, r) })
		t.Logf("%s: %.0f allocations", name, got)
		most := 4.0
		if want == 415 || want == 413 { // these had to show the token
			most = 10
		}
		if got > most {
			t.Errorf("%s: %.0f allocations, at most %.0f", name, got, most)
		}
	}
}

// A flood waits: after the first burst no more than junkRate refusals a second
// are sent, and a call with the token does not stand in that line.
func TestFloodWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pacer{gap: time.Second / junkRate}
		began, sent := time.Now(), 0
		for time.Since(began) < 3*time.Second {
			time.Sleep(p.wait(time.Now()))
			sent++
		}
		if most := 3*junkRate + junkBurst + 1; sent > most || sent < 3*junkRate {
			t.Errorf("%d refusals in three seconds, at most %d", sent, most)
		}
		time.Sleep(time.Minute) // quiet again: one mistake waits for nothing
		if d := p.wait(time.Now()); d != 0 {
			t.Errorf("a single refusal waits %v", d)
		}
	})
	b := newBench(t)
	r := httptest.NewRequest("GET", "/v1/status", nil)
	r.Host, r.RemoteAddr = "rebound.example", "127.0.0.1:40000"
	began := time.Now()
	for range 2 * junkBurst {
		b.ServeHTTP(&sink{h: http.Header{}}, r)
	}
	if took := time.Since(began); took < junkBurst*time.Second/junkRate/2 {
		t.Errorf("%d junk requests were answered in %v", 2*junkBurst, took)
	}
}

func BenchmarkJunk(b *testing.B) {
	s := newBench(b)
	s.junk.gap = 0 // how fast it could be
	for name, make := range junk(b, s) {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			b.ReportAllocs()
			w := &sink{h: http.Header{}}
			r, _ := make()
			for b.Loop() {
				w.reset()
				s.ServeHTTP(w, r)
			}
		})
	}
}
