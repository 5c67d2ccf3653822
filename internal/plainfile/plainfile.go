// Package plainfile reads files whose names come from a folder or a setting. Only
// regular files are opened: a pipe would wait for ever for somebody to write, and
// opening a device may do something.
package plainfile

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// ErrNotPlain says that there is something else than a regular file.
var ErrNotPlain = errors.New("not a regular file")

// Open opens a regular file for reading. It never waits for anybody.
func Open(name string) (*os.File, error) {
	info, err := os.Stat(name)
	if err == nil {
		err = check(name, info)
	}
	if err != nil {
		return nil, err
	}
	return checked(os.OpenFile(name, os.O_RDONLY|nonBlock, 0))
}

// OpenIn is Open of a file below root.
func OpenIn(root *os.Root, name string) (*os.File, error) {
	info, err := root.Stat(name)
	if err == nil {
		err = check(name, info)
	}
	if err != nil {
		return nil, err
	}
	return checked(root.OpenFile(name, os.O_RDONLY|nonBlock, 0))
}

// ReadFile is [os.ReadFile] of a regular file.
func ReadFile(name string) ([]byte, error) {
	f, err := Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// ReadDir is [os.ReadDir] of what is a folder, or a link to one.
func ReadDir(name string) ([]os.DirEntry, error) {
	info, err := os.Stat(name)
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "open", Path: name, Err: syscall.ENOTDIR}
	}
	if err != nil {
		return nil, err
	}
	return os.ReadDir(name)
}

// KeyPair is [tls.LoadX509KeyPair] of regular files.
func KeyPair(certFile, keyFile string) (tls.Certificate, error) {
	cert, err := ReadFile(certFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := ReadFile(keyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

// checked looks at what was opened: between the look and the opening another
// file may have come into its place.
func checked(f *os.File, err error) (*os.File, error) {
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = check(f.Name(), info)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func check(name string, info fs.FileInfo) error {
	if m := info.Mode(); !m.IsRegular() {
		return &fs.PathError{Op: "open", Path: name, Err: fmt.Errorf("%w but %s", ErrNotPlain, kind(m))}
	}
	return nil
}

func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&fs.ModeNamedPipe != 0:
		return "a pipe"
	case m&fs.ModeDevice != 0:
		return "a device"
	case m&fs.ModeSocket != 0:
		return "a socket"
	}
	return "something else"
}
