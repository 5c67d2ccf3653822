package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// frame is one server-sent event.
type frame struct {
	at    time.Time
	event string
	data  string
}

// heldFrames is how many events are kept at least.
const heldFrames = 1000

// stream follows a server-sent event stream and reconnects until it is closed.
type stream struct {
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	dropped int // frames forgotten
	frames  []frame
	changed chan struct{}
}

// follow begins to collect events of a stream.
func follow(ctx context.Context, url string) *stream {
	ctx, cancel := context.WithCancel(ctx)
	s := &stream{cancel: cancel, done: make(chan struct{}), changed: make(chan struct{})}
	go func() {
		defer close(s.done)
		for ctx.Err() == nil {
			s.read(ctx, url)
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return s
}

func (s *stream) close() { s.cancel(); <-s.done }

// read is one connection; it ends with the server.
func (s *stream) read(ctx context.Context, url string) { readEvents(ctx, url, "", s.add) }

// readEvents hands the events of one connection to add; token may be empty.
func readEvents(ctx context.Context, url, token string, add func(frame)) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 8<<20)
	var f frame
	for lines.Scan() {
		switch name, value, _ := strings.Cut(lines.Text(), ": "); name {
		case "event":
			f.event = value
		case "data":
			f.data += value
		case "":
			if f.data != "" {
				f.at = time.Now()
				add(f)
			}
			f = frame{}
		}
	}
}

func (s *stream) add(f frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.event == "beat" {
		return
	}
	if s.frames = append(s.frames, f); len(s.frames) > 4*heldFrames {
		s.dropped += len(s.frames) - heldFrames
		s.frames = append(s.frames[:0:0], s.frames[len(s.frames)-heldFrames:]...)
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// mark is the place to look from: what comes after now.
func (s *stream) mark() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped + len(s.frames)
}

// wait returns the first event after mark that ok accepts.
func (s *stream) wait(ctx context.Context, mark int, what string, ok func(frame) bool) (frame, error) {
	for {
		s.mu.Lock()
		frames, changed := s.frames[max(mark-s.dropped, 0):], s.changed
		mark = s.dropped + len(s.frames)
		s.mu.Unlock()
		for _, f := range frames {
			if ok(f) {
				return f, nil
			}
		}
		select {
		case <-ctx.Done():
			return frame{}, fmt.Errorf("%s: not seen; the last scene was %.300s: %w", what, s.last(), context.Cause(ctx))
		case <-changed:
		}
	}
}

// newest is when the last event came.
func (s *stream) newest() (at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.frames); n > 0 {
		at = s.frames[n-1].at
	}
	return at
}

// last is the newest scene.
func (s *stream) last() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.frames) - 1; i >= 0; i-- {
		if s.frames[i].event == "scene" {
			return []byte(s.frames[i].data)
		}
	}
	return nil
}
