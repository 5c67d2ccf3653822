package till

import (
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"tilld/device"
	"tilld/internal/health"
	"tilld/internal/lang"
)

// ulidFloor is the smallest id of a moment, "" for the zero time.
func ulidFloor(at time.Time) string {
	if at.IsZero() || at.UnixMilli() < 0 {
		return ""
	}
	var id ulid.ULID
	if err := id.SetTime(uint64(at.UnixMilli())); err != nil {
		return "\x7f" // beyond all ids
	}
	return id.String()
}

// Status is the answer of GET /v1/status, conditions in language tag.
func (t *Till) Status(tag lang.Tag) Status {
	q := t.o.Store.Stats()
	s := Status{
		Till: t.o.Till, Version: t.o.Version, StartedAt: t.started, BootID: t.o.BootID,
		Link: LinkStatus{State: "off", Since: t.started},
		Queue: QueueStatus{
			Depth: q.Depth, Bytes: q.Bytes, Limit: q.Limit, LastSeq: q.LastSeq, AckedSeq: q.AckedSeq, Dead: q.Dead, Epoch: q.Epoch,
		},
		Devices: t.o.Board.List(), Conditions: t.o.Health.List(tag),
	}
	s.Prices = t.Prices()
	if !q.Oldest.IsZero() {
		s.Queue.OldestSeconds = max(0, t.o.Now().Sub(q.Oldest).Seconds())
	}
	if t.o.LinkStatus != nil {
		s.Link = t.o.LinkStatus()
	}
	if t.o.MallStatus != nil {
		s.Mall = t.o.MallStatus()
	}
	if t.o.ClockStatus != nil {
		s.Clock = t.o.ClockStatus()
	}
	if s.Devices == nil {
		s.Devices = []device.Status{}
	}
	if s.Conditions == nil {
		s.Conditions = []health.Condition{}
	}
	wanting(s.Devices, s.Conditions)
	return s
}

// wanting puts the condition of each device that works but wants something (paper,
// a closed cover) into its row; list is worst first.
func wanting(rows []device.Status, list []health.Condition) {
	for i := range rows {
		row := &rows[i]
		if row.State != device.Ready || row.Condition != "" {
			continue
		}
		if j := slices.IndexFunc(list, func(c health.Condition) bool { return c.Subject == row.Name }); j >= 0 {
			row.Condition, row.Hint, row.Code, row.Advice = list[j].Text, list[j].Remedy, list[j].Code, device.Advice{}
		}
	}
}

// Ready reports whether the till can sell, and if not why, in English.
func (t *Till) Ready() (ok bool, reasons []string) {
	t.mu.Lock()
	running := t.running != nil
	t.mu.Unlock()
	if !running {
		reasons = append(reasons, "the engine is not running")
	}
	if !t.o.Store.Stats().Accepting {
		reasons = append(reasons, "the queue takes no new sales")
	}
	for _, c := range t.o.Health.List(lang.EN) {
		if c.Code == condDisk.Code {
			reasons = append(reasons, c.Text)
		}
	}
	return len(reasons) == 0, reasons
}
