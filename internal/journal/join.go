package journal

import (
	"cmp"
	"errors"
	"io"
	"slices"
	"strconv"
)

// Join compares what several files of the same till and epoch say: they have to
// follow each other without a gap, and where two overlap they have to have the
// same bytes. open reads a file from its beginning. Reports of files that could
// not be read to their end are passed over.
func Join(reports []Report, open func(file string) (io.ReadCloser, error)) ([]Problem, error) {
	var list []Report
	for _, r := range reports {
		if r.First != 0 {
			list = append(list, r)
		}
	}
	slices.SortStableFunc(list, func(a, b Report) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.First, b.First), cmp.Compare(b.Last, a.Last))
	})
	var problems []Problem
	for i := 1; i < len(list); i++ {
		a, b := list[i-1], list[i]
		if a.Last < b.Last && i > 1 && list[i-2].Last > a.Last && list[i-2].Source == a.Source && list[i-2].Epoch == a.Epoch {
			a = list[i-2]
		}
		if a.Source != b.Source || a.Epoch != b.Epoch {
			continue
		}
		note := func(kind string, seq uint64, text string) {
			problems = append(problems, Problem{File: b.File, Kind: kind, Sequence: seq, Text: text})
		}
		switch {
		case b.First > a.Last+1:
			note("missing", a.Last+1, sequences(a.Last+1, b.First-1)+" are missing between "+a.File+" and this file")
		case b.First == a.Last+1 && b.Prev != a.LastHash:
			note("forked", b.First, "event "+number(b.First)+" does not follow the last one of "+a.File)
		case b.First <= a.Last:
			seq, err := Differ(a.File, b.File, open)
			if err != nil {
				return problems, err
			}
			if seq != 0 {
				note("forked", seq, "event "+number(seq)+" has other bytes than in "+a.File+": a cloned or restored till")
			}
		}
	}
	return problems, nil
}

// Differ goes through two files side by side and returns the first sequence
// under which they have other bytes; 0 = there is none.
func Differ(a, b string, open func(file string) (io.ReadCloser, error)) (uint64, error) {
	fa, err := open(a)
	if err != nil {
		return 0, err
	}
	defer fa.Close()
	fb, err := open(b)
	if err != nil {
		return 0, err
	}
	defer fb.Close()
	ra, err := newReader(fa)
	if err != nil {
		return 0, err
	}
	rb, err := newReader(fb)
	if err != nil {
		return 0, err
	}
	ea, err := ra.event()
	if err != nil {
		return 0, err
	}
	eb, err := rb.event()
	for err == nil && ea.sequence != 0 && eb.sequence != 0 {
		switch {
		case ea.sequence == eb.sequence && ea.hash != eb.hash:
			return ea.sequence, nil
		case ea.sequence <= eb.sequence:
			ea, err = ra.event()
		default:
			eb, err = rb.event()
		}
	}
	return 0, err
}

// event is the next event of a file, passing over what is none; sequence 0 at
// the end.
func (r *reader) event() (seen, error) {
	for {
		b, err := r.next()
		switch {
		case errors.Is(err, io.EOF):
			return seen{}, nil
		case err != nil && !errors.Is(err, errTorn) && !errors.Is(err, errColumns):
			return seen{}, err
		}
		if l, err := parseLine(b); err == nil && l.event != nil {
			return seen{l.event.Sequence, l.event.Hash}, nil
		}
	}
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }

func sequences(first, last uint64) string {
	return "events " + number(first) + " to " + number(last)
}
