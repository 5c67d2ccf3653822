package main

import (
	"runtime"

	"tilld/device"
)

// telemetry is the health figures that the cloud gets every minute; they are
// not stored.
func (a *agent) telemetry() any {
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	states := map[device.State]int{}
	for _, s := range a.board.List() {
		states[s.State]++
	}
	q := a.store.Stats()
	return map[string]any{
		"boot_id": a.bootID, "version": version, "goroutines": runtime.NumGoroutine(), "heap_bytes": mem.HeapAlloc,
		"queue_depth": q.Depth, "queue_bytes": q.Bytes, "last_seq": q.LastSeq, "acked_seq": q.AckedSeq,
		"devices": states, "prices": a.till.Prices(),
	}
}
