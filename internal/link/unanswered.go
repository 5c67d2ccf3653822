package link

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// silentAfter is how many questions of one type in a row the cloud leaves
// without an answer, while the link is up, before that is a condition.
const silentAfter = 3

// fates is what became of the questions, by their type: a cloud that takes
// events and commands but answers no questions looks sound otherwise.
type fates struct {
	mu    sync.Mutex
	inRow map[string]int            // left unanswered since the last answer
	count map[string]map[string]int // type, then answered, refused or unanswered
}

func (r *fates) add(kind, result string) (before int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count == nil {
		r.count, r.inRow = map[string]map[string]int{}, map[string]int{}
	}
	if r.count[kind] == nil {
		r.count[kind] = map[string]int{}
	}
	r.count[kind][result]++
	before = r.inRow[kind]
	if result == "unanswered" {
		r.inRow[kind]++
	} else {
		delete(r.inRow, kind)
	}
	return before
}

// silent are the types that have not been answered for silentAfter questions.
func (r *fates) silent() (kinds []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for kind, n := range r.inRow {
		if n >= silentAfter {
			kinds = append(kinds, kind)
		}
	}
	slices.Sort(kinds)
	return kinds
}

// forget has every type count from nothing again.
func (r *fates) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.inRow)
}

func (r *fates) snapshot() map[string]map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[string]map[string]int{}
	for kind, by := range r.count {
		all[kind] = maps.Clone(by)
	}
	return all
}

// replied notes what became of a question that s carried from the first; took
// is how long it waited. Without a session from end to end the cloud is not to
// blame, and neither when the asker went away before its time.
func (l *Link) replied(s *session, kind string, err error, took time.Duration) {
	result := "answered"
	switch {
	case errors.Is(err, ErrNoAnswer) && (!errors.Is(err, context.DeadlineExceeded) || l.current() != s):
		return
	case errors.Is(err, ErrNoAnswer):
		result = "unanswered"
	case err != nil:
		result = "refused"
	}
	before := l.fates.add(kind, result)
	switch {
	case result == "unanswered" && before == 0:
		l.log.Warn("the cloud does not answer", "type", kind, "after", took.Round(time.Millisecond))
	case result != "unanswered" && before > 0:
		l.log.Info("the cloud answers again", "type", kind, "unanswered", before)
	}
	if kinds := l.fates.silent(); len(kinds) > 0 {
		l.raise(condSilent, "types", strings.Join(kinds, ", "), "count", fmt.Sprint(silentAfter))
	} else {
		l.clear(condSilent)
	}
}
