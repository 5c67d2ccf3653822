package screen

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"tilld/internal/health"
	"tilld/internal/lang"
)

// A page reports every two seconds that it has drawn a frame.
const (
	// PageLost is how long a page may be silent until it counts as gone.
	PageLost = 15 * time.Second
	// PageNever is how long after the start a first page may take.
	PageNever = 60 * time.Second
	// PageStuck is how long a page may take to draw a scene that it was sent.
	PageStuck = 10 * time.Second
)

// Conditions that the screen raises.
var (
	condNoPage = health.Kind{
		Code: "screen_no_page", Severity: health.Warning,
		Text:   lang.Text{ZH: "客显浏览器没有运行：{subject} 没有画面", EN: "the customer screen's browser is gone: nothing is shown on {subject}"},
		Remedy: lang.Text{ZH: "请在第二块屏幕上打开 /screen（tilld kiosk --run）；已打开时检查屏幕是否黑屏或卡死", EN: "open /screen on the second monitor (tilld kiosk --run); if it is open, look whether it is dark or frozen"},
	}
	condStuck = health.Kind{
		Code: "screen_stuck", Severity: health.Error,
		Text:   lang.Text{ZH: "客显 {subject} 停在旧画面", EN: "the customer screen {subject} shows an old scene"},
		Remedy: lang.Text{ZH: "请重新加载客显浏览器（F5）", EN: "reload the customer screen's browser (F5)"},
	}
)

// page is one browser that follows, by the id it drew for itself.
type page struct {
	beat        time.Time // last frame drawn
	drawn       bool      // any at all
	sent        uint64    // id of the newest scene sent to it
	owed        time.Time // when the oldest scene was sent that it has not drawn
	connections int
}

// beat takes a page's report: which scene it has drawn.
func (s *Screen) beat(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	var report struct {
		Page  string `json:"page"`
		Shown uint64 `json:"shown"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1024)).Decode(&report); err != nil || len(report.Page) == 0 || len(report.Page) > 16 {
		http.Error(w, "page and shown are needed", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	p := s.page(report.Page)
	if p != nil {
		p.beat, p.drawn = s.o.Now(), true
		if report.Shown >= p.sent {
			p.owed = time.Time{}
		}
	}
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// pageState answers who keeps a browser running (tilld kiosk) whether its page draws.
func (s *Screen) pageState(w http.ResponseWriter, r *http.Request) {
	var state struct {
		Drawn    bool  `json:"drawn"`     // ever
		SilentMS int64 `json:"silent_ms"` // since its last frame
		Stuck    bool  `json:"stuck"`     // on an old scene
	}
	s.mu.Lock()
	p := s.seen[r.URL.Query().Get("id")]
	crowded := p == nil && len(s.seen) >= maxPages // it may be one that is not followed
	if p != nil && p.drawn {
		now := s.o.Now()
		state.Drawn, state.SilentMS, state.Stuck = true, now.Sub(p.beat).Milliseconds(), p.stuck(now)
	}
	s.mu.Unlock()
	secure(w.Header())
	if crowded {
		http.Error(w, "too many screens follow already", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(state)
}

// stuck reports whether the page owes a scene for too long.
func (p *page) stuck(now time.Time) bool { return !p.owed.IsZero() && now.Sub(p.owed) > PageStuck }

// page returns what is known of a page; nil when there are too many. mu is held.
func (s *Screen) page(id string) *page {
	if id == "" {
		return nil
	}
	now := s.o.Now()
	for k, p := range s.seen {
		if p.connections == 0 && now.Sub(p.beat) > PageNever {
			delete(s.seen, k)
		}
	}
	p := s.seen[id]
	if p == nil && len(s.seen) < maxPages {
		p = &page{beat: now}
		s.seen[id] = p
	}
	return p
}

// follows notes that a page's stream began or ended. A stream has its page known
// as long as it lasts: no more of them are served than are known.
func (s *Screen) follows(id string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.page(id)
	if p == nil && id != "" && n > 0 {
		s.forgetOne()
		p = s.page(id)
	}
	if p != nil {
		p.connections = max(0, p.connections+n)
	}
}

// forgetOne makes room for a page: of those that do not follow now, the one that
// has been silent for longest goes. mu is held.
func (s *Screen) forgetOne() {
	oldest := ""
	for id, p := range s.seen {
		if p.connections == 0 && (oldest == "" || p.beat.Before(s.seen[oldest].beat)) {
			oldest = id
		}
	}
	delete(s.seen, oldest)
}

// sent notes that a scene went to a page under an id.
func (s *Screen) sentTo(id string, event uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.page(id); p != nil {
		p.sent = event
		if p.owed.IsZero() {
			p.owed = s.o.Now()
		}
	}
}

// Watch keeps the conditions of a screen that is configured under name, until
// ctx ends: whether any page draws at all, and whether one shows an old scene.
func (s *Screen) Watch(ctx context.Context, h *health.Board, name string) error {
	began := s.o.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		alive, stuck, ever := s.pagesNow()
		patience := PageNever
		if ever {
			patience = 0 // pagesNow has waited
		}
		h.Set(!alive && s.o.Now().Sub(began) >= patience, condNoPage, name)
		h.Set(stuck, condStuck, name)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// pagesNow says whether a page draws, whether one that draws shows an old scene,
// and whether there ever was one since the start.
func (s *Screen) pagesNow() (alive, stuck, ever bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.o.Now()
	for _, p := range s.seen {
		if p.connections == 0 || now.Sub(p.beat) > PageLost {
			continue
		}
		alive = true
		stuck = stuck || p.stuck(now)
	}
	if alive {
		s.ever = true
	}
	return alive, stuck, s.ever
}
