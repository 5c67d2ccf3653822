package queue

import (
	"os"
	"sync"

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

// freeBytes is what this process can still write below dir.
func freeBytes(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return usable(&st, mayUseReserved()), nil
}

// usable counts the blocks that a file system keeps back for root when this
// process may write them: on a disk that root has filled, the room of the reserve
// is among those.
func usable(st *unix.Statfs_t, reserved bool) int64 {
	blocks := st.Bavail
	if reserved {
		blocks = st.Bfree
	}
	return int64(blocks) * int64(st.Bsize) // their types differ by platform
}

// mayUseReserved reports whether this process has CAP_SYS_RESOURCE, as root and
// the systemd unit do.
var mayUseReserved = sync.OnceValue(func() bool {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	return unix.Capget(&hdr, &data[0]) == nil && data[0].Effective&(1<<unix.CAP_SYS_RESOURCE) != 0
})
