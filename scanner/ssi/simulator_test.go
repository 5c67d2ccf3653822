package ssi

import (
	"io"
	"sync"
)

// simulator is the scanner's side of SSI: it sends one packet at a time, waits
// for the answer, sends again when it is asked to or when no answer comes. It is
// written from the manual, with arithmetic of its own.
type simulator struct {
	line io.ReadWriter
	// size is the most data that a packet carries; 0 is 250.
	size int
	// typed has later packets of a code repeat its type.
	typed bool

	mu      sync.Mutex
	heard   []byte // opcodes that the host sent
	damage  int    // how many of the next packets go out with a flipped bit
	deaf    int    // how many of the next answers are not heard
	answers chan byte
}

func newSimulator(line io.ReadWriter) *simulator {
	return &simulator{line: line, answers: make(chan byte, 100)}
}

// listen reads the host's packets until the line ends.
func (s *simulator) listen() {
	var buf []byte
	b := make([]byte, 256)
	for {
		n, err := s.line.Read(b)
		if err != nil {
			return
		}
		for buf = append(buf, b[:n]...); len(buf) > 0 && len(buf) >= int(buf[0])+2; buf = buf[int(buf[0])+2:] {
			n, sum := int(buf[0]), 0
			for _, c := range buf[:n] {
				sum += int(c)
			}
			sum += int(buf[n])<<8 + int(buf[n+1])
			if sum&0xffff != 0 || buf[2] != 4 {
				panic("the host sends nonsense")
			}
			s.mu.Lock()
			s.heard = append(s.heard, buf[1])
			answer := buf[1] == 0xd0 || buf[1] == 0xd1
			lost := answer && s.deaf > 0
			if lost {
				s.deaf--
			}
			s.mu.Unlock()
			if answer && !lost {
				s.answers <- buf[1]
			} else if lost {
				s.answers <- 0 // its time is up
			}
		}
	}
}

// scan sends a code and returns when the host has it.
func (s *simulator) scan(kind byte, code string) {
	size := s.size
	if size == 0 {
		size = 250
	}
	data := string([]byte{kind}) + code
	for more := true; more; {
		n := min(size, len(data))
		status := byte(0)
		if more = len(data) > n; more {
			status = 2
		}
		s.deliver(status, data[:n])
		if data = data[n:]; s.typed {
			data = string([]byte{kind}) + data
		}
	}
}

func (s *simulator) deliver(status byte, data string) {
	for {
		b := s.packet(status, data)
		s.mu.Lock()
		if s.damage > 0 {
			s.damage--
			b[len(b)/2] ^= 4
		}
		s.mu.Unlock()
		if _, err := s.line.Write(b); err != nil {
			return
		}
		if <-s.answers == 0xd0 {
			return
		}
		status |= 1
	}
}

func (s *simulator) packet(status byte, data string) []byte {
	b := append([]byte{byte(len(data) + 4), 0xf3, 0, status}, data...)
	sum := 0
	for _, c := range b {
		sum += int(c)
	}
	sum = 0x10000 - sum&0xffff
	return append(b, byte(sum>>8), byte(sum))
}

func (s *simulator) opcodes() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.heard)
}
