package cloud

import "time"

// Faults is what is wrong with the cloud, for tests and demonstrations.
type Faults struct {
	Silent         bool          `json:"silent"`          // hears nothing, says nothing
	NoAcks         bool          `json:"no_acks"`         // takes events, acks none
	Slow           time.Duration `json:"slow"`            // before each ack and response
	Deny           bool          `json:"deny"`            // every payment fails
	WrongSignature bool          `json:"wrong_signature"` // signs with a key no till trusts
	LateResult     time.Duration `json:"late_result"`     // before each payment.result
	Duplicates     int           `json:"duplicates"`      // each message is sent this many times more
	NoAnswers      bool          `json:"no_answers"`      // takes requests, answers none
}

// SetFaults changes what is wrong.
func (c *Cloud) SetFaults(f func(*Faults)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.faults)
	c.notify()
}

// Faults returns what is wrong.
func (c *Cloud) Faults() Faults {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.faults
}
