package till

import "encoding/json"

// people are who an event is attributed to.
type people struct{ cashier, adviser string }

// name adds them to an event's data, a JSON object, that does not name them.
func (p people) name(body []byte) []byte {
	var has struct {
		Cashier *string `json:"cashier"`
		Adviser *string `json:"adviser"`
	}
	if len(body) < 2 || body[0] != '{' || json.Unmarshal(body, &has) != nil {
		return body
	}
	add := func(name, value string) {
		if value == "" {
			return
		}
		field := append(append(mustJSON(name), ':'), mustJSON(value)...)
		if body = body[:len(body)-1]; len(body) > 1 {
			body = append(body, ',')
		}
		body = append(append(body, field...), '}')
	}
	if has.Cashier == nil {
		add("cashier", p.cashier)
	}
	if has.Adviser == nil {
		add("adviser", p.adviser)
	}
	return body
}

// present notes who is signed in and who is served. mu is held.
func (t *Till) present() {
	p := people{cashier: t.machine.Book().Cashier}
	if s, ok := t.machine.Current(); ok {
		p.adviser = s.Adviser
	}
	t.here.Store(&p)
}

// Attributed adds who is signed in, and the adviser of the current sale, to the
// data of an event that another part of the agent reports. It waits for nothing.
func (t *Till) Attributed(data []byte) []byte {
	p := t.here.Load()
	if p == nil {
		return data
	}
	return p.name(append([]byte{}, data...))
}
