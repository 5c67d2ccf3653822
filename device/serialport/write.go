package serialport

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Write implements [device.Port]. It hands the line 256 bytes at a time, and
// only when the line takes data. Past the deadline it returns with the number
// of bytes that the line has or that are on their way to it, up to 256 of them. A
// later Write waits for those first, so bytes are neither reordered nor doubled.
func (p *port) Write(b []byte) (int, error) {
	p.writing.Lock()
	defer p.writing.Unlock()
	sent := 0
	for {
		if err := p.finish(); err != nil {
			return sent, p.fail(err)
		}
		if sent == len(b) {
			return sent, nil
		}
		if err := p.room(); err != nil {
			return sent, p.fail(err)
		}
		part := b[sent:min(sent+chunk, len(b))]
		n, err := p.hand(part)
		sent += n
		if err != nil {
			return sent, p.fail(err)
		}
	}
}

// room waits until the line and the device take data.
func (p *port) room() error {
	if p.isClosed() {
		return os.ErrClosed
	}
	if p.wr.Over() {
		return os.ErrDeadlineExceeded
	}
	if p.flow == sieved {
		if err := p.waitXON(); err != nil {
			return err
		}
	}
	if p.flow == "dtrdsr" {
		for !p.line.ready() {
			if err := p.pause(10 * time.Millisecond); err != nil {
				return err
			}
		}
	}
	if p.guard != nil {
		return p.guard.waitWrite()
	}
	return nil
}

// pause lets a Write wait, no longer than it may.
func (p *port) pause(d time.Duration) error {
	over := time.NewTimer(d)
	defer over.Stop()
	select {
	case <-over.C:
		return nil
	case <-p.wr.Passed():
		return os.ErrDeadlineExceeded
	case <-p.closed:
		return os.ErrClosed
	}
}

// hand gives one chunk to the backend. The call runs in a goroutine of its own:
// neither backend's Write has a time limit, and a full line blocks it. A chunk that
// a deadline leaves behind counts as written: what is written next follows it.
func (p *port) hand(part []byte) (int, error) {
	done := make(chan chunkWrite, 1)
	own := append([]byte(nil), part...) // the caller's bytes are his again after the deadline
	go func() {
		total := 0
		for total < len(own) {
			n, err := guarded(p.line.Write, own[total:])
			total += n
			if err != nil || n == 0 {
				if err == nil {
					err = io.ErrShortWrite
				}
				done <- chunkWrite{total, err}
				return
			}
		}
		done <- chunkWrite{total, nil}
	}()
	p.pending = done
	n, err := p.await()
	if p.pending != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		return len(own), err // it will still go out: who goes on must not send it again
	}
	return n, err
}

// finish waits for the chunk that an earlier Write left behind.
func (p *port) finish() error {
	if p.pending == nil {
		return nil
	}
	_, err := p.await()
	return err
}

func (p *port) await() (int, error) {
	select {
	case w := <-p.pending:
		p.pending = nil
		return w.n, p.lost(w.err)
	default:
	}
	select {
	case w := <-p.pending:
		p.pending = nil
		return w.n, p.lost(w.err)
	case <-p.wr.Passed():
		return 0, os.ErrDeadlineExceeded
	case <-p.closed:
		return 0, os.ErrClosed
	}
}

func (p *port) lost(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errGone, err)
}
