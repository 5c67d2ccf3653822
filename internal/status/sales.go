package status

import (
	"net/http"
	"strconv"
	"time"

	"tilld/internal/sale"
	"tilld/internal/till"
)

// SaleList is one page of sales.
type SaleList struct {
	Sales []sale.Sale `json:"sales"`
	Next  string      `json:"next"` // for `after`; "" at the end
}

// empty is the body of calls that need none: "" or {}.
type empty struct{}

// addItem is the body of POST items.
type addItem struct{ sale.Add }

func (c *call) id() string { return c.r.PathValue("id") }

func openSale(c *call) error {
	var cmd sale.OpenSale
	if err := c.decode(&cmd); err != nil {
		return err
	}
	return c.do(cmd)
}

func addItemTo(c *call) error {
	var body addItem
	if err := c.decode(&body); err != nil {
		return err
	}
	return c.do(sale.AddItem{Sale: c.id(), Add: body.Add})
}

// line reads the line number in the path.
func (c *call) line() (int, error) {
	n, err := strconv.ParseInt(c.r.PathValue("line"), 10, 32)
	if err != nil || n < 1 {
		return 0, problem(sale.CodeUnknownLine, "line", "本单没有这一行", "the sale has no such line")
	}
	return int(n), nil
}

func changeItem(c *call) error {
	var cmd sale.ChangeItem
	if err := c.decode(&cmd); err != nil {
		return err
	}
	var err error
	if cmd.Line, err = c.line(); err != nil {
		return err
	}
	if cmd.Quantity == nil && cmd.Discount == nil {
		return invalid("quantity", "请给出 quantity 或 discount", "give quantity, discount or both")
	}
	cmd.Sale = c.id()
	return c.do(cmd)
}

func removeItem(c *call) error {
	line, err := c.line()
	if err != nil {
		return err
	}
	return c.bare(sale.RemoveItem{Sale: c.id(), Line: line})
}

// bare runs a command whose call has no body.
func (c *call) bare(cmd any) error {
	if err := c.decode(&empty{}); err != nil {
		return err
	}
	return c.do(cmd)
}

func pay(c *call) error {
	var cmd sale.Pay
	if err := c.decode(&cmd); err != nil {
		return err
	}
	cmd.Sale = c.id()
	return c.do(cmd)
}

func voidSale(c *call) error {
	var cmd sale.VoidSale
	if err := c.decode(&cmd); err != nil {
		return err
	}
	cmd.Sale = c.id()
	return c.do(cmd)
}

func refundSale(c *call) error {
	var cmd sale.RefundSale
	if err := c.decode(&cmd); err != nil {
		return err
	}
	cmd.Sale = c.id()
	return c.do(cmd)
}

// lookupReceipt finds a sale of any till by its receipt.
func lookupReceipt(c *call) error {
	found, err := c.s.o.Engine.LookupSale(c.r.Context(), c.r.URL.Query().Get("code"))
	if err != nil {
		return err
	}
	return c.json(found)
}

func refundOther(c *call) error {
	var cmd till.RefundOther
	if err := c.decode(&cmd); err != nil {
		return err
	}
	return c.do(cmd)
}

func cancelPayment(c *call) error { return c.bare(sale.CancelPayment{Sale: c.id()}) }

func parkSale(c *call) error {
	var cmd sale.Park
	if err := c.decode(&cmd); err != nil {
		return err
	}
	cmd.Sale = c.id()
	return c.do(cmd)
}

func recallSale(c *call) error {
	var cmd sale.Recall
	if err := c.decode(&cmd); err != nil {
		return err
	}
	cmd.Sale = c.id()
	return c.do(cmd)
}

func reprint(c *call) error {
	var cmd sale.Reprint
	if err := c.decode(&cmd); err != nil {
		return err
	}
	cmd.Sale = c.id()
	return c.do(cmd)
}

func getSale(c *call) error {
	found, err := c.s.o.Engine.Sale(c.id())
	if err != nil {
		return err
	}
	return c.json(found)
}

func currentSale(c *call) error {
	found, err := c.s.o.Engine.Current()
	if err != nil {
		return err
	}
	return c.json(found)
}

func listSales(c *call) error {
	f, err := c.filter()
	if err != nil {
		return err
	}
	list, next, err := c.s.o.Engine.Sales(f)
	if err != nil {
		return err
	}
	if list == nil {
		list = []sale.Sale{}
	}
	return c.json(SaleList{Sales: list, Next: next})
}

func (c *call) filter() (till.Filter, error) {
	q := c.r.URL.Query()
	f := till.Filter{State: sale.State(q.Get("state")), Text: q.Get("text"), After: q.Get("after")}
	var err error
	if f.Limit, err = c.limit(); err != nil {
		return f, err
	}
	if f.From, err = c.moment("from", false); err != nil {
		return f, err
	}
	if f.To, err = c.moment("to", true); err != nil {
		return f, err
	}
	if len(f.Text) > 128 {
		return f, invalid("text", "最多 128 字节", "128 bytes at most")
	}
	switch f.State {
	case "", sale.Open, sale.Paying, sale.Paid, sale.Closed, sale.Void, sale.Refunded, sale.Parked:
	default:
		return f, invalid("state", "没有这个状态", "there is no such state")
	}
	if v := q.Get("amount"); v != "" {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return f, invalid("amount", "必须是整数（分）", "must be an integer of minor units")
		}
		m := sale.Money(n)
		f.Amount = &m
	}
	return f, nil
}

func (c *call) limit() (int, error) {
	v := c.r.URL.Query().Get("limit")
	if v == "" {
		return 100, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > 1000 {
		return 0, invalid("limit", "必须在 1 到 1000 之间", "must be 1 to 1000")
	}
	return n, nil
}

// moment reads a time, or a day in the till's zone: its start, or for an upper
// bound its end.
func (c *call) moment(name string, upper bool) (time.Time, error) {
	v := c.r.URL.Query().Get(name)
	if v == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, v); err == nil {
		return t, nil
	}
	day, err := time.ParseInLocation(time.DateOnly, v, zone(c.s.o.Engine))
	if err != nil {
		return day, invalid(name, "必须是带时区的 RFC 3339 时间或 YYYY-MM-DD", "must be a time in RFC 3339 with zone (a + written as %2B), or YYYY-MM-DD")
	}
	if upper {
		day = day.AddDate(0, 0, 1)
	}
	return day, nil
}

func getStatus(c *call) error { return c.json(c.s.status(c.lang)) }

func (s *Server) localRows() []route {
	rows := []route{
		{method: http.MethodGet, path: "/healthz", id: "healthz", tag: "health", access: byLocal, status: 200, answer: Alive{}, summary: "The agent runs", handle: healthz},
		{method: http.MethodGet, path: "/readyz", id: "readyz", tag: "health", access: byLocal, status: 200, answer: Readiness{}, summary: "Able to sell; 503 with the reasons otherwise", handle: readyz},
		{method: http.MethodGet, path: "/metrics", id: "metrics", tag: "health", access: byLocal, status: 200, media: "text/plain", summary: "Prometheus metrics", handle: serveMetrics},
		{method: http.MethodGet, path: "/openapi.json", id: "openapi", tag: "health", access: byLocal, status: 200, answer: map[string]any{}, summary: "This API as OpenAPI 3.1", handle: serveSpec},
	}
	return rows
}
