package qz

import (
	"encoding/json"
	"errors"
	"fmt"

	"tilld/internal/dialect"
	"tilld/internal/till"
)

// maxScans bounds the scans that wait for a page: no hand gets there.
const maxScans = 200

// port is a scanner that a page reads as a serial port.
type port struct {
	name   string // as the page calls it
	device string // configured name
	bare   bool   // the page wants frames without their end
	scans  chan scan
	closed chan struct{}
}

type scan struct {
	seq  uint64
	text string
}

// findPorts lists what pages can open: the scanners, by their ports.
func (c *session) findPorts() any {
	names := []string{}
	for _, s := range c.s.desk.Scanners {
		names = append(names, portName(s))
	}
	return names
}

func portName(s dialect.Scanner) string {
	if s.Port != "" {
		return s.Port
	}
	return s.Name
}

type serialCall struct {
	Port    string `json:"port"`
	Options struct {
		RX *struct {
			UntilNewline bool `json:"untilNewline"`
			Start, End   any
		} `json:"rx"`
	} `json:"options"`
}

// openPort gives the page what a scanner reads, whole codes at a time, until the
// page closes it or goes. Goods do not open a sale here meanwhile.
func (c *session) openPort(params json.RawMessage) error {
	var p serialCall
	if err := json.Unmarshal(params, &p); err != nil {
		return errors.New("port is no text")
	}
	var found *dialect.Scanner
	for _, s := range c.s.desk.Scanners {
		if p.Port == s.Name || p.Port == portName(s) {
			found = &s
		}
	}
	if found == nil {
		return said(fmt.Sprintf("Serial port [%s] is not that of a configured scanner", clip(p.Port)))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ports[p.Port] != nil {
		return said(fmt.Sprintf("Serial port [%s] is already open.", clip(p.Port)))
	}
	x := &port{name: p.Port, device: found.Name, scans: make(chan scan, maxScans), closed: make(chan struct{})}
	x.bare = p.Options.RX != nil && (p.Options.RX.UntilNewline || p.Options.RX.Start != nil || p.Options.RX.End != nil)
	if c.scans == nil {
		release, err := c.s.desk.Engine.ClaimScans("QZ Tray, "+c.peer, c.reads, c.take)
		if err != nil {
			return err
		}
		c.scans = release
	}
	c.ports[p.Port] = x
	c.calls.Go(func() { c.deliver(x) })
	return nil
}

// reads reports whether the page has opened a scanner.
func (c *session) reads(device string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range c.ports {
		if x.device == device {
			return true
		}
	}
	return false
}

// take is called for each scan of any scanner, in order.
func (c *session) take(row till.Scan, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range c.ports {
		if x.device == row.Device {
			select {
			case x.scans <- scan{row.Seq, text}:
			default:
				c.s.log.Warn("a page does not take its scans", "peer", c.peer)
			}
		}
	}
}

// deliver pushes what a port reads. What a page has taken leaves the ledger.
func (c *session) deliver(x *port) {
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-x.closed:
			return
		case s := <-x.scans:
			text := s.text
			if !x.bare {
				text += "\r"
			}
			if c.event("SERIAL", map[string]string{"portName": x.name, "output": text, "type": "RECEIVE"}) {
				c.s.desk.Ack(s.seq)
			}
		}
	}
}

func (c *session) closePort(params json.RawMessage) error {
	var p serialCall
	if err := json.Unmarshal(params, &p); err != nil {
		return errors.New("port is no text")
	}
	c.mu.Lock()
	x := c.ports[p.Port]
	delete(c.ports, p.Port)
	var release func()
	if len(c.ports) == 0 {
		release, c.scans = c.scans, nil
	}
	c.mu.Unlock()
	if release != nil {
		release()
	}
	if x == nil {
		return said(fmt.Sprintf("Serial port [%s] is not open.", clip(p.Port)))
	}
	close(x.closed)
	return nil
}

// sendData is for scales and displays in the original; a scanner is not written
// to by pages.
func (c *session) sendData(params json.RawMessage) error {
	var p serialCall
	if err := json.Unmarshal(params, &p); err != nil {
		return errors.New("port is no text")
	}
	c.mu.Lock()
	open := c.ports[p.Port] != nil
	c.mu.Unlock()
	if !open {
		return said(fmt.Sprintf("Serial port [%s] must be opened first.", clip(p.Port)))
	}
	return errors.New("tilld does not let pages write to a scanner")
}

// closePorts gives the scanners back when the page goes.
func (c *session) closePorts() {
	c.mu.Lock()
	release := c.scans
	c.scans, c.ports = nil, map[string]*port{}
	c.mu.Unlock()
	if release != nil {
		release()
	}
}
