//go:build rig

package rig

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// archive is an initramfs: a cpio archive in the form that the kernel unpacks.
type archive struct {
	buf  bytes.Buffer
	have map[string]bool
	n    int
}

const (
	modeDir  = 0o040000
	modeFile = 0o100000
	modeLink = 0o120000
)

func (a *archive) entry(name string, mode int, data []byte) {
	if a.have == nil {
		a.have = map[string]bool{}
	}
	if a.have[name] {
		return
	}
	a.have[name] = true
	a.n++
	fmt.Fprintf(&a.buf, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		a.n, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0)
	a.buf.WriteString(name + "\x00")
	a.pad()
	a.buf.Write(data)
	a.pad()
}

func (a *archive) pad() {
	for a.buf.Len()%4 != 0 {
		a.buf.WriteByte(0)
	}
}

func (a *archive) dir(name string) {
	if name == "." || name == "/" || a.have[name] {
		return
	}
	a.dir(path.Dir(name))
	a.entry(name, modeDir|0o755, nil)
}

func (a *archive) file(name string, perm int, data []byte) {
	a.dir(path.Dir(name))
	a.entry(name, modeFile|perm, data)
}

func (a *archive) link(name, target string) {
	a.dir(path.Dir(name))
	a.entry(name, modeLink|0o777, []byte(target))
}

// copy puts a file of this machine, or what a link leads to, into the archive.
func (a *archive) copy(name, from string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	st, err := os.Stat(from)
	if err != nil {
		return err
	}
	a.file(name, int(st.Mode().Perm()), b)
	return nil
}

// tree copies a folder with all that is in it.
func (a *archive) tree(name, from string) error {
	return filepath.WalkDir(from, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(from, file)
		if err != nil {
			return err
		}
		return a.copy(path.Join(name, rel), file)
	})
}

func (a *archive) bytes() []byte {
	a.entry("TRAILER!!!", 0, nil)
	return a.buf.Bytes()
}
