// Package health is the one list of what is wrong with this till right now.
// Every part declares its conditions beside its code, as a [Kind] with a text
// and a remedy in both languages; the status page, /v1/status, the SSE event
// "condition" and the retained MQTT status all read the same [Board].
package health

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"tilld/internal/lang"
)

// Severity says how much a condition matters.
type Severity string

const (
	Info    Severity = "info"    // worth knowing
	Warning Severity = "warning" // degraded, still selling
	Error   Severity = "error"   // a person must act
)

// Kind is a sort of condition, declared once beside the code that raises it.
type Kind struct {
	Code     string // stable, snake case: "printer_paper_out"
	Severity Severity
	Text     lang.Text // what is wrong; {placeholders} are filled from the arguments
	Remedy   lang.Text // what to do about it
}

// Condition is one Kind raised for one subject, in one language.
type Condition struct {
	Code     string    `json:"code"`
	Severity Severity  `json:"severity"`
	Since    time.Time `json:"since"`
	Subject  string    `json:"subject"` // device name or subsystem
	Text     string    `json:"text"`
	Remedy   string    `json:"remedy"`
}

type raised struct {
	kind    Kind
	subject string
	since   time.Time
	args    []string
}

// Board holds the conditions that are up. The zero value is ready to use and
// safe for concurrent use.
type Board struct {
	mu      sync.Mutex
	up      map[[2]string]raised // code, subject
	changed chan struct{}
}

// Raise puts k up for subject. Raising it again keeps its time and replaces its
// arguments. args are pairs of placeholder and value; "subject" is always there.
func (b *Board) Raise(k Kind, subject string, args ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := [2]string{k.Code, subject}
	old, ok := b.up[key]
	if ok && slices.Equal(old.args, args) {
		return
	}
	since := time.Now()
	if ok {
		since = old.since
	}
	if b.up == nil {
		b.up = make(map[[2]string]raised)
	}
	b.up[key] = raised{kind: k, subject: subject, since: since, args: slices.Clone(args)}
	b.notify()
}

// Clear takes k down for subject.
func (b *Board) Clear(k Kind, subject string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := [2]string{k.Code, subject}
	if _, ok := b.up[key]; ok {
		delete(b.up, key)
		b.notify()
	}
}

// Set raises or clears k.
func (b *Board) Set(up bool, k Kind, subject string, args ...string) {
	if up {
		b.Raise(k, subject, args...)
	} else {
		b.Clear(k, subject)
	}
}

// ClearSubject takes every condition of subject down.
func (b *Board) ClearSubject(subject string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.up)
	for key := range b.up {
		if key[1] == subject {
			delete(b.up, key)
		}
	}
	if len(b.up) != n {
		b.notify()
	}
}

// List returns what is up, worst first, then oldest first, in language t.
func (b *Board) List(t lang.Tag) []Condition {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]Condition, 0, len(b.up))
	for _, r := range b.up {
		args := append([]string{"subject", r.subject}, r.args...)
		list = append(list, Condition{
			Code: r.kind.Code, Severity: r.kind.Severity, Since: r.since, Subject: r.subject,
			Text: r.kind.Text.In(t, args...), Remedy: r.kind.Remedy.In(t, args...),
		})
	}
	slices.SortFunc(list, func(x, y Condition) int {
		return cmp.Or(cmp.Compare(rank(x.Severity), rank(y.Severity)), x.Since.Compare(y.Since),
			cmp.Compare(x.Code, y.Code), cmp.Compare(x.Subject, y.Subject))
	})
	return list
}

func rank(s Severity) int {
	return slices.Index([]Severity{Error, Warning, Info}, s)
}

// Changed returns a channel that is closed at the next change.
func (b *Board) Changed() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return b.changed
}

func (b *Board) notify() {
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}
