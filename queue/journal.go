package queue

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// rotateBytes is when a journal file of a busy day is followed by another one:
// small enough to be read into memory whole.
const rotateBytes = 32 << 20

// journal is the writing end of the sales journal. The writer goroutine owns
// it. A commit is accepted once its frame is synced here; the file follows.
type journal struct {
	dir  string
	open func(path string, flag int) (file, error) // os.OpenFile, or a test's failing disk
	most int64                                     // size at which a file is followed by another

	f    file
	name string
	day  string
	off  int64 // end of the synced frames
	buf  []byte
}

// file is what the journal needs of an *os.File.
type file interface {
	WriteAt(b []byte, off int64) (int, error)
	Truncate(size int64) error
	Sync() error // data and size are on the disk when nil
	Close() error
}

type osFile struct{ *os.File }

func (f osFile) Sync() error { return datasync(f.File) }

func openOS(path string, flag int) (file, error) {
	f, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func dayOf(t time.Time) string { return t.Format(time.DateOnly) }

// resume goes on at the end of a file that was read to off; what lies behind
// is the frame that a power cut tore.
func (j *journal) resume(name string, off, size int64) error {
	f, err := j.open(filepath.Join(j.dir, name), os.O_RDWR)
	if err != nil {
		return err
	}
	if size > off {
		if err := errors.Join(f.Truncate(off), f.Sync()); err != nil {
			f.Close()
			return err
		}
	}
	j.f, j.name, j.off = f, name, off
	j.day = name[:min(len(name), len(time.DateOnly))]
	return nil
}

// start begins a new file. head holds the lsn so far and all of meta. After an
// error the present file stays in use.
func (j *journal) start(now time.Time, head record) error {
	day := dayOf(now)
	name := day + ".log"
	var f file
	var err error
	for n := 2; ; n++ {
		f, err = j.open(filepath.Join(j.dir, name), os.O_RDWR|os.O_CREATE|os.O_EXCL)
		if !errors.Is(err, fs.ErrExist) {
			break
		}
		name = fmt.Sprintf("%s-%d.log", day, n)
	}
	if err != nil {
		return err
	}
	head.kind, head.at = kindHeader, now.UnixMilli()
	b := appendFrame(nil, head)
	_, err = f.WriteAt(b, 0)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = syncDir(j.dir)
	}
	if err != nil {
		f.Close()
		return errors.Join(err, os.Remove(filepath.Join(j.dir, name)))
	}
	j.drop()
	j.f, j.name, j.day, j.off = f, name, day, int64(len(b))
	return nil
}

// full reports whether the next commit belongs into another file.
func (j *journal) full(now time.Time) bool {
	return j.f == nil || j.off >= j.most || j.day != dayOf(now)
}

// append writes one frame and syncs it. After an error the frame is not in the
// journal if again is true: the caller may make room and append once more. If
// it is false nobody knows, and the file must be left for a new one.
func (j *journal) append(r record) (again bool, err error) {
	if j.f == nil {
		return false, errors.New("no journal file is open")
	}
	j.buf = appendFrame(j.buf[:0], r)
	if len(j.buf) > frameHead+maxRecord {
		j.buf = nil
		return true, fmt.Errorf("a commit of %d bytes is above the limit of %d", len(j.buf), maxRecord)
	}
	if _, err := j.f.WriteAt(j.buf, j.off); err != nil {
		// Nothing of it was synced. Cut off what did get in, so that a later
		// read cannot take it for a commit.
		cut := errors.Join(j.f.Truncate(j.off), j.f.Sync())
		return cut == nil, errors.Join(err, cut)
	}
	if err := j.f.Sync(); err != nil {
		// The kernel may have marked the pages clean although they never
		// reached the disk: this handle cannot be believed any more.
		return false, err
	}
	j.off += int64(len(j.buf))
	if cap(j.buf) > 4<<20 {
		j.buf = nil
	}
	return false, nil
}

func (j *journal) drop() {
	if j.f != nil {
		j.f.Close() // everything that counts was synced
		j.f = nil
	}
}

// syncDir makes created, renamed and removed names of a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(fsyncDir(d), d.Close())
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// errUnreadable says that a sector of a file cannot be read.
var errUnreadable = errors.New("cannot be read")

// rewrite writes a file's own bytes over it and syncs it. After a sync that
// failed the kernel may call pages clean that never reached the disk, and
// another sync would pass over them.
func rewrite(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	b := make([]byte, 1<<20)
	for off := int64(0); err == nil; {
		var n int
		if n, err = f.ReadAt(b, off); err != nil && err != io.EOF {
			err = fmt.Errorf("%w: %w", errUnreadable, err)
		}
		if n > 0 {
			if _, werr := f.WriteAt(b[:n], off); werr != nil {
				err = werr
			}
		}
		off += int64(n)
	}
	if err == io.EOF {
		err = nil
	}
	return errors.Join(err, f.Sync(), f.Close())
}
