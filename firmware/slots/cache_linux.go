//go:build linux && (amd64 || arm64)

package slots

import (
	"os"
	"syscall"
)

// dropCache asks the kernel to forget its copy of f's pages (POSIX_FADV_DONTNEED),
// so that the next read comes from the disk. Advice only: a refusal changes nothing.
func dropCache(f *os.File) {
	const dontNeed = 4
	syscall.Syscall6(syscall.SYS_FADVISE64, f.Fd(), 0, 0, dontNeed, 0, 0)
}
