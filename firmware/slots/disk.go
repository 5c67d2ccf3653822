package slots

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// disk does the file work of the package. step, when set, is called before
// each change of the file system with its name and path: tests cut the power
// there.
type disk struct {
	step  func(op, path string)
	owner owner // whose the files are to be
}

func (d *disk) at(op, path string) {
	if d.step != nil {
		d.step(op, path)
	}
}

// replace makes path hold data, whole or not at all: beside, sync, rename,
// sync of the directory.
func (d *disk) replace(path string, data []byte, mode os.FileMode) (err error) {
	part := path + ".new"
	d.at("create", part)
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	d.at("write", part)
	_, err = f.Write(data)
	if err == nil {
		d.at("sync", part)
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return d.rename(part, path)
}

// rename moves a synced file to its place for good.
func (d *disk) rename(from, to string) error {
	if err := d.owner.take(from); err != nil {
		return err
	}
	d.at("rename", to)
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return d.syncDir(filepath.Dir(to))
}

func (d *disk) syncDir(dir string) error {
	d.at("syncdir", dir)
	return syncDir(dir)
}

// remove deletes path; that it is not there is no error.
func (d *disk) remove(path string) error {
	d.at("remove", path)
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

func (d *disk) mkdir(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	d.at("mkdir", path)
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	if err := d.owner.take(path); err != nil {
		return err
	}
	return d.syncDir(filepath.Dir(path))
}

// readSmall returns the content of a file of at most maxFile bytes.
func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s: larger than %d bytes", path, maxFile)
	}
	return data, err
}

// hashFile returns size and SHA-256 of what the disk, not the memory, holds of
// path, as far as the system lets a program ask for that.
func hashFile(path string) (size int64, sum string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, "", err
	}
	if !info.Mode().IsRegular() {
		return 0, "", fmt.Errorf("%s is not a regular file", path)
	}
	dropCache(f)
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return 0, "", err
	}
	return size, hex.EncodeToString(h.Sum(nil)), nil
}
