package device

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Tracer records what goes over the cables, for support bundles and to make
// tests of a real device's behaviour. It keeps the newest bytes of each device
// and is off until it is started. Safe for concurrent use.
//
// The form is a text file, one step a line: "> 1b40" written to the device,
// "< 12" read from it, "# …" a note. devtest plays it back.
type Tracer struct {
	size int
	mask func(name string, read bool, b []byte) []byte

	mu    sync.Mutex
	rings map[string]*ring
}

// NewTracer returns a tracer that keeps about size bytes of each device. mask
// takes secrets out of what is recorded and returns bytes of its own; nil masks
// letters and digits of everything read, because a scanner reads auth codes.
func NewTracer(size int, mask func(name string, read bool, b []byte) []byte) *Tracer {
	if mask == nil {
		mask = func(_ string, read bool, b []byte) []byte {
			if read {
				return MaskPayload(b)
			}
			return bytes.Clone(b)
		}
	}
	return &Tracer{size: size, mask: mask, rings: make(map[string]*ring)}
}

// MaskPayload returns a copy in which every digit is '0' and every letter 'x'.
// Frames, prefixes and terminators stay. It works byte by byte, so that it does
// not matter how the bytes are chunked.
func MaskPayload(b []byte) []byte {
	out := bytes.Clone(b)
	for i, c := range out {
		switch {
		case '0' <= c && c <= '9':
			out[i] = '0'
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c >= 0x80:
			out[i] = 'x'
		}
	}
	return out
}

// Start begins a fresh recording of the device.
func (t *Tracer) Start(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rings[name] = &ring{began: time.Now()}
}

// Stop ends a recording, which stays until the next one begins.
func (t *Tracer) Stop(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.rings[name]; r != nil {
		r.over = true
	}
}

// Names returns the devices that are being recorded.
func (t *Tracer) Names() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var names []string
	for name, r := range t.rings {
		if !r.over {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Note adds a remark to the device's recording.
func (t *Tracer) Note(name, text string) { t.add(name, '#', []byte(text)) }

// Dump returns the recording as text; nil when the device was never recorded.
func (t *Tracer) Dump(name string) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.rings[name]
	if r == nil {
		return nil
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "# trace 1 of %s, from %s\n", name, r.began.UTC().Format(time.RFC3339))
	if r.lost > 0 {
		fmt.Fprintf(&out, "# %d older bytes are not kept\n", r.lost)
	}
	last := r.began
	for _, s := range r.steps {
		if wait := s.at.Sub(last); wait >= 10*time.Millisecond {
			fmt.Fprintf(&out, "# after %v\n", wait.Round(time.Millisecond))
		}
		last = s.at
		if s.way == '#' {
			fmt.Fprintf(&out, "# %q\n", s.data)
			continue
		}
		fmt.Fprintf(&out, "%c %s\n", s.way, hex.EncodeToString(s.data))
	}
	return out.Bytes()
}

// ring holds the newest steps of one device.
type ring struct {
	began time.Time
	over  bool
	steps []step
	size  int
	lost  int
}

type step struct {
	at   time.Time
	way  byte // > < #
	data []byte
}

func (t *Tracer) add(name string, way byte, b []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.rings[name]
	if r == nil || r.over || len(b) == 0 {
		return
	}
	if way != '#' {
		b = t.mask(name, way == '<', b)
	}
	b = bytes.Clone(b[max(0, len(b)-t.size):])
	r.steps = append(r.steps, step{time.Now(), way, b})
	for r.size += len(b); r.size > t.size || len(r.steps) > t.size; {
		r.size -= len(r.steps[0].data)
		r.lost += len(r.steps[0].data)
		r.steps = slices.Delete(r.steps, 0, 1)
	}
}

// Wrap returns a port that records what goes over p while its device is traced.
func (t *Tracer) Wrap(name string, p Port) Port { return &traced{Port: p, tracer: t, name: name} }

type traced struct {
	Port
	tracer *Tracer
	name   string
}

// Unwrap lets [As] look through.
func (p *traced) Unwrap() Port { return p.Port }

func (p *traced) SetReadDeadline(t time.Time) error  { return SetReadDeadline(p.Port, t) }
func (p *traced) SetWriteDeadline(t time.Time) error { return SetWriteDeadline(p.Port, t) }

func (p *traced) Read(b []byte) (int, error) {
	n, err := p.Port.Read(b)
	p.tracer.add(p.name, '<', b[:n])
	return n, err
}

func (p *traced) Write(b []byte) (int, error) {
	n, err := p.Port.Write(b)
	p.tracer.add(p.name, '>', b[:n])
	return n, err
}
