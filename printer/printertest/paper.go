package printertest

import (
	"image"
	"image/draw"
	"net"
	"slices"
	"sync"
	"testing"

	"tilld/device"
)

// Lines returns the text printed so far, line by line, without the blanks at
// the ends. What was printed as dots is not in it.
func (m *Machine) Lines() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.lines)
}

// Events returns what happened besides printing: cuts, the drawer, paper, and
// every byte that the machine does not know.
func (m *Machine) Events() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.events)
}

// Drawer counts how often the cash drawer was opened, Cuts the cuts.
func (m *Machine) Drawer() int { m.mu.Lock(); defer m.mu.Unlock(); return m.drawer }
func (m *Machine) Cuts() int   { m.mu.Lock(); defer m.mu.Unlock(); return m.cuts }

// Waiting is how many bytes were received and not executed.
func (m *Machine) Waiting() int { m.mu.Lock(); defer m.mu.Unlock(); return len(m.buf) }

// Paper is everything printed so far.
func (m *Machine) Paper() *image.Gray {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := 0
	for _, s := range m.strips {
		h += s.Rect.Dy()
	}
	img := image.NewGray(image.Rect(0, 0, m.width(), h))
	y := 0
	for _, s := range m.strips {
		draw.Draw(img, s.Rect.Add(image.Pt(0, y)), s, image.Point{}, draw.Src)
		y += s.Rect.Dy()
	}
	return img
}

// SetPaper takes the roll out or puts a new one in; SetCover opens or closes
// the cover. What was received meanwhile is then printed.
func (m *Machine) SetPaper(in bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.empty = !in
	m.asb()
	m.work()
}

// SetCover opens or closes the cover.
func (m *Machine) SetCover(open bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open = open
	m.asb()
	m.work()
}

// Plug returns a port to the machine. Its far end is served until the test ends
// or the port is closed.
func (m *Machine) Plug(t testing.TB) device.Port {
	near, far := net.Pipe()
	done := m.Attach(far)
	t.Cleanup(func() {
		near.Close()
		far.Close()
		<-done
	})
	return near
}

// Attach serves one connection until it ends; done is closed then.
func (m *Machine) Attach(far net.Conn) (done <-chan struct{}) {
	replies := &outbox{}
	replies.ready = sync.NewCond(&replies.mu)
	m.mu.Lock()
	m.out = replies.put
	m.hanzi = m.Chinese
	m.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() {
		for b := replies.get(); b != nil; b = replies.get() {
			if _, err := far.Write(b); err != nil {
				return
			}
		}
	})
	both.Go(func() {
		defer replies.close()
		defer far.Close()
		buf := make([]byte, 4096)
		for {
			n, err := far.Read(buf)
			if m.take != nil {
				m.take(buf[:n])
			} else {
				m.Write(buf[:n])
			}
			if err != nil {
				return
			}
		}
	})
	closed := make(chan struct{})
	go func() {
		both.Wait()
		close(closed)
	}()
	return closed
}

// outbox holds replies: a printer never waits for the till to read them.
type outbox struct {
	mu    sync.Mutex
	ready *sync.Cond
	list  [][]byte
	over  bool
}

func (o *outbox) put(b []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = append(o.list, slices.Clone(b))
	o.ready.Signal()
}

func (o *outbox) get() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.list) == 0 && !o.over {
		o.ready.Wait()
	}
	if len(o.list) == 0 {
		return nil
	}
	b := o.list[0]
	o.list = o.list[1:]
	return b
}

func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = true
	o.ready.Broadcast()
}
