// Package deadline has the movable deadline that ports without one of their
// own are built on.
package deadline

import (
	"sync"
	"time"
)

// Deadline is a moment that can be waited for and moved while it is waited
// for. The zero value has no moment set. Safe for concurrent use.
type Deadline struct {
	mu     sync.Mutex
	timer  *time.Timer
	passed chan struct{} // closed once the moment has passed
}

// Set moves the deadline; the zero time means never.
func (d *Deadline) Set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		<-d.passed // the old timer has fired or is about to: let it close its own channel
	}
	d.timer = nil
	if d.passed == nil || isClosed(d.passed) {
		d.passed = make(chan struct{})
	}
	if t.IsZero() {
		return
	}
	passed := d.passed
	wait := time.Until(t)
	if wait <= 0 {
		close(passed)
		return
	}
	d.timer = time.AfterFunc(wait, func() { close(passed) })
}

// Passed returns a channel that is closed when the deadline passes. After a
// Set that moves a deadline which has passed already, ask again.
func (d *Deadline) Passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.passed == nil {
		d.passed = make(chan struct{})
	}
	return d.passed
}

// Over reports whether the deadline has passed.
func (d *Deadline) Over() bool { return isClosed(d.Passed()) }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
