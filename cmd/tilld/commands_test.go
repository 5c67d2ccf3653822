package main

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A sale that begins between the reply to till.restart and the restart is sold
// first.
func TestRestartWaitsForTheSale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open, restarted atomic.Bool
		betweenSales(open.Load, func() { restarted.Store(true) })
		time.Sleep(replyTime / 2)
		open.Store(true)
		time.Sleep(time.Hour)
		synctest.Wait()
		if restarted.Load() {
			t.Error("restarted in a sale")
		}
		open.Store(false)
		time.Sleep(2 * replyTime)
		synctest.Wait()
		if !restarted.Load() {
			t.Error("not restarted after it")
		}
	})
}
