package screen

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// writeWait is how long a page may take to accept one frame.
const writeWait = 3 * time.Second

// events streams "hello" once, "house" and "scene" at once and at every change,
// and "beat" every second. Each is complete in itself: a page that reconnects needs no
// replay.
func (s *Screen) events(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	if s.pages.Add(1) > maxPages {
		s.pages.Add(-1)
		w.Header().Set("Retry-After", "5")
		http.Error(w, "too many screens follow already", http.StatusServiceUnavailable)
		return
	}
	defer s.pages.Add(-1)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	rc := http.NewResponseController(w)
	if err := rc.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return
	}
	id := r.URL.Query().Get("page")
	s.follows(id, 1)
	defer s.follows(id, -1)
	f := &frames{s: s, w: w, rc: rc}
	f.begin()
	tick := time.NewTicker(Beat)
	defer tick.Stop()
	house, dressed := s.dress()
	f.event("house", house.event())
	for f.err == nil {
		scene, changed, tried := s.now()
		s.sentTo(id, f.event("scene", clean(scene)))
		for again := true; again && f.err == nil; {
			select {
			case <-changed:
				again = false
			case <-tried:
				again = false
			case <-dressed:
				house, dressed = s.dress()
				f.event("house", house.event())
			case <-tick.C:
				f.event("beat", beat{Now: s.o.Now()})
			case <-r.Context().Done():
				return
			}
		}
	}
}

type beat struct {
	Now time.Time `json:"now"`
}

type hello struct {
	Build string    `json:"build"` // of the page; another one than its own has the page load itself anew
	Now   time.Time `json:"now"`
}

// frames writes events until the first error.
type frames struct {
	s   *Screen
	w   http.ResponseWriter
	rc  *http.ResponseController
	err error
}

func (f *frames) begin() {
	f.write("retry: 500\n\n")
	f.event("hello", hello{Build: f.s.build, Now: f.s.o.Now()})
}

// event writes one and returns its id.
func (f *frames) event(name string, v any) uint64 {
	if f.err != nil {
		return 0
	}
	body, err := json.Marshal(v)
	if err != nil {
		f.err = err
		f.s.o.Log.Error("scene cannot be sent to the screen", "err", err)
		return 0
	}
	id := f.s.ids.Add(1)
	f.write("event: " + name + "\nid: " + strconv.FormatUint(id, 10) + "\ndata: " + string(body) + "\n\n")
	return id
}

func (f *frames) write(text string) {
	if err := f.rc.SetWriteDeadline(time.Now().Add(writeWait)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		f.err = err
		return
	}
	if _, f.err = f.w.Write([]byte(text)); f.err == nil {
		f.err = f.rc.Flush()
	}
}
