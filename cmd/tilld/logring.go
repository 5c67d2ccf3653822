package main

import (
	"bytes"
	"regexp"
	"sync"
)

// logHeld is how many bytes of its own log the agent keeps for a support bundle:
// days of an undisturbed till, or the minutes before trouble at level debug.
const logHeld = 1 << 20

// logRing holds the newest lines of the log. Safe for concurrent use.
type logRing struct {
	mu    sync.Mutex
	lines [][]byte // oldest first
	size  int
}

// Write takes one line, as slog writes them.
func (r *logRing) Write(line []byte) (int, error) {
	masked := masked(line)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, masked)
	r.size += len(masked)
	n := 0
	for r.size > logHeld && n < len(r.lines) {
		r.size -= len(r.lines[n])
		r.lines[n] = nil
		n++
	}
	r.lines = r.lines[n:]
	return len(line), nil
}

// Bytes are the lines that are held, oldest first.
func (r *logRing) Bytes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Join(r.lines, nil)
}

// What is secret is not logged to begin with: its types redact themselves. The
// log leaves the shop in a bundle, though, so what looks like a secret in the
// text of a foreign error is taken out: a password in an address, a bearer token,
// and what is as long as an auth code. Sequences have zeros in front.
var (
	inAddress = regexp.MustCompile(`://[^\s/"@]*:[^\s/"@]*@`)
	bearer    = regexp.MustCompile(`(?i)(bearer )[\w.~+/=-]+`)
	asAuth    = regexp.MustCompile(`\b[1-9]\d{14,}\b`)
)

func masked(line []byte) []byte {
	line = bytes.Clone(line)
	line = inAddress.ReplaceAll(line, []byte("://‹secret›@"))
	line = bearer.ReplaceAll(line, []byte("${1}‹secret›"))
	return asAuth.ReplaceAll(line, []byte("‹digits›"))
}
