package link

import (
	"context"
	"io"
	"net"
	"sync"
	"time"
)

// slowLine is a line to the broker with a speed, a distance and a buffer in
// front of it, like a DSL modem: what is written is taken at once until the
// buffer is full, then drains at the line's speed. The way back is fast.
type slowLine struct {
	mu     sync.Mutex
	rate   int           // bytes a second
	delay  time.Duration // one way
	buffer int           // bytes
}

func (s *slowLine) get() (int, time.Duration, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rate, s.delay, s.buffer
}

func (s *slowLine) set(rate int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rate = rate
}

// open is a Link.open through the line to b.
func (s *slowLine) open(b *fakeBroker) func(context.Context) (*wire, error) {
	return func(context.Context) (*wire, error) {
		near, line := net.Pipe()
		far, server := net.Pipe()
		b.serve(server)
		b.wg.Go(func() { s.up(line, far) })
		b.wg.Go(func() { s.down(far, line) })
		return newWire(near), nil
	}
}

type parcel struct {
	data []byte
	at   time.Time // when it arrives
}

// up carries the till's bytes at the line's speed.
func (s *slowLine) up(from, to net.Conn) {
	defer to.Close()
	_, _, size := s.get()
	const piece = 512
	full := make(chan []byte, size/piece)
	travelling := make(chan parcel, 1<<16)
	var wg sync.WaitGroup
	wg.Go(func() { // the modem sends piece by piece
		defer close(travelling)
		for p := range full {
			rate, delay, _ := s.get()
			time.Sleep(time.Duration(len(p)) * time.Second / time.Duration(rate))
			travelling <- parcel{p, time.Now().Add(delay)}
		}
	})
	wg.Go(func() {
		for p := range travelling {
			time.Sleep(time.Until(p.at))
			if _, err := to.Write(p.data); err != nil {
				from.Close()
			}
		}
	})
	for {
		b := make([]byte, piece)
		n, err := from.Read(b)
		if n > 0 {
			full <- b[:n]
		}
		if err != nil {
			close(full)
			wg.Wait()
			return
		}
	}
}

func (s *slowLine) down(from, to net.Conn) {
	defer to.Close()
	travelling := make(chan parcel, 1<<16)
	var wg sync.WaitGroup
	wg.Go(func() {
		for p := range travelling {
			time.Sleep(time.Until(p.at))
			if _, err := to.Write(p.data); err != nil && err != io.ErrClosedPipe {
				return
			}
		}
	})
	for {
		b := make([]byte, 4096)
		n, err := from.Read(b)
		if n > 0 {
			_, delay, _ := s.get()
			travelling <- parcel{b[:n], time.Now().Add(delay)}
		}
		if err != nil {
			close(travelling)
			wg.Wait()
			return
		}
	}
}
