package till

import (
	"context"
	"sync"
	"time"

	"tilld/device"
)

// deviceQuiet is the least time between two device.changed events of one
// device: a loose plug must not fill the journal.
const deviceQuiet = 30 * time.Second

// deviceNews collects what the device board reports until it is an event.
type deviceNews struct {
	mu      sync.Mutex
	waiting map[string]device.Status
	sent    map[string]sentState
}

type sentState struct {
	state device.State
	at    time.Time
}

// deviceChanged is called by the device board; it does not block.
func (t *Till) deviceChanged(s device.Status) {
	d := &t.devices
	d.mu.Lock()
	if d.waiting == nil {
		d.waiting, d.sent = map[string]device.Status{}, map[string]sentState{}
	}
	d.waiting[s.Name] = s
	d.mu.Unlock()
	t.nudge()
}

// due is when the next event may be made, zero when none waits.
func (d *deviceNews) due() (next time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name := range d.waiting {
		if at := d.sent[name].at.Add(deviceQuiet); next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return next
}

// take removes and returns what may be reported now.
func (d *deviceNews) take(now time.Time) []device.Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []device.Status
	for name, s := range d.waiting {
		last := d.sent[name]
		if age := now.Sub(last.at); age >= 0 && age < deviceQuiet { // less than nothing: the clock was set back
			continue
		}
		delete(d.waiting, name)
		if s.State != last.state {
			d.sent[name] = sentState{s.State, now}
			list = append(list, s)
		}
	}
	return list
}

// reportDevices makes events of devices that came and went. Till.mu is held.
func (t *Till) reportDevices(ctx context.Context, now time.Time) {
	list := t.devices.take(now)
	if len(list) == 0 {
		return
	}
	x := t.begin()
	for _, s := range list {
		x.report("tilld.device.changed.v1", s.Name, deviceData{
			Name: s.Name, Kind: s.Kind, Driver: s.Driver, State: s.State, Condition: cut(s.Condition, 300), Since: s.Since, At: now,
		})
	}
	if err := x.commit(ctx); err != nil {
		t.log.Error("device change not reported", "err", err)
	}
}

// deviceData is the data of tilld.device.changed.v1.
type deviceData struct {
	Name      string       `json:"name"`
	Kind      device.Kind  `json:"kind"`
	Driver    string       `json:"driver"`
	State     device.State `json:"state"`
	Condition string       `json:"condition,omitempty"`
	Since     time.Time    `json:"since"`
	At        time.Time    `json:"at"`
}
