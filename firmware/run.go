package firmware

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"tilld/firmware/slots"
	"tilld/firmware/tuf"
	"tilld/internal/fault"
)

// Custom is what the repository signs about an agent's build, beside its hash.
type Custom struct {
	Kind           string `json:"kind"` // "agent"
	Version        string `json:"version"`
	OS             string `json:"os"`
	Arch           string `json:"arch"`
	MinVersion     string `json:"min_version,omitempty"`     // oldest version that may be replaced directly
	AllowDowngrade bool   `json:"allow_downgrade,omitempty"` // may replace a newer version
}

func (u *update) run(ctx context.Context) (Result, error) {
	res := Result{Running: u.Version}
	u.say("checking the repository %s", u.source)
	if err := u.client.Refresh(ctx, u.Now); err != nil {
		return res, classify("check the repository", err)
	}
	name := TargetName(u.Channel, u.OS, u.Arch)
	target, err := u.client.Find(ctx, name)
	if err != nil {
		return res, classify("look for "+name, err)
	}
	c, err := decodeCustom(target.Custom)
	if err != nil {
		return res, trouble(fault.Refused, "read "+name, "the repository was made wrongly; tell its publisher", err)
	}
	res.Version, res.SHA256, res.Size = c.Version, target.SHA256(), target.Length
	u.say("signatures are good; the repository has version %s (%d bytes), this is version %s", c.Version, target.Length, orUnknown(u.Version))
	state, damage := u.dir.Load()
	if damage != nil {
		u.say("boot.json was damaged and will be written again: %v", damage)
	}
	fits, err := u.fits(c, target, &state)
	if err != nil {
		return res, err
	}
	if !fits {
		res.Outcome = Current
		u.say("nothing to do: version %s is what runs", orUnknown(u.Version))
		return res, nil
	}
	if b := state.Candidate; b != nil && b.SHA256 == res.SHA256 && u.dir.Verify(*b) == nil {
		res.Outcome, res.Slot = Waiting, b.Slot
		u.say("version %s is staged already and starts with the next start of the agent", b.Version)
		return res, nil
	}
	if u.CheckOnly {
		res.Outcome = Available
		return res, nil
	}
	return u.stage(ctx, target, c, res)
}

// fits decides whether the build may replace what runs. False without an error
// means that it is what runs.
func (u *update) fits(c Custom, t tuf.Target, s *slots.State) (bool, error) {
	refuse := func(hint, format string, args ...any) (bool, error) {
		return false, trouble(fault.Refused, "install version "+c.Version, hint, fmt.Errorf(format, args...))
	}
	if c.OS != u.OS || c.Arch != u.Arch {
		return refuse("the repository was made wrongly; tell its publisher", "it is for %s/%s, this till is %s/%s", c.OS, c.Arch, u.OS, u.Arch)
	}
	if t.Length <= 0 || t.Length > MaxAgent {
		return refuse("the repository was made wrongly; tell its publisher", "%d bytes, at most %d are accepted", t.Length, MaxAgent)
	}
	if s.Active != nil && s.Active.SHA256 == t.SHA256() {
		return false, nil
	}
	floor, err := u.floor(s)
	if err != nil {
		return false, err
	}
	if slots.Compare(c.Version, u.Version) == 0 && slots.ValidVersion(u.Version) {
		return false, nil
	}
	for _, have := range []struct{ version, what string }{{u.Version, "the running one"}, {floor, "the newest that ran here"}} {
		if slots.Compare(c.Version, have.version) < 0 && !c.AllowDowngrade {
			return refuse("use a newer stick or repository; going back needs a repository whose publisher allows it",
				"version %s is older than %s, %s", c.Version, have.version, have.what)
		}
	}
	if c.MinVersion != "" && slots.ValidVersion(u.Version) && slots.Compare(u.Version, c.MinVersion) < 0 {
		return refuse("install version "+c.MinVersion+" first", "it can replace versions from %s on, this is %s", c.MinVersion, u.Version)
	}
	if bad, ok := s.IsBad(t.SHA256()); ok && !u.Retry {
		return refuse("publish a newer version, or give it another chance with --retry",
			"this build was tried on %s and given up: %s", bad.At.Format("2006-01-02 15:04"), bad.Reason)
	}
	return true, nil
}

// floor is the newest version that was ever confirmed, from boot.json or from
// the store, whichever remembers more.
func (u *update) floor(s *slots.State) (string, error) {
	data, err := u.Store.Get("floor")
	if err != nil {
		u.say("the stored version floor is damaged and written again: %v", err)
	}
	kept := string(data)
	switch {
	case slots.Compare(s.Floor, kept) > 0:
		if err := u.Store.Put("floor", []byte(s.Floor)); err != nil {
			return "", trouble(fault.Full, "remember the version floor", "make room in the data directory", err)
		}
		return s.Floor, nil
	default:
		return kept, nil
	}
}

func (u *update) stage(ctx context.Context, t tuf.Target, c Custom, res Result) (Result, error) {
	slot, part, err := u.dir.Prepare(res.SHA256)
	if err != nil {
		return res, classify("prepare the slot", err)
	}
	if err := enoughRoom(u.DataDir, t.Length); err != nil {
		return res, trouble(fault.Full, "stage", "make room in the data directory", err)
	}
	u.say("downloading into slot %s", slot)
	tenth := int64(-1)
	err = u.client.Download(ctx, t, part, func(done, total int64) {
		if at := done * 10 / total; at != tenth {
			tenth = at
			u.say("%d of %d bytes", done, total)
		}
	})
	if err != nil {
		return res, classify("download", err)
	}
	b := slots.Build{Slot: slot, Version: c.Version, SHA256: res.SHA256, Size: res.Size}
	if err := u.dir.Stage(b, part); err != nil {
		return res, classify("stage", err)
	}
	u.say("version %s lies in slot %s and was read back from the disk", c.Version, slot)
	if err := u.dir.Activate(b); err != nil {
		return res, classify("activate", err)
	}
	res.Outcome, res.Slot = Staged, slot
	u.say("version %s starts with the next start of the agent; if it does not prove healthy, the present one comes back by itself", c.Version)
	return res, nil
}

// decodeCustom refuses what it does not know: a field this agent cannot honour
// may be a condition it would break.
func decodeCustom(raw json.RawMessage) (c Custom, err error) {
	if len(raw) == 0 {
		return c, errors.New("the entry does not say what it is")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, err
	}
	if _, err := d.Token(); err != io.EOF {
		return c, errors.New("more than one value")
	}
	switch {
	case c.Kind != "agent":
		return c, fmt.Errorf("kind is %q, want agent", c.Kind)
	case !slots.ValidVersion(c.Version):
		return c, fmt.Errorf("%q is no version", c.Version)
	case c.MinVersion != "" && !slots.ValidVersion(c.MinVersion):
		return c, fmt.Errorf("min_version %q is no version", c.MinVersion)
	}
	return c, nil
}

func orUnknown(version string) string {
	if version == "" {
		return "unknown"
	}
	return version
}
