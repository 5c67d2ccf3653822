package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"tilld/firmware"
	"tilld/internal/fault"
	"tilld/internal/health"
	"tilld/internal/lang"
	"tilld/internal/link"
	"tilld/internal/sale"
	"tilld/queue"
)

// desired is the data of update.set: which version head office wants on this
// till, and when it may change.
type desired struct {
	Agent    string     `json:"agent"`              // version of the agent
	Window   string     `json:"window,omitempty"`   // "02:00-05:00" store time, instead of firmware.window
	Ring     string     `json:"ring,omitempty"`     // for people and reports
	Percent  *int       `json:"percent,omitempty"`  // of all tills, by a hash of the till's path; nil is all
	Deadline *time.Time `json:"deadline,omitempty"` // after it the window does not matter
}

var (
	updateKey   = []byte("update")
	updateTrial = 10 * time.Minute // between looks at the repository
)

var updateFailed = health.Kind{
	Code: "update_failed", Severity: health.Warning,
	Text:   lang.Text{ZH: "更新未能完成：{err}", EN: "the update could not be made: {err}"},
	Remedy: lang.Text{ZH: "检查更新源；收银不受影响", EN: "check the update repository; selling goes on"},
}

// updateSet stores what head office wants; the rollout part acts on it.
func (a *agent) updateSet(ctx context.Context, data json.RawMessage) (any, error) {
	var d desired
	if err := link.StrictDecode(data, &d); err != nil {
		return nil, err
	}
	refuse := func(field, zh, en string) error {
		return &sale.Problem{Code: sale.CodeInvalid, Field: field, Detail: lang.Text{ZH: zh, EN: en}}
	}
	switch {
	case a.cfg.Firmware.Repository == "":
		return nil, refuse("firmware.repository", "没有配置更新源", "no update repository is configured")
	case d.Agent == "":
		return nil, refuse("agent", "缺少版本号", "a version is needed")
	case d.Percent != nil && (*d.Percent < 0 || *d.Percent > 100):
		return nil, refuse("percent", "百分比必须在 0 到 100 之间", "percent must be 0 to 100")
	}
	if d.Window != "" {
		if _, _, err := parseWindow(d.Window); err != nil {
			return nil, refuse("window", "时间段无效", "not a time window")
		}
	}
	stored, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	if err := a.store.Update(ctx, func(tx *queue.Tx) error { return tx.Put(queue.State, updateKey, stored) }); err != nil {
		return nil, err
	}
	return map[string]string{"running": version, "agent": d.Agent}, nil
}

// rollout brings the wanted version onto the till: it stages it within the
// window and restarts between sales.
func (a *agent) rollout(ctx context.Context) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	var next time.Time
	for {
		if now := time.Now(); !now.Before(next) {
			if due, err := a.updateDue(now); err != nil {
				a.log.Warn("the wanted version cannot be read", "err", err)
			} else if due {
				next = now.Add(updateTrial)
				if err := a.stageUpdate(ctx); err != nil {
					a.health.Raise(updateFailed, "update", "err", err.Error())
				} else if _, is := firmware.Misguided(a.cfg.DataDir); !is {
					a.health.Clear(updateFailed, "update")
				}
			}
		}
		if _, waits := firmware.Pending(a.cfg.DataDir); waits && firmware.Guarded() && !a.till.SaleOpen() && a.inWindow(time.Now()) {
			if other, is := firmware.Misguided(a.cfg.DataDir); is {
				a.health.Raise(updateFailed, "update", "err", fmt.Sprintf("tilld-guard looks after %s; start it with --data-dir %s", other, a.cfg.DataDir))
			} else {
				a.log.Info("restarting into the new version")
				a.restart()
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (a *agent) stageUpdate(ctx context.Context) error {
	res, err := firmware.RunUpdate(ctx, firmware.Options{
		DataDir: a.cfg.DataDir, From: a.cfg.Firmware.Repository, RootFile: a.cfg.Firmware.RootFile,
		Channel: a.cfg.Firmware.Channel, Version: version, Log: a.log,
	}, func(line string) { a.log.Info("update", "step", line) })
	if err != nil {
		a.log.Warn("update failed", "kind", fault.KindOf(err), "hint", fault.HintOf(err), "err", err)
		return err
	}
	a.log.Info("update", "outcome", res.Outcome, "version", res.Version)
	return nil
}

// noteVersion reports a version of the agent that was not the last one to run on
// this data.
func (a *agent) noteVersion(ctx context.Context) error {
	key := []byte("agent_version")
	return a.store.Update(ctx, func(tx *queue.Tx) error {
		last, err := tx.Get(queue.State, key)
		if err != nil || string(last) == version {
			return err
		}
		if err := tx.Put(queue.State, key, []byte(version)); err != nil || last == nil {
			return err
		}
		data, err := json.Marshal(map[string]string{"component": "agent", "from": string(last), "to": version})
		if err != nil {
			return err
		}
		_, err = tx.Append(queue.Message{Type: "tilld.firmware.changed.v1", Data: data})
		return err
	})
}

// wanted returns what head office wants, nil when it said nothing.
func (a *agent) wanted() (*desired, error) {
	var d *desired
	err := a.store.View(func(tx *queue.Tx) error {
		data, err := tx.Get(queue.State, updateKey)
		if err != nil || data == nil {
			return err
		}
		d = new(desired)
		return json.Unmarshal(data, d)
	})
	return d, err
}

func (a *agent) updateDue(now time.Time) (bool, error) {
	d, err := a.wanted()
	if err != nil || d == nil || d.Agent == version {
		return false, err
	}
	if d.Percent != nil && int(crc32.ChecksumIEEE([]byte(a.cfg.Path()))%100) >= *d.Percent {
		return false, nil
	}
	return a.inWindow(now), nil
}

// inWindow reports whether the till may change its version now.
func (a *agent) inWindow(now time.Time) bool {
	window := a.cfg.Firmware.Window
	if d, err := a.wanted(); err == nil && d != nil {
		if d.Deadline != nil && now.After(*d.Deadline) {
			return true
		}
		if d.Window != "" {
			window = d.Window
		}
	}
	loc, err := time.LoadLocation(a.cfg.Till.Timezone)
	if err != nil {
		return false // checked with the configuration
	}
	from, to, err := parseWindow(window)
	if err != nil {
		return false
	}
	at := now.In(loc)
	minute := at.Hour()*60 + at.Minute()
	if from <= to {
		return from <= minute && minute < to
	}
	return minute >= from || minute < to
}

// parseWindow reads "02:00-05:00" as minutes of the day.
func parseWindow(s string) (from, to int, err error) {
	var fh, fm, th, tm int
	if n, err := fmt.Sscanf(s, "%02d:%02d-%02d:%02d", &fh, &fm, &th, &tm); err != nil || n != 4 || fh > 23 || th > 23 || fm > 59 || tm > 59 || fh < 0 || th < 0 || fm < 0 || tm < 0 {
		return 0, 0, errors.New("not a time window")
	}
	return fh*60 + fm, th*60 + tm, nil
}
