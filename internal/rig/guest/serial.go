//go:build rig

package main

import (
	"time"
)

func checkSerialScan(t *T) {
	g := newGadget(t, 0, "0c2e", "0901", "S1", acm)
	a := start(t, `
  - {name: scanner-1, kind: scanner, driver: line, address: "serial://usb/0C2E:0901/S1?baud=9600", options: {suffix: cr}}
`)
	t.Figure("the agent serves %.1f s after its start", time.Since(a.started).Seconds())
	a.is("scanner-1", "absent", 10*time.Second)
	mark := a.mark()
	at := g.plug()
	ready := a.state(mark, "scanner-1", "ready", 10*time.Second)
	t.Figure("first plug to in service: %v", ready.at.Sub(at).Round(time.Millisecond))
	far := g.far("acm", 0)
	_, err := far.WriteString("6901234567892\r")
	t.ok(err)
	a.scanned(0, "6901234567892", 10*time.Second)
	mark = a.mark()
	at = g.unplug()
	gone := a.state(mark, "scanner-1", "absent", 10*time.Second)
	t.Figure("unplugged to absent: %v", gone.at.Sub(at).Round(time.Millisecond))
}
