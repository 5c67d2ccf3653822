package status

import (
	"encoding/json"
	"net/http"

	"tilld/internal/sale"
	"tilld/queue"
)

// Journal is what the operator's tool reads of the store. *queue.Store is one.
type Journal interface {
	Pending(after uint64, limit, maxBytes int) ([]queue.Event, error)
	Dead() ([]queue.DeadRecord, error)
}

// EventList is one page of events as they were written.
type EventList struct {
	Events []json.RawMessage `json:"events"` // their exact bytes
	Next   uint64            `json:"next"`   // for `after`, also when there is no more yet
}

// DeadList is what was set aside because it cannot be sent or read.
type DeadList struct {
	Records []queue.DeadRecord `json:"records"`
}

// journalPage bounds the bytes of one page of events.
const journalPage = 4 << 20

func (s *Server) operatorRows() []route {
	return []route{
		{
			method: http.MethodGet, path: "/v1/journal", id: "listEvents", tag: "till", status: 200, answer: EventList{},
			query:   []param{{"after", "sequence to go on after; 0 for all that are kept", uint64(0)}, limitRow},
			summary: "Events of this epoch as they were written, in order", codes: []string{sale.CodeInvalid, sale.CodeNotFound, sale.CodeUnavailable}, handle: listEvents,
		},
		{
			method: http.MethodGet, path: "/v1/queue/dead", id: "listDead", tag: "till", status: 200, answer: DeadList{},
			summary: "Records that were set aside, with reason and raw bytes", codes: []string{sale.CodeNotFound, sale.CodeUnavailable}, handle: listDead,
		},
		{
			method: http.MethodGet, path: "/v1/update", id: "getUpdate", tag: "till", status: 200, answer: map[string]any{},
			summary: "Versions in the slots and what the guard made of them", codes: []string{sale.CodeNotFound, sale.CodeUnavailable}, handle: getUpdate,
		},
	}
}

func noStore() error {
	return problem(sale.CodeNotFound, "", "本机不支持查看", "this build cannot show that")
}

func listEvents(c *call) error {
	if c.s.o.Journal == nil {
		return noStore()
	}
	after, err := c.number("after", c.r.URL.Query().Get("after"))
	if err != nil {
		return err
	}
	limit, err := c.limit()
	if err != nil {
		return err
	}
	events, err := c.s.o.Journal.Pending(after, limit, journalPage)
	if err != nil {
		return err
	}
	page := EventList{Events: make([]json.RawMessage, 0, len(events)), Next: after}
	for _, e := range events {
		page.Events = append(page.Events, e.Body)
		page.Next = e.Sequence
	}
	return c.json(page)
}

func listDead(c *call) error {
	if c.s.o.Journal == nil {
		return noStore()
	}
	records, err := c.s.o.Journal.Dead()
	if err != nil {
		return err
	}
	if records == nil {
		records = []queue.DeadRecord{}
	}
	return c.json(DeadList{Records: records})
}

func getUpdate(c *call) error {
	if c.s.o.Update == nil {
		return noStore()
	}
	state, err := c.s.o.Update()
	if err != nil {
		return err
	}
	return c.json(state)
}
