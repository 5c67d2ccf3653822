package queue

import (
	"testing"

	"golang.org/x/sys/unix"
)

// A disk that root's logs have filled has no block for others, but those that
// the reserve gave back are there for who may use root's.
func TestRoomAmongRootsBlocks(t *testing.T) {
	st := unix.Statfs_t{Bsize: 4096, Blocks: 1000, Bfree: 30, Bavail: 0}
	if n := usable(&st, true); n != 30*4096 {
		t.Errorf("with the right to root's blocks: %d", n)
	}
	if n := usable(&st, false); n != 0 {
		t.Errorf("without: %d", n)
	}
}
