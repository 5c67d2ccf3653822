package qz

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"tilld/internal/dialect"
	"tilld/internal/till"
	"tilld/printer"
)

// find lists the printers, or returns the one that a query means.
func (c *session) find(params json.RawMessage) (any, error) {
	var p struct {
		Query string `json:"query"`
	}
	if len(params) > 0 {
		if err := json.Unmarshal(params, &p); err != nil {
			return nil, errors.New("the query is no text")
		}
	}
	names := []string{}
	for _, x := range c.s.desk.Engine.PrinterStates() {
		names = append(names, x.Name)
	}
	if p.Query == "" {
		return names, nil
	}
	if name := match(p.Query, c.s.desk.Default(), names); name != "" {
		return name, nil
	}
	return nil, said("Specified printer could not be found.")
}

// match finds a printer as the original does: upper and lower case are one, the
// default printer's whole name wins, then a whole name, a beginning, a part.
func match(query, first string, names []string) string {
	q := strings.ToLower(query)
	if strings.ToLower(first) == q {
		return first
	}
	for _, fits := range []func(name string) bool{
		func(n string) bool { return n == q },
		func(n string) bool { return strings.HasPrefix(n, q) },
		func(n string) bool { return strings.Contains(n, q) },
	} {
		if i := slices.IndexFunc(names, func(n string) bool { return fits(strings.ToLower(n)) }); i >= 0 {
			return names[i]
		}
	}
	return ""
}

// detail describes the printers.
func (c *session) detail() any {
	list := []any{}
	for _, p := range c.s.desk.Engine.PrinterStates() {
		caps := c.s.desk.Caps(p.Name)
		inch := float64(caps.Dots) / float64(max(caps.DPI, 1))
		list = append(list, map[string]any{
			"name": p.Name, "driver": p.Driver, "connection": "tilld", "default": p.Default, "density": caps.DPI, "trays": []string{},
			"sizes": []any{map[string]any{"name": "roll", "in": size(inch), "mm": size(inch * 25.4)}},
		})
	}
	return list
}

func size(width float64) map[string]float64 { return map[string]float64{"width": width, "height": 0} }

// listen begins to push the status of printers; null in the list means all.
func (c *session) listen(params json.RawMessage) error {
	var p struct {
		PrinterNames []*string `json:"printerNames"`
	}
	if err := json.Unmarshal(params, &p); err != nil {
		return errors.New("printerNames is no list of names")
	}
	for _, name := range p.PrinterNames {
		if name == nil {
			continue
		}
		if _, ok := c.s.desk.State(*name); !ok {
			return said("Specified printer could not be found.")
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range p.PrinterNames {
		key := ""
		if name != nil {
			key = *name
		}
		c.watched[key] = true
	}
	if !c.watching && len(c.watched) > 0 {
		c.watching = true
		c.calls.Go(c.watch)
	}
	return nil
}

func (c *session) stopListening() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.watched)
}

func (c *session) watches(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.watched[""] || c.watched[name]
}

// tellStatus pushes how each watched printer is.
func (c *session) tellStatus() error {
	c.mu.Lock()
	none := len(c.watched) == 0
	c.mu.Unlock()
	if none {
		return said("No printer listeners started for this client.")
	}
	c.calls.Go(func() { // after the answer to the call
		for _, p := range c.s.desk.Engine.PrinterStates() {
			if c.watches(p.Name) {
				c.event("PRINTER", statusOf(p))
			}
		}
	})
	return nil
}

// statusPoll is how often the states of devices are looked at; conditions are
// heard of at once.
const statusPoll = time.Second

// watch pushes each change of the watched printers until the connection ends.
func (c *session) watch() {
	last := map[string]string{}
	for _, p := range c.s.desk.Engine.PrinterStates() {
		last[p.Name] = statusOf(p).StatusText
	}
	for {
		news := c.s.desk.Health.Changed()
		for _, p := range c.s.desk.Engine.PrinterStates() {
			if st := statusOf(p); st.StatusText != last[p.Name] {
				last[p.Name] = st.StatusText
				if c.watches(p.Name) {
					c.event("PRINTER", st)
				}
			}
		}
		timer := time.NewTimer(statusPoll)
		select {
		case <-news:
		case <-timer.C:
		case <-c.ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// printerEvent is how a printer is, or how a job went, in the client's words.
type printerEvent struct {
	PrinterName string `json:"printerName"`
	EventType   string `json:"eventType"` // PRINTER, JOB
	StatusText  string `json:"statusText"`
	Severity    string `json:"severity"` // INFO WARN FATAL
	StatusCode  int    `json:"statusCode"`
	Message     string `json:"message"`
	Type        string `json:"type"`
	JobID       uint64 `json:"jobId,omitempty"`
	JobName     string `json:"jobName,omitempty"`
}

// words of the printers' states, their severity, and the numbers that Windows
// has for them.
var words = map[dialect.Cause]struct {
	text, severity string
	code           int
	message        string
}{
	dialect.Printed: {"OK", "INFO", 0, "is ready"},
	dialect.Paper:   {"PAPER_OUT", "WARN", 0x10, "has no paper"},
	dialect.Cover:   {"DOOR_OPEN", "WARN", 0x400000, "has its cover open"},
	dialect.Cutter:  {"USER_INTERVENTION", "WARN", 0x100000, "has a stuck cutter"},
	dialect.Repair:  {"USER_INTERVENTION", "WARN", 0x100000, "reports an error"},
	dialect.Offline: {"OFFLINE", "FATAL", 0x80, "is offline"},
	dialect.Silent:  {"OFFLINE", "FATAL", 0x80, "does not answer"},
	dialect.Absent:  {"NOT_AVAILABLE", "FATAL", 0x1000, "is not there"},
}

func statusOf(p till.PrinterState) printerEvent {
	cause := dialect.TroubleOf(p)
	w := words[cause]
	if cause == dialect.Printed && p.Is(printer.NearEnd) {
		w.text, w.severity, w.code, w.message = "PAPER_PROBLEM", "WARN", 0x40, "has little paper left"
	}
	return printerEvent{PrinterName: p.Name, EventType: "PRINTER", StatusText: w.text, Severity: w.severity, StatusCode: w.code, Message: p.Name + " " + w.message, Type: "ACTION"}
}
