package serialport

import (
	"sync/atomic"
	"time"
)

// sieved is the flow control of a line whose kernel driver lets the bytes go on
// after XOFF (cdc_acm, ch341): the port itself takes XON and XOFF out of what the
// device says, and sends nothing in between.
const sieved = "sieved"

const (
	xon, xoff = 0x11, 0x13
	// lookXON is how often a stopped writer looks for XON, and how often one looks
	// whether its last chunk has left: what the kernel holds nobody stops.
	lookXON = 2 * time.Millisecond
	// aside is how many bytes a writer puts aside for a reader.
	aside = 64 << 10
)

// sieve takes XON and XOFF out of b.
func sieve(b []byte, stopped *atomic.Bool) int {
	n := 0
	for _, c := range b {
		switch c {
		case xon:
			stopped.Store(false)
		case xoff:
			stopped.Store(true)
		default:
			b[n] = c
			n++
		}
	}
	return n
}

// waitXON waits until the device takes data and has what it was sent before.
func (p *port) waitXON() error {
	for {
		p.lookForXON()
		if err := p.guard.alive(); err != nil {
			return err
		}
		if !p.stopped.Load() && p.guard.queued() == 0 {
			return nil
		}
		if err := p.pause(lookXON); err != nil {
			return err
		}
	}
}

// lookForXON reads what the device has said unless somebody else is reading, who
// then sees it. What is not XON or XOFF is put aside for the next Read.
func (p *port) lookForXON() {
	if !p.reading.TryLock() {
		return
	}
	defer p.reading.Unlock()
	if len(p.rest) >= aside {
		return
	}
	var b [512]byte
	if n, err := p.guard.read(b[:]); err == nil { // an error is the next Read's to tell
		p.rest = append(p.rest, b[:sieve(b[:n], &p.stopped)]...)
	}
}
