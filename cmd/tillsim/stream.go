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

// stream follows a server-sent event stream and reconnects until it is closed.
type stream struct {
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
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
func (s *stream) read(ctx context.Context, url string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return
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
				s.add(f)
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
	s.frames = append(s.frames, f)
	close(s.changed)
	s.changed = make(chan struct{})
}

// mark is the place to look from: what comes after now.
func (s *stream) mark() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.frames)
}

// wait returns the first event after mark that ok accepts.
func (s *stream) wait(ctx context.Context, mark int, what string, ok func(frame) bool) (frame, error) {
	for {
		s.mu.Lock()
		frames, changed := s.frames[mark:], s.changed
		s.mu.Unlock()
		for _, f := range frames {
			if ok(f) {
				return f, nil
			}
		}
		mark += len(frames)
		select {
		case <-ctx.Done():
			last := "nothing"
			if n := s.mark(); n > 0 {
				s.mu.Lock()
				last = s.frames[n-1].data
				s.mu.Unlock()
			}
			return frame{}, fmt.Errorf("%s: not seen; last was %.300s: %w", what, last, context.Cause(ctx))
		case <-changed:
		}
	}
}
