package journal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
)

// Problem is one thing that is wrong, and where.
type Problem struct {
	File     string `json:"file"`
	Line     int    `json:"line,omitempty"`
	Kind     string `json:"kind"` // missing doubled changed forked order unreadable manifest signature
	Sequence uint64 `json:"sequence,omitempty"`
	Text     string `json:"text"`
}

func (p Problem) String() string {
	if p.Line == 0 {
		return fmt.Sprintf("%s: %s: %s", p.File, p.Kind, p.Text)
	}
	return fmt.Sprintf("%s:%d: %s: %s", p.File, p.Line, p.Kind, p.Text)
}

// maxProblems is how many are told one by one.
const maxProblems = 100

// Report is what a check of one file found.
type Report struct {
	File     string    `json:"file"`
	Source   string    `json:"source"`
	Epoch    string    `json:"epoch"`
	First    uint64    `json:"first_sequence"`
	Last     uint64    `json:"last_sequence"`
	Prev     Hash      `json:"first_prevhash"`
	LastHash Hash      `json:"last_hash"`
	Events   uint64    `json:"events"`
	Omitted  uint64    `json:"omitted"`
	Erased   uint64    `json:"erased"`
	Key      string    `json:"key,omitempty"` // fingerprint of the key that signed it
	Problems []Problem `json:"problems"`
	More     int       `json:"more,omitempty"` // problems that are not listed
}

// OK reports whether nothing is wrong.
func (r Report) OK() bool { return len(r.Problems) == 0 }

// Only adds a problem when the file is not signed with one of the keys, given
// by their fingerprints; none = any key will do.
func (r *Report) Only(fingerprints []string) {
	if len(fingerprints) == 0 || slices.Contains(fingerprints, r.Key) {
		return
	}
	text := "not signed"
	if r.Key != "" {
		text = "signed with another key: " + r.Key
	}
	r.Problems = append(r.Problems, Problem{File: r.File, Kind: "signature", Text: text})
}

// Check is what a verifier expects of a file.
type Check struct {
	NoManifest bool // plain lines of a receiver's ledger: no manifest is expected
}

// Verify reads an export, or a receiver's lines, once, in constant memory. The
// error is about reading; what is wrong with the content is in the report.
func (c Check) Verify(file string, r io.Reader) (Report, error) {
	v := &verifier{c: c, digest: sha256.New(), rep: Report{File: file, Problems: []Problem{}}}
	in, err := newReader(r)
	if err != nil {
		return v.rep, err
	}
	for {
		b, err := in.next()
		v.at = in.at
		switch {
		case errors.Is(err, io.EOF):
			v.end()
			return v.rep, nil
		case errors.Is(err, errTorn), errors.Is(err, errColumns):
			v.bad("changed", 0, "%v", err)
		case errors.Is(err, errLong):
			v.bad("unreadable", 0, "%v", err)
			return v.rep, nil
		case err != nil:
			var damaged interface{ Unwrap() error } // a malformed table
			if errors.As(err, &damaged) && in.table != nil {
				v.bad("unreadable", 0, "%v", err)
				return v.rep, nil
			}
			return v.rep, err
		}
		v.line(b)
	}
}

type verifier struct {
	c      Check
	rep    Report
	at     int
	digest hash.Hash
	signed *Signed

	begun bool
	next  Hash // prevhash that the next event has to carry
	// A mismatch between two neighbours is judged when the one after them is
	// known: if that does not fit either, the middle one was changed.
	doubt     bool
	doubtSeq  uint64
	doubtLine int
	recent    [512]seen
}

type seen struct {
	sequence uint64
	hash     Hash
}

func (v *verifier) bad(kind string, seq uint64, format string, args ...any) {
	v.badAt(v.at, kind, seq, format, args...)
}

func (v *verifier) badAt(at int, kind string, seq uint64, format string, args ...any) {
	if len(v.rep.Problems) == maxProblems {
		v.rep.More++
		return
	}
	v.rep.Problems = append(v.rep.Problems, Problem{File: v.rep.File, Line: at, Kind: kind, Sequence: seq, Text: fmt.Sprintf(format, args...)})
}

func (v *verifier) line(b []byte) {
	if v.signed != nil {
		v.bad("manifest", 0, "a line after the manifest")
		return
	}
	l, err := parseLine(b)
	if l.manifest == nil || err != nil {
		v.digest.Write(b)
		v.digest.Write([]byte{'\n'})
	}
	switch {
	case err != nil:
		v.bad("unreadable", 0, "%v", err)
		v.doubt, v.begun = false, v.begun && false // nothing to compare the next one with
	case l.manifest != nil:
		v.signed = l.manifest
	case l.omitted != nil:
		o := l.omitted
		v.rep.Omitted += o.Last - o.First + 1
		v.rep.Erased += o.Erased
		v.chain(o.First, o.Last, o.Prev, o.Hash)
	default:
		e := l.event
		v.rep.Events++
		if v.rep.Source == "" {
			v.rep.Source, v.rep.Epoch = e.Source, e.Epoch
		}
		if e.Source != v.rep.Source || e.Epoch != v.rep.Epoch {
			v.bad("forked", e.Sequence, "event %d is of %.80q, epoch %.32q; the file is of %.80q, epoch %.32q", e.Sequence, e.Source, e.Epoch, v.rep.Source, v.rep.Epoch)
			return
		}
		if old := v.recent[e.Sequence%uint64(len(v.recent))]; old.sequence == e.Sequence {
			if old.hash == e.Hash {
				v.bad("doubled", e.Sequence, "event %d is here again", e.Sequence)
			} else {
				v.bad("forked", e.Sequence, "event %d is here again with other bytes", e.Sequence)
			}
			return
		}
		v.recent[e.Sequence%uint64(len(v.recent))] = seen{e.Sequence, e.Hash}
		v.chain(e.Sequence, e.Sequence, e.Prev, e.next())
	}
}

// chain takes a link of the chain: the events first to last.
func (v *verifier) chain(first, last uint64, prev, next Hash) {
	defer func() { v.next, v.rep.Last, v.rep.LastHash = next, last, next }()
	if v.rep.First == 0 {
		v.rep.First, v.rep.Prev = first, prev
		if first == 1 && prev != (Hash{}) {
			v.bad("changed", 1, "event 1 names an event before it")
		}
	}
	if !v.begun {
		v.begun = true
		if first <= v.rep.Last && v.rep.Last != 0 {
			v.bad("order", first, "event %d stands behind event %d", first, v.rep.Last)
		}
		return
	}
	switch {
	case first <= v.rep.Last:
		v.settle(false)
		v.bad("order", first, "event %d stands behind event %d", first, v.rep.Last)
		return
	case first > v.rep.Last+1:
		v.settle(false)
		v.bad("missing", v.rep.Last+1, "events %d to %d are missing", v.rep.Last+1, first-1)
		return
	}
	if prev == v.next {
		v.settle(false)
		return
	}
	if v.doubt {
		v.settle(true) // neither neighbour fits the one in the middle
		return
	}
	v.doubt, v.doubtSeq, v.doubtLine = true, first, v.at
}

// settle says who of two neighbours that do not fit was changed: the later one
// if the one after it does not fit it either.
func (v *verifier) settle(later bool) {
	if !v.doubt {
		return
	}
	v.doubt = false
	if later {
		v.badAt(v.doubtLine, "changed", v.doubtSeq, "event %d was changed: the chain fits on neither side of it", v.doubtSeq)
	} else {
		v.badAt(v.doubtLine, "changed", v.doubtSeq-1, "event %d was changed: event %d names another hash than its own", v.doubtSeq-1, v.doubtSeq)
	}
}

// end compares the file with its manifest.
func (v *verifier) end() {
	if v.signed == nil {
		v.settle(false)
		if !v.c.NoManifest {
			v.bad("manifest", 0, "there is no manifest: the file is cut off, or not an export")
		}
		return
	}
	m, err := v.signed.open()
	if err != nil {
		v.settle(false)
		v.bad("signature", 0, "%v", err)
		return
	}
	v.rep.Key = Fingerprint(v.signed.Key)
	if v.rep.Events+v.rep.Omitted > 0 && m.Last == v.rep.Last && m.LastHash != v.rep.LastHash {
		if v.doubt {
			v.settle(true)
		} else {
			v.bad("changed", v.rep.Last, "event %d was changed: the manifest names another hash", v.rep.Last)
		}
	}
	v.settle(false)
	if v.rep.Source == "" {
		v.rep.Source, v.rep.Epoch = m.Source, m.Epoch
	}
	switch {
	case m.Source != v.rep.Source || m.Epoch != v.rep.Epoch:
		v.bad("manifest", 0, "it is of %.80q, epoch %.32q", m.Source, m.Epoch)
	case m.First < v.rep.First || m.First != 0 && v.rep.First == 0:
		v.bad("missing", m.First, "events %d to %d are missing at the beginning", m.First, max(v.rep.First, 1)-1)
	case m.Last > v.rep.Last:
		v.bad("missing", v.rep.Last+1, "events %d to %d are missing at the end", v.rep.Last+1, m.Last)
	case m.First != v.rep.First || m.Last != v.rep.Last || m.Events != v.rep.Events || m.Omitted != v.rep.Omitted:
		v.bad("manifest", 0, "it says %d events and %d left out, %d to %d; here are %d and %d, %d to %d", m.Events, m.Omitted, m.First, m.Last, v.rep.Events, v.rep.Omitted, v.rep.First, v.rep.Last)
	}
	if len(v.rep.Problems) == 0 && Hash(v.digest.Sum(nil)) != m.Digest {
		v.bad("forked", 0, "the events fit each other, but are not the ones that the till signed for")
	}
}
