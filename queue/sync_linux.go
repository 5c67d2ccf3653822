package queue

import (
	"os"

	"golang.org/x/sys/unix"
)

// datasync writes data and size of f to the disk.
func datasync(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); err != unix.EINTR {
			return err
		}
	}
}

func fsyncDir(d *os.File) error { return d.Sync() }

// allocate gives f real blocks.
func allocate(f *os.File, size int64) error {
	err := unix.Fallocate(int(f.Fd()), 0, 0, size)
	if err == unix.EOPNOTSUPP || err == unix.ENOSYS {
		return fillZero(f, size)
	}
	return err
}

// freeBytes is what an unprivileged process can still write below dir.
func freeBytes(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil // their types differ by platform
}
