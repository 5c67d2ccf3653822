package status

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bounds of event streams.
const (
	maxStreams  = 64               // of all kinds together
	heartbeat   = 10 * time.Second // comment line on a quiet stream
	frameWait   = 5 * time.Second  // a client that takes a frame no faster is cut off
	reconnectMS = "1000"
)

// streams counts open event streams.
type streams struct {
	mu   sync.Mutex
	open int
}

func (s *streams) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open >= maxStreams {
		return false
	}
	s.open++
	return true
}

func (s *streams) leave() {
	s.mu.Lock()
	s.open--
	s.mu.Unlock()
}

func (s *streams) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// stream writes server-sent events to one client.
type stream struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

// begin opens a stream. Call leave on s.streams when it is over; after an error
// it is.
func (c *call) begin() (*stream, error) {
	if !c.s.streams.enter() {
		c.w.Header().Set("Retry-After", "5")
		return nil, problem(codeStreams, "", "事件流连接过多", "too many event streams are open")
	}
	rc := http.NewResponseController(c.w)
	rc.SetReadDeadline(time.Time{}) // the stream outlives readTimeout
	h := c.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	st := &stream{w: c.w, rc: rc}
	if err := st.send("retry: " + reconnectMS + "\n: tilld " + c.s.o.Version + "\n\n"); err != nil {
		c.s.streams.leave()
		return nil, errAnswered
	}
	return st, nil
}

func (st *stream) send(frame string) error {
	st.rc.SetWriteDeadline(time.Now().Add(frameWait))
	if _, err := st.w.Write([]byte(frame)); err != nil {
		return err
	}
	return st.rc.Flush()
}

// frame writes one event; data has no line breaks, as JSON from encoding/json.
func frame(b *strings.Builder, name string, id uint64, data []byte) {
	b.WriteString("event: " + name + "\n")
	b.WriteString("id: " + strconv.FormatUint(id, 10) + "\n")
	b.WriteString("data: ")
	b.Write(data)
	b.WriteString("\n\n")
}

// streamEvents follows the feed from the newest event on, or from after
// Last-Event-ID without a gap. A client that falls behind what the feed holds is
// cut off; its Last-Event-ID then gets 410.
func streamEvents(c *call) error {
	feed := c.s.o.Feed
	last := feed.Last()
	given := c.r.Header.Get("Last-Event-ID")
	if given == "" {
		given = c.r.URL.Query().Get("last_event_id")
	}
	if given != "" {
		var err error
		if last, err = c.number("Last-Event-ID", given); err != nil {
			return err
		}
	}
	items, more, err := feed.After(last)
	if err != nil {
		return problem(codeGone, "Last-Event-ID", "这之后的事件已不再保留；请重新读取状态，再不带 Last-Event-ID 连接",
			"the events after this id are no longer held; read the state anew, then connect without Last-Event-ID")
	}
	st, err := c.begin()
	if err != nil {
		return err
	}
	defer c.s.streams.leave()
	beat := time.NewTimer(heartbeat)
	defer beat.Stop()
	for {
		var b strings.Builder
		for _, it := range items {
			frame(&b, it.Name, it.ID, it.Data)
			last = it.ID
		}
		if b.Len() > 0 {
			if err := st.send(b.String()); err != nil {
				return errAnswered
			}
		}
		beat.Reset(heartbeat)
		select {
		case <-more:
		case <-beat.C:
			if err := st.send(": beat\n\n"); err != nil {
				return errAnswered
			}
		case <-c.r.Context().Done():
			return errAnswered
		case <-c.s.stopping:
			return errAnswered
		}
		if items, more, err = feed.After(last); err != nil {
			return errAnswered
		}
	}
}

// wait blocks for d; false when the stream is over.
func (c *call) wait(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.r.Context().Done():
	case <-c.s.stopping:
	}
	return false
}
