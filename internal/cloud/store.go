package cloud

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// OpenLedger returns a ledger that keeps its events in dir, one file of lines
// per till and epoch, and has what is there already. A batch is on disk before
// its verdict is returned, hence before its ack. A last line that was torn by a
// crash was never acked: it is cut off.
func OpenLedger(dir string) (*Ledger, error) {
	l := NewLedger()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cloud: ledger: %w", err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	for _, name := range names {
		if err := l.load(name); err != nil {
			return nil, fmt.Errorf("cloud: ledger %s: %w", name, err)
		}
	}
	l.dir = dir
	return l, nil
}

func (l *Ledger) load(name string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	whole := bytes.LastIndexByte(data, '\n') + 1
	if whole < len(data) {
		if err := os.Truncate(name, int64(whole)); err != nil {
			return err
		}
	}
	for line := range bytes.Lines(data[:whole]) {
		e, err := ParseEvent(bytes.TrimSuffix(line, []byte{'\n'}))
		if err != nil {
			return err
		}
		c := l.chain(e.Source, e.Epoch)
		if e.Sequence != uint64(len(c.events))+1 || e.Prev != c.next {
			return fmt.Errorf("event %d does not follow event %d", e.Sequence, len(c.events))
		}
		c.events = append(c.events, e)
		c.next = e.next()
	}
	return nil
}

// keep writes new events of one chain to disk. It needs mu.
func (l *Ledger) keep(events []Event) (err error) {
	if l.dir == "" || len(events) == 0 {
		return nil
	}
	name := strings.ReplaceAll(events[0].Source, "/", "_") + "_" + events[0].Epoch + ".jsonl"
	path := filepath.Join(l.dir, name)
	_, statErr := os.Stat(path)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	var lines []byte
	for _, e := range events {
		lines = append(append(lines, e.Body...), '\n')
	}
	if err := appendWhole(f, info.Size(), lines); err != nil {
		return err
	}
	if errors.Is(statErr, fs.ErrNotExist) {
		return syncDir(l.dir)
	}
	return nil
}

// appendWhole writes lines at the end of a file of the given size, and syncs. When
// that fails, what did get in is cut off again: the till repeats its batch, and
// behind half a line, or the same lines, it would make the file unreadable.
func appendWhole(f lineFile, size int64, lines []byte) error {
	_, err := f.Write(lines)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return errors.Join(err, f.Truncate(size))
	}
	return nil
}

// lineFile is what appendWhole needs of an *os.File.
type lineFile interface {
	Write(b []byte) (int, error)
	Sync() error
	Truncate(size int64) error
}

// syncDir makes a new file's name durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
