package torn

import (
	"hash/fnv"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

var boot = sync.OnceValue(func() uint64 {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil || len(id) == 0 {
		return 0
	}
	h := fnv.New64a()
	h.Write(id)
	return h.Sum64() | 1
})

func now() moment {
	var ts unix.Timespec
	if b := boot(); b != 0 && unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) == nil {
		return moment{b, time.Duration(ts.Nano())}
	}
	return moment{since: time.Duration(time.Now().UnixNano())}
}
