package queue

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// segment is one journal file.
type segment struct {
	name  string
	first uint64 // lsn before its first commit
	at    int64  // when it was begun, unix ms
	size  int64
}

// segments lists the journal files, oldest commit first. Names are not looked
// at: after the clock was set back, a later file can have an earlier date.
func segments(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var list []segment
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), ".log") {
			continue
		}
		s, err := openSegment(dir, e.Name())
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b segment) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.at, b.at), cmp.Compare(len(a.name), len(b.name)), cmp.Compare(a.name, b.name))
	})
	return list, nil
}

// openSegment reads how a file begins: its header, or when that is damaged its
// first sound commit. A file with neither (torn at its creation) sorts last.
func openSegment(dir, name string) (segment, error) {
	s := segment{name: name, first: ^uint64(0)}
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return s, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return s, err
	}
	s.size = info.Size()
	head := make([]byte, min(s.size, 64<<10))
	if _, err := io.ReadFull(f, head); err != nil {
		return s, err
	}
	rec, _, ok := cutFrame(head)
	if !ok {
		if head, err = os.ReadFile(filepath.Join(dir, name)); err != nil {
			return s, err
		}
		i := resync(head)
		if i < 0 {
			return s, nil
		}
		rec, _, _ = cutFrame(head[i:])
	}
	r, err := parseRecord(rec)
	if err != nil {
		return s, nil
	}
	s.first, s.at = r.lsn, r.at
	if r.kind == kindCommit {
		s.first--
	}
	return s, nil
}

// replayed is what a replay saw.
type replayed struct {
	end   mark      // the last sound commit and where its file's sound part ends
	size  int64     // size of that file; more than end.off when its tail is torn
	found []Finding // damage and gaps; a torn tail is none
	lost  uint64    // commits known to have been there and gone
	base  uint64    // lsn before the first commit that was there at all
	any   bool      // the file that from names is there, or a sound frame of another one
}

// replay reads the journal and calls f for each commit after from, in order,
// through the commit limit (0 = all). The header of the oldest file that is
// read goes to base, when that file does not start before from.
func replay(dir string, from mark, limit uint64, base, f func(record) error) (replayed, error) {
	out := replayed{end: mark{lsn: from.lsn}, base: from.lsn}
	list, err := segments(dir)
	if err != nil {
		return out, err
	}
	for i, s := range list {
		last := i == len(list)-1
		if !last && list[i+1].first <= from.lsn {
			continue // everything in it is covered
		}
		stop := limit
		if !last && list[i+1].first != ^uint64(0) && (stop == 0 || list[i+1].first < stop) {
			stop = list[i+1].first // what a restarted file repeats is void here
		}
		b, err := os.ReadFile(filepath.Join(dir, s.name))
		if err != nil {
			out.found = append(out.found, Finding{File: s.name, Reason: "cannot be read: " + err.Error()})
			continue
		}
		off := 0
		if s.name == from.file && from.off > 0 {
			if from.off <= int64(len(b)) {
				off, out.any = int(from.off), true
			} else {
				out.found = append(out.found, Finding{File: s.name, Reason: fmt.Sprintf("is %d bytes long, was synced to %d", len(b), from.off)})
			}
		}
		if err := out.file(s, b, off, stop, base, f); err != nil {
			return out, err
		}
	}
	return out, nil
}

// file goes through one file from off.
func (out *replayed) file(s segment, b []byte, off int, stop uint64, base, f func(record) error) error {
	good := off
	for off < len(b) {
		rec, n, ok := cutFrame(b[off:])
		var r record
		if ok {
			var err error
			if r, err = parseRecord(rec); err != nil {
				ok = false
			}
		}
		if !ok {
			next := resync(b[off+1:])
			if next < 0 {
				break // the tail: torn, or damage that the next file's numbers will show
			}
			out.found = append(out.found, Finding{File: s.name, Reason: fmt.Sprintf("%d damaged bytes at offset %d", next+1, off)})
			off += next + 1
			continue
		}
		off += n
		good = off
		out.any = true
		if r.kind == kindHeader {
			if r.lsn > out.end.lsn && base != nil {
				if err := base(r); err != nil {
					return err
				}
				out.gap(s, r.lsn)
				out.base = r.lsn
			}
			continue
		}
		if r.lsn <= out.end.lsn || stop != 0 && r.lsn > stop {
			continue
		}
		if r.lsn > out.end.lsn+1 {
			out.gap(s, r.lsn-1)
		}
		if err := f(r); err != nil {
			return err
		}
		out.end.lsn = r.lsn
	}
	out.end.file, out.end.off, out.size = s.name, int64(good), int64(len(b))
	return nil
}

// gap notes that the commits through lsn are not there.
func (out *replayed) gap(s segment, lsn uint64) {
	out.found = append(out.found, Finding{File: s.name, Reason: fmt.Sprintf("commits %d to %d are missing before it", out.end.lsn+1, lsn)})
	out.lost += lsn - out.end.lsn
	out.end.lsn = lsn
}
