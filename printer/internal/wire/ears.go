package wire

import (
	"sync"

	"tilld/printer"
)

// Listener is who wants to know that a printer waits for a person.
type Listener struct {
	mu   sync.Mutex
	f    func(error)
	last error // what f was told last
}

// Set has f told of every change from now on, and now of what is wrong.
func (l *Listener) Set(f func(error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.f = f
	if l.last != nil {
		f(l.last)
	}
}

// Tell passes a change on; nil is that all is well.
func (l *Listener) Tell(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if (err == nil) == (l.last == nil) && (err == nil || err.Error() == l.last.Error()) {
		return
	}
	l.last = err
	if l.f != nil {
		l.f(err)
	}
}

// Witness is who wants to know what became of jobs that are done.
type Witness struct {
	mu sync.Mutex
	f  func(mark string, e printer.Evidence)
}

// Set has f called with what proves an earlier job.
func (w *Witness) Set(f func(mark string, e printer.Evidence)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.f = f
}

// Tell calls it.
func (w *Witness) Tell(mark string, e printer.Evidence) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.f != nil {
		w.f(mark, e)
	}
}
