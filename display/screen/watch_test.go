package screen

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tilld/display"
	"tilld/internal/health"
	"tilld/internal/lang"
)

// A screen that no browser ever showed is told after a minute, one whose page
// fell silent after fifteen seconds, one that stays on an old scene after ten.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(display.NewStage(display.Scene{}), Options{})
		var h health.Board
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Watch(ctx, &h, "screen") }()
		up := func() string {
			synctest.Wait()
			var codes []string
			for _, c := range h.List(lang.EN) {
				if c.Subject != "screen" || c.Text == "" || c.Remedy == "" {
					t.Errorf("%+v", c)
				}
				codes = append(codes, c.Code)
			}
			return strings.Join(codes, " ")
		}
		beat := func(page string, shown uint64) {
			t.Helper()
			rec := httptest.NewRecorder()
			s.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/screen/beat", strings.NewReader(fmt.Sprintf(`{"page":%q,"shown":%d}`, page, shown))))
			if rec.Code != http.StatusNoContent {
				t.Fatalf("beat: %d %s", rec.Code, rec.Body)
			}
		}
		after := func(d time.Duration, want string) {
			t.Helper()
			time.Sleep(d)
			if got := up(); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		state := func(page, want string) {
			t.Helper()
			rec := httptest.NewRecorder()
			s.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/screen/page?id="+page, nil))
			if got := strings.TrimSpace(rec.Body.String()); rec.Code != http.StatusOK || got != want {
				t.Errorf("page %s: %d %s, want %s", page, rec.Code, got, want)
			}
		}
		after(58*time.Second, "")
		after(3*time.Second, "screen_no_page")

		s.follows("a", 1)
		s.sentTo("a", 7)
		state("a", `{"drawn":false,"silent_ms":0,"stuck":false}`)
		beat("a", 7)
		after(2*time.Second, "")
		state("a", `{"drawn":true,"silent_ms":2000,"stuck":false}`)
		state("other", `{"drawn":false,"silent_ms":0,"stuck":false}`)
		for range 30 { // a minute of beats
			beat("a", 7)
			after(2*time.Second, "")
		}
		s.sentTo("a", 9) // never drawn, though the page goes on beating
		for range 4 {
			beat("a", 7)
			after(2*time.Second, "")
		}
		beat("a", 7)
		after(4*time.Second, "screen_stuck")
		state("a", `{"drawn":true,"silent_ms":4000,"stuck":true}`)
		beat("a", 9)
		after(2*time.Second, "")
		after(12*time.Second, "")
		after(3*time.Second, "screen_no_page") // frozen: connected, and no frame any more
		beat("a", 9)
		after(2*time.Second, "")
		s.follows("a", -1) // the browser was closed
		after(2*time.Second, "screen_no_page")
		s.follows("b", 1) // another one
		beat("b", 1)
		after(2*time.Second, "")
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// Pages that come and go are forgotten, and never more than a few are known.
func TestPagesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(display.NewStage(display.Scene{}), Options{})
		for i := range 1000 {
			s.follows(fmt.Sprint(i), 1)
			s.follows(fmt.Sprint(i), -1)
			time.Sleep(10 * time.Second)
		}
		if n := len(s.seen); n > maxPages {
			t.Errorf("%d pages are remembered", n)
		}
		for i := range 100 {
			s.sentTo(fmt.Sprint("x", i), 1)
		}
		if n := len(s.seen); n > maxPages {
			t.Errorf("%d pages are remembered", n)
		}
		// Of one page more nothing can be said, so nobody is told that it does not draw.
		rec := httptest.NewRecorder()
		if s.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/screen/page?id=more", nil)); rec.Code != http.StatusServiceUnavailable {
			t.Errorf("a page too many: %d %s", rec.Code, rec.Body)
		}
	})
}

// A page that is loaded again and again has a new name each time. The last one is
// known all the same, counts as what it is, and leaves nothing behind.
func TestAPageReloadedInHasteIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(display.NewStage(display.Scene{}), Options{})
		for i := range 2 * maxPages {
			s.follows(fmt.Sprint("r", i), 1)
			s.follows(fmt.Sprint("r", i), -1)
			time.Sleep(time.Second)
		}
		s.follows("last", 1)
		for range 40 {
			s.mu.Lock()
			if p := s.page("last"); p != nil {
				p.beat, p.drawn = s.o.Now(), true
			}
			s.mu.Unlock()
			time.Sleep(2 * time.Second)
		}
		if alive, _, _ := s.pagesNow(); !alive {
			t.Error("a page that follows and draws counts as gone")
		}
		s.follows("last", -1)
		time.Sleep(2 * PageNever)
		s.follows("other", 1)
		if n := len(s.seen); n != 1 {
			t.Errorf("%d pages are remembered", n)
		}
	})
}
