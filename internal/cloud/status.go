package cloud

import (
	"encoding/json"
	"errors"
	"time"
)

// till is what the cloud knows of a till besides its events.
type till struct {
	session uint64
	status  Status
}

// Status is a till's birth or death.
type Status struct {
	Online   bool            `json:"online"`
	Session  uint64          `json:"session"`
	Epoch    string          `json:"epoch"`
	Version  string          `json:"version"`
	BootID   string          `json:"boot_id"`
	LastSeq  uint64          `json:"last_seq"`
	AckedSeq uint64          `json:"acked_seq"`
	Devices  json.RawMessage `json:"devices"`
	Time     time.Time       `json:"time"`
}

// hearStatus takes a birth or a death. A death of an older session than the
// newest birth is void: a will can arrive after the next connection's birth.
func (c *Cloud) hearStatus(path string, body []byte) error {
	if len(body) == 0 {
		return nil // somebody cleared the retained message
	}
	var s Status
	if err := json.Unmarshal(body, &s); err != nil {
		return err
	}
	if s.Session == 0 {
		return errors.New("status without a session")
	}
	c.mu.Lock()
	t, ok := c.tills[path]
	if !ok {
		t = &till{}
		c.tills[path] = t
	}
	if s.Session < t.session {
		c.counts.StaleDead++
		c.notify()
		c.mu.Unlock()
		return nil
	}
	t.session, t.status = s.Session, s
	if s.Online {
		c.counts.Births++
	}
	c.notify()
	c.mu.Unlock()
	c.heard(Traffic{Till: path, Way: "in", Kind: "status", Data: json.RawMessage(body)})
	if s.Online {
		c.resend(path)
	}
	return nil
}

// Status returns the newest birth or death of a till.
func (c *Cloud) Status(path string) (Status, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok := c.tills[path]
	if !ok {
		return Status{}, false
	}
	return t.status, true
}
