//go:build unix

package firmware

import (
	"errors"
	"fmt"
	"syscall"
)

// reserve is what an update leaves free for the sales, in bytes.
const reserve = 64 << 20

func enoughRoom(dir string, need int64) error {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return err
	}
	free := int64(st.Bavail) * int64(st.Bsize)
	if free < need+reserve {
		return fmt.Errorf("%d bytes are free, %d are needed", free, need+reserve)
	}
	return nil
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
