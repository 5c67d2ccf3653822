package tuf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// Directory is a repository in a directory, such as a USB stick. Only regular
// files below it are read: no symbolic links, pipes or devices.
type Directory struct{ root *os.Root }

// OpenDirectory opens the repository in dir.
func OpenDirectory(dir string) (*Directory, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Directory{root: root}, nil
}

// Close ends the use of the directory.
func (d *Directory) Close() error { return d.root.Close() }

func (d *Directory) String() string { return d.root.Name() }

// Open implements [Source]; it can always skip.
func (d *Directory) Open(_ context.Context, name string, offset int64) (io.ReadCloser, int64, error) {
	if !fs.ValidPath(name) || strings.ContainsRune(name, '\\') {
		return nil, 0, fmt.Errorf("%q is no name of a file", name)
	}
	var info fs.FileInfo
	for at := range prefixes(name) {
		var err error
		if info, err = d.root.Lstat(at); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				err = ErrNotFound
			}
			return nil, 0, err
		}
		if at != name && !info.IsDir() || at == name && !info.Mode().IsRegular() {
			return nil, 0, fmt.Errorf("%s is %s, only regular files are read", at, kind(info.Mode()))
		}
	}
	// Between the look and the opening the file may be replaced by a pipe:
	// nonBlock keeps the opening from hanging, the second look finds out.
	f, err := d.root.OpenFile(name, os.O_RDONLY|nonBlock, 0)
	if err != nil {
		return nil, 0, err
	}
	now, err := f.Stat()
	if err == nil && !os.SameFile(info, now) {
		err = fmt.Errorf("%s changed while it was opened", name)
	}
	if err == nil && offset > 0 {
		_, err = f.Seek(offset, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, offset, nil
}

// prefixes yields "a", "a/b", "a/b/c" for "a/b/c".
func prefixes(name string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		at := ""
		for part := range strings.SplitSeq(name, "/") {
			at = path.Join(at, part)
			if !yield(at) {
				return
			}
		}
	}
}

func kind(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "a symbolic link"
	case m&fs.ModeNamedPipe != 0:
		return "a pipe"
	case m.IsDir():
		return "a directory"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "a special file"
}
