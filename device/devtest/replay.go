package devtest

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"tilld/device"
	"tilld/device/internal/deadline"
)

// Step is one line of a trace: bytes written to the device or read from it.
type Step struct {
	Read bool
	Data []byte
}

// ParseTrace reads the text that [device.Tracer] writes: "> hex", "< hex" and
// "# note" lines.
func ParseTrace(text string) ([]Step, error) {
	var steps []Step
	n := 0
	for l := range strings.Lines(text) {
		n++
		l = strings.TrimSpace(l)
		if l == "" || l[0] == '#' {
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(l[1:], " ", ""))
		if (l[0] != '>' && l[0] != '<') || err != nil || len(b) == 0 {
			return nil, fmt.Errorf("line %d: %q is none of \"> hex\", \"< hex\", \"# note\"", n, l)
		}
		steps = append(steps, Step{Read: l[0] == '<', Data: b})
	}
	return steps, nil
}

// Replay returns a port that plays the device's part of a trace: it answers as
// recorded, fails the test at the first byte that was not written in the
// recording, and at the end if something of it was left out.
func Replay(t testing.TB, trace string) device.Port {
	t.Helper()
	steps, err := ParseTrace(trace)
	if err != nil {
		t.Fatal(err)
	}
	p := &player{t: t, steps: steps, more: make(chan struct{}), closed: make(chan struct{})}
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.steps) > 0 && !t.Failed() {
			t.Errorf("%d steps of the trace were not played, the next is %+v", len(p.steps), p.steps[0])
		}
	})
	return p
}

type player struct {
	t testing.TB

	mu     sync.Mutex
	steps  []Step
	more   chan struct{} // closed at each write
	rd, wr deadline.Deadline
	closed chan struct{}
	once   sync.Once
}

func (p *player) Write(b []byte) (int, error) {
	select {
	case <-p.closed:
		return 0, os.ErrClosed
	default:
	}
	if p.wr.Over() {
		return 0, os.ErrDeadlineExceeded
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for sent := 0; sent < len(b); {
		if len(p.steps) == 0 || p.steps[0].Read || !bytes.HasPrefix(p.steps[0].Data, b[sent:min(len(b), sent+len(p.steps[0].Data))]) {
			p.t.Errorf("wrote %x, which is not in the trace (next: %+v)", b[sent:], p.steps[:min(1, len(p.steps))])
			return sent, io.ErrClosedPipe
		}
		n := min(len(b)-sent, len(p.steps[0].Data))
		p.advance(n)
		sent += n
	}
	close(p.more)
	p.more = make(chan struct{})
	return len(b), nil
}

// advance takes n bytes off the first step.
func (p *player) advance(n int) {
	p.steps[0].Data = p.steps[0].Data[n:]
	if len(p.steps[0].Data) == 0 {
		p.steps = p.steps[1:]
	}
}

func (p *player) Read(b []byte) (int, error) {
	for {
		p.mu.Lock()
		if len(p.steps) > 0 && p.steps[0].Read && !p.rd.Over() && len(b) > 0 {
			n := copy(b, p.steps[0].Data)
			p.advance(n)
			p.mu.Unlock()
			return n, nil
		}
		more := p.more
		p.mu.Unlock()
		select {
		case <-p.closed:
			return 0, os.ErrClosed
		case <-p.rd.Passed():
			return 0, os.ErrDeadlineExceeded
		case <-more:
		}
	}
}

func (p *player) SetDeadline(t time.Time) error {
	p.rd.Set(t)
	p.wr.Set(t)
	return nil
}

func (p *player) SetReadDeadline(t time.Time) error  { p.rd.Set(t); return nil }
func (p *player) SetWriteDeadline(t time.Time) error { p.wr.Set(t); return nil }

func (p *player) Close() error {
	err := os.ErrClosed
	p.once.Do(func() { close(p.closed); err = nil })
	return err
}
