package cloud

import (
	"encoding/json"
	"errors"
	"time"
)

// request is a till's question.
type request struct {
	ID      string          `json:"id"`
	Type    string          `json:"type"`
	Sale    string          `json:"sale"`
	Sent    time.Time       `json:"sent"`
	Expires time.Time       `json:"expires"`
	Data    json.RawMessage `json:"data"`
}

// hearRequest answers a question. The same question, repeated under its id,
// gets the same answer, because the answer depends on payment ids and codes
// only.
func (c *Cloud) hearRequest(path string, body []byte) error {
	var r request
	if err := json.Unmarshal(body, &r); err != nil {
		return err
	}
	if len(r.ID) != 26 || r.Type == "" || r.Sent.IsZero() || r.Expires.IsZero() {
		return errors.New("request without id, type, sent and expires")
	}
	c.heard(Traffic{Till: path, Way: "in", Kind: "request", Type: r.Type, ID: r.ID, Data: redacted(r)})
	f := c.Faults()
	if f.NoAnswers {
		return nil
	}
	c.mu.Lock()
	data, problem := c.answer(path, r)
	c.counts.Requests++
	c.notify()
	c.mu.Unlock()
	if problem != nil {
		data = map[string]any{"error": problem}
	}
	c.later(f.Slow, func() {
		if err := c.send(path, "response", Message{Audience: path, Type: r.Type, Ref: r.ID, Data: data}); err != nil {
			c.o.Log.Debug("response lost", "type", r.Type, "err", err)
		}
	})
	return nil
}

// redacted is the request's data without what must never be shown.
func redacted(r request) any {
	if r.Type != "payment.collect" {
		return r.Data
	}
	var d map[string]any
	if json.Unmarshal(r.Data, &d) != nil {
		return nil
	}
	d["auth_code"] = "…"
	return d
}

// Ask answers a question as hearRequest does, without a broker.
func (c *Cloud) Ask(path, kind, sale string, data json.RawMessage) (any, *Problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answer(path, request{Type: kind, Sale: sale, Data: data})
}

// answer needs c.mu.
func (c *Cloud) answer(path string, r request) (any, *Problem) {
	switch r.Type {
	case "payment.create", "payment.query", "payment.cancel", "payment.collect", "payment.refund":
		var d paymentData
		if err := json.Unmarshal(r.Data, &d); err != nil {
			return nil, &Problem{"invalid", err.Error()}
		}
		switch r.Type {
		case "payment.create":
			return c.create(path, r.Sale, d)
		case "payment.collect":
			return c.collect(path, r.Sale, d)
		case "payment.refund":
			return c.refund(path, d)
		}
		return c.query(path, r.Sale, d, r.Type == "payment.cancel")
	}
	if r.Type == "sale.refund" {
		return c.refundSale(path, r.Data)
	}
	var d struct {
		Code string `json:"code"`
		Sale string `json:"sale"`
	}
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return nil, &Problem{"invalid", err.Error()}
	}
	if r.Type == "sale.lookup" {
		found, problem := c.lookupSale(path, d.Code)
		if problem != nil {
			return nil, problem
		}
		return map[string]any{"sale": found}, nil
	}
	return c.lookup(r.Type, d.Code)
}
