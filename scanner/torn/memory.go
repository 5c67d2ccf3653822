package torn

import (
	"hash/fnv"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/scanner/code"
)

// keepFor is how long a doubt lasts while nobody listens to the scanner: its port
// is gone, or the agent is. Serial servers deliver the rest of a code to the next
// connection.
const keepFor = 10 * time.Minute

// wipeAfter is how long a note stays while somebody listens: longer than a doubt
// and the silence before it.
const wipeAfter = 3 * For

// Options of a [Memory].
type Options struct {
	// Dir is where notes of unfinished codes are left, one small file for each
	// scanner, and what kinds of numbers were read (".kinds"); "" leaves none. What
	// cannot be written there is done without.
	Dir string
	// Rules say what the chain's own numbers are; nil is [code.DefaultRules].
	Rules *code.Rules
	// Sold, if not nil, says whether a number is an article in the till's price
	// book, and whether there is a price book. It is asked about few codes, from the
	// goroutine that reads the device.
	Sold func(number string) (sold, prices bool)
	// Torn, if not nil, is told that a code of this device does not count and has
	// to be scanned again, from the goroutine that reads the device.
	Torn func(device string)
	Log  *slog.Logger
}

// Memory is what is in doubt about each scanner's next code, over lost ports and
// over the agent's death. Safe for concurrent use; a nil one forgets.
type Memory struct {
	o Options

	mu     sync.Mutex
	places map[string]*place
	lives  uint64
	kinds  *kinds // nil before a device is taken
}

// place is one scanner's.
type place struct {
	kept   Tear
	keptAt time.Time
	life   uint64 // of the Tear that may write
	where  uint64 // hash of the device's address
	note   note   // in the file
	file   *os.File
	wipe   *time.Timer // when what is in the file is in doubt no more
}

// New returns a memory. It reads no file before a device is taken.
func New(o Options) *Memory {
	return &Memory{o: o, places: map[string]*place{}}
}

// Take returns what is in doubt about the next code of a device: what [Memory.Keep] was
// given last, or what the agent's life before this one left. How long nobody
// listened does not count: the rest of a code may lie in the cable as long.
func (m *Memory) Take(s device.Spec) Tear {
	if m == nil {
		return Tear{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kinds == nil {
		m.kinds = openKinds(m.o.Dir, m.log())
	}
	p := m.place(s)
	m.lives++
	p.life = m.lives
	t := p.kept
	p.kept = Tear{}
	now := time.Now()
	switch {
	case t.until.IsZero():
	case now.Sub(p.keptAt) > keepFor:
		t.end()
	default:
		t.until = now.Add(For)
	}
	t.m, t.name, t.life, t.left = m, s.Name, p.life, p.note
	return t
}

// Keep takes back what [Memory.Take] gave, when a port has failed or the agent
// stops, and why. After noise, a fault of kind Protocol, nothing is in doubt: it
// was no half of a code.
func (m *Memory) Keep(t Tear, why error) {
	if m == nil || t.m != m {
		return
	}
	if fault.KindOf(why) == fault.Protocol {
		t.end()
	}
	t.Hold(nil, false, time.Now())
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.places[t.name]; p != nil && p.life == t.life {
		p.kept, p.keptAt = t, time.Now()
		if p.wipe != nil {
			p.wipe.Reset(keepFor)
		}
	}
}

func (m *Memory) tell(name string) {
	if m != nil && m.o.Torn != nil {
		m.o.Torn(name)
	}
}

// place finds a scanner's place, at first with what the last life left. mu is held.
func (m *Memory) place(s device.Spec) *place {
	p := m.places[s.Name]
	if p != nil {
		return p
	}
	h := fnv.New64a()
	h.Write([]byte(s.Driver + "\x00" + s.Address))
	p = &place{where: h.Sum64()}
	m.places[s.Name] = p
	if m.o.Dir == "" || filepath.Base(s.Name) != s.Name {
		return p
	}
	var err error
	if p.file, err = openNote(filepath.Join(m.o.Dir, s.Name)); err != nil {
		m.without(p, s.Name, err)
		return p
	}
	buf := make([]byte, noteSize)
	if _, err := p.file.ReadAt(buf, 0); err != nil {
		m.without(p, s.Name, err)
		return p
	}
	if n, at, ok := parseNote(buf, p.where); ok && n != (note{}) {
		p.note, p.keptAt = n, time.Now()
		if at.age() > keepFor {
			return p
		}
		p.kept = Tear{older: n.list(), noise: n.noise, until: p.keptAt.Add(For)}
		m.log().Info("the agent ended in the middle of a code: the scanner's next one is judged", "dev", s.Name)
	}
	return p
}

func openFile(path string, flag int) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|flag, 0o600)
}

func openNote(path string) (*os.File, error) {
	f, err := openFile(path, 0)
	if err != nil {
		return nil, err
	}
	// All of its bytes are there before they are needed, so that a disk that is
	// full by then has room.
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() < int64(noteSize) {
		if err == nil {
			_, err = f.WriteAt(make([]byte, noteSize), 0)
		}
		if err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
}

// without goes on without a file: a scanner is never stopped by one. mu is held.
func (m *Memory) without(p *place, name string, err error) {
	if p.file != nil {
		p.file.Close()
		p.file = nil
	}
	m.log().Warn("no note of unfinished codes can be left; after a kill the rest of one may count", "dev", name, "err", err)
}

// write leaves a note. It is not synced: it has to survive the agent, and what a
// power cut leaves of it is not believed.
func (m *Memory) write(t *Tear, n note) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.places[t.name]
	if p == nil || p.life != t.life || p.file == nil {
		return
	}
	if n == (note{}) && p.wipe != nil {
		p.wipe.Stop()
		p.wipe = nil
	}
	if n != p.note {
		m.put(p, t.name, n)
	}
	if n == (note{}) {
		return
	}
	if p.wipe != nil {
		p.wipe.Reset(wipeAfter)
		return
	}
	p.wipe = time.AfterFunc(wipeAfter, func() { m.forget(t.name) })
}

// forget takes back a note that nothing followed.
func (m *Memory) forget(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.places[name]; p.file != nil {
		m.put(p, name, note{})
	}
}

func (m *Memory) put(p *place, name string, n note) {
	p.note = n
	if _, err := p.file.WriteAt(n.bytes(p.where, now()), 0); err != nil {
		m.without(p, name, err)
	}
}

// Close closes the files. What is in doubt stays in them.
func (m *Memory) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.places {
		if p.wipe != nil {
			p.wipe.Stop()
		}
		if p.file != nil {
			p.file.Close()
			p.file = nil
		}
	}
	if m.kinds != nil {
		m.kinds.close()
	}
}

func (m *Memory) log() *slog.Logger {
	if m.o.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return m.o.Log
}
