package camera

import (
	"time"

	"tilld/scanner/internal/reading"
)

// judge decides which of the codes found in frames are scans. One frame can be
// misread, and the same code stays in sight for many.
type judge struct {
	votes, window int
	repeat        time.Duration // out of sight for this long, a code counts again; 0: every time

	recent []string             // what the newest frames showed; "" for nothing
	seen   map[string]time.Time // codes that were believed, and when they were in sight last
}

// frame takes what one frame showed and reports whether it is a scan.
func (j *judge) frame(c reading.Code, found bool, at time.Time) bool {
	key := ""
	if found {
		key = c.AIM + string(c.Data)
	}
	j.recent = append(j.recent, key)
	if len(j.recent) > j.window {
		j.recent = append(j.recent[:0], j.recent[1:]...)
	}
	for old, last := range j.seen {
		if at.Sub(last) >= j.repeat {
			delete(j.seen, old)
		}
	}
	if !found {
		return false
	}
	if _, still := j.seen[key]; still {
		j.seen[key] = at
		j.recent[len(j.recent)-1] = "" // it has been counted
		return false
	}
	n := 0
	for _, k := range j.recent {
		if k == key {
			n++
		}
	}
	if n < j.votes {
		return false
	}
	// The frames that made this scan do not make the next one.
	for i, k := range j.recent {
		if k == key {
			j.recent[i] = ""
		}
	}
	if j.repeat > 0 {
		if j.seen == nil {
			j.seen = make(map[string]time.Time)
		}
		j.seen[key] = at
	}
	return true
}
