package status

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"tilld/internal/sale"
	"tilld/queue"
)

// Journal is what the operator's tool reads of the store. *queue.Store is one.
type Journal interface {
	Pending(after uint64, limit, maxBytes int) ([]queue.Event, error)
	Dead() ([]queue.DeadRecord, error)
	Epochs() ([]queue.EpochInfo, error)
}

// EventList is one page of events as they were written.
type EventList struct {
	Events []json.RawMessage `json:"events"` // their exact bytes
	Next   uint64            `json:"next"`   // for `after`, also when there is no more yet
}

// EpochList is the epochs of this till, oldest first; the last is the present one.
type EpochList struct {
	Epochs []queue.EpochInfo `json:"epochs"`
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
			method: http.MethodGet, path: "/v1/journal/export", id: "exportJournal", tag: "till", status: 200, media: "application/x-ndjson",
			query: []param{
				{"from", "first day, YYYY-MM-DD", ""},
				{"to", "last day", ""},
				{"after", "sequence to begin after", uint64(0)},
				{"type", "event types, with commas between: sale.closed,sale.refunded", ""},
				{"epoch", "an epoch of /v1/journal/epochs; the present one if not given", ""},
			},
			summary: "Events of one epoch as they were written, one a line, with a signed manifest as the last line; what the queue no longer has comes from the journal",
			codes:   []string{sale.CodeInvalid, sale.CodeNotFound}, handle: exportJournal,
		},
		{
			method: http.MethodGet, path: "/v1/journal/epochs", id: "listEpochs", tag: "till", status: 200, answer: EpochList{},
			summary: "Epochs of this till, oldest first; those that have ended can be exported as long as the journal has them", codes: []string{sale.CodeNotFound, sale.CodeUnavailable}, handle: listEpochs,
		},
		{
			method: http.MethodGet, path: "/v1/queue/dead", id: "listDead", tag: "till", status: 200, answer: DeadList{},
			summary: "Records that were set aside, with reason and raw bytes", codes: []string{sale.CodeNotFound, sale.CodeUnavailable}, handle: listDead,
		},
		{
			method: http.MethodGet, path: "/v1/log", id: "getLog", tag: "till", status: 200, media: "application/x-ndjson",
			summary: "The newest lines of the agent's log, about a MiB since its start, oldest first; secrets are never in it", codes: []string{sale.CodeNotFound}, handle: getLog,
		},
		{
			method: http.MethodGet, path: "/v1/update", id: "getUpdate", tag: "till", status: 200, answer: map[string]any{},
			summary: "Versions in the slots and what the guard made of them", codes: []string{sale.CodeNotFound, sale.CodeUnavailable}, handle: getUpdate,
		},
	}
}

func getLog(c *call) error {
	if c.s.o.LogLines == nil {
		return noStore()
	}
	c.w.Header().Set("Content-Type", "application/x-ndjson")
	c.w.Write(c.s.o.LogLines()) // a caller that went away misses nothing that counts
	return nil
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

// ExportQuery says which events an export has.
type ExportQuery struct {
	From, To string   // days, YYYY-MM-DD; "" = open
	After    uint64   // sequence
	Types    []string // without "tilld." and ".v1"; none = all
	Epoch    string   // "" = the present one
}

var typeList = regexp.MustCompile(`^[a-z_.,]{1,500}$`)

// exportWait is how long a client may take for one piece of an export.
const exportWait = 30 * time.Second

// exporter writes to a client that has time enough for each piece.
type exporter struct {
	c     *call
	rc    *http.ResponseController
	begun bool
}

func (e *exporter) Write(b []byte) (int, error) {
	if !e.begun {
		e.begun = true
		h := e.c.w.Header()
		h.Set("Content-Type", e.c.route.media)
		h.Set("Content-Disposition", `attachment; filename="journal.jsonl"`)
		h.Set("Cache-Control", "no-store")
	}
	if err := e.rc.SetWriteDeadline(time.Now().Add(exportWait)); err != nil {
		return 0, err
	}
	return e.c.w.Write(b)
}

func exportJournal(c *call) error {
	if c.s.o.Export == nil {
		return noStore()
	}
	v := c.r.URL.Query()
	q := ExportQuery{From: v.Get("from"), To: v.Get("to")}
	for name, day := range map[string]string{"from": q.From, "to": q.To} {
		if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
			return problem(sale.CodeInvalid, name, "日期格式为 YYYY-MM-DD", name+" must be YYYY-MM-DD")
		}
	}
	var err error
	if q.After, err = c.number("after", v.Get("after")); err != nil {
		return err
	}
	if list := v.Get("type"); list != "" {
		if !typeList.MatchString(list) {
			return problem(sale.CodeInvalid, "type", "写事件类型，用逗号分隔，例如 sale.closed,sale.refunded", "type must be event types with commas between, like sale.closed,sale.refunded")
		}
		q.Types = strings.Split(list, ",")
	}
	if q.Epoch = v.Get("epoch"); q.Epoch != "" {
		list, err := epochs(c)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(list, func(e queue.EpochInfo) bool { return e.Epoch == q.Epoch }) {
			return problem(sale.CodeNotFound, "epoch", "本机没有这个编号序列，见 /v1/journal/epochs", "this till has no such epoch; /v1/journal/epochs lists them")
		}
	}
	if !c.s.streams.enter() {
		return problem(codeStreams, "", "事件流连接过多", "too many event streams are open")
	}
	defer c.s.streams.leave()
	ctx, cancel := c.s.untilStop(c.r.Context())
	defer cancel()
	w := &exporter{c: c, rc: http.NewResponseController(c.w)}
	err = c.s.o.Export(ctx, w, q)
	if err != nil && w.begun {
		c.s.log.Warn("export of the journal broken off", "err", err)
		panic(http.ErrAbortHandler) // what was sent has no manifest, and says so
	}
	return err
}

func epochs(c *call) ([]queue.EpochInfo, error) {
	if c.s.o.Journal == nil {
		return nil, noStore()
	}
	return c.s.o.Journal.Epochs()
}

func listEpochs(c *call) error {
	list, err := epochs(c)
	if err != nil {
		return err
	}
	return c.json(EpochList{Epochs: list})
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
