package journal

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
)

// csvHead are the columns. The last one is the line of the export, exactly; all
// others are read out of it, for people and spreadsheets.
var csvHead = []string{
	"sequence", "time", "type", "subject", "day", "number", "amount", "currency", "tenders", "prevhash", "hash", "line",
}

// WriteCSV turns an export of lines into CSV (RFC 4180, UTF-8 with a byte order
// mark, as spreadsheets want it). Amounts are minor units; a refund's is negative.
func WriteCSV(w io.Writer, export io.Reader) error {
	r, err := newReader(export)
	if err != nil {
		return err
	}
	if _, err := w.Write(bom); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if err := out.Write(csvHead); err != nil {
		return err
	}
	for {
		b, err := r.next()
		if errors.Is(err, io.EOF) {
			out.Flush()
			return out.Error()
		}
		if err != nil {
			return err
		}
		l, err := parseLine(b)
		if err != nil {
			return err
		}
		if err := out.Write(csvRow(l, b)); err != nil {
			return err
		}
	}
}

// csvRow is what the columns say of a line.
func csvRow(l line, b []byte) []string {
	row := make([]string, len(csvHead))
	row[len(row)-1] = string(b)
	switch {
	case l.omitted != nil:
		row[0] = strconv.FormatUint(l.omitted.First, 10) + "-" + strconv.FormatUint(l.omitted.Last, 10)
		row[2], row[9], row[10] = "omitted", l.omitted.Prev.String(), l.omitted.Hash.String()
	case l.manifest != nil:
		row[2] = "manifest"
	case l.event != nil:
		e := l.event
		row[0], row[1], row[2], row[3] = strconv.FormatUint(e.Sequence, 10), e.Time.UTC().Format(time.RFC3339Nano), cell(e.Type), cell(e.Subject)
		row[9], row[10] = e.Prev.String(), e.Hash.String()
		if f, ok := figures(e); ok {
			row[4], row[6], row[7], row[8] = cell(f.Day), strconv.FormatInt(f.amount(), 10), cell(f.Currency), cell(f.tenders())
			if f.Number > 0 {
				row[5] = strconv.Itoa(f.Number)
			}
		}
	}
	return row
}

// cell keeps outside text from being a formula in a spreadsheet, and from
// breaking its row.
func cell(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
	if s != "" && strings.ContainsRune("=+-@|%", rune(s[0])) {
		return "'" + s
	}
	return s
}

// movement is what an event says of money.
type movement struct {
	kind      string // of the event, without "tilld." and ".v1"
	ID        string `json:"id"`
	Sale      string `json:"sale"`
	RefundID  string `json:"refund_id"`
	Number    int    `json:"number"`
	Day       string `json:"day"`
	Currency  string `json:"currency"`
	Total     int64  `json:"total"`
	Amount    int64  `json:"amount"`
	State     string `json:"state"`
	Tenders   []part `json:"tenders"`
	Cash      int64  `json:"cash"`
	Cashier   string `json:"cashier"`
	GivenBack []part `json:"given_back"`
	Refunds   []struct {
		GiveBack bool   `json:"give_back"`
		Tenders  []part `json:"tenders"`
	} `json:"refunds"`
}

type part struct {
	Method string `json:"method"`
	Amount int64  `json:"amount"`
	State  string `json:"state"` // of what is given back: failed is not
}

// figures reads what an event says of money; false when it is about none.
func figures(e *Event) (m movement, ok bool) {
	m.kind = strings.TrimSuffix(strings.TrimPrefix(e.Type, "tilld."), ".v1")
	switch m.kind {
	case "sale.closed", "sale.refunded", "sale.voided":
		if json.Unmarshal(e.Data, &m) != nil {
			return m, false
		}
		return m, true
	}
	return m, false
}

// byTender is what the event adds to the turnover, by method: without what the
// payment side refused to give back, and without what was given back of a sale's
// tenders before it closed.
func (m movement) byTender() map[string]int64 {
	by := map[string]int64{}
	count := func(list []part, sign int64) {
		for _, t := range list {
			if t.State != "failed" {
				by[t.Method] += sign * t.Amount
			}
		}
	}
	switch m.kind {
	case "sale.closed":
		count(m.Tenders, 1)
		for _, r := range m.Refunds {
			if r.GiveBack {
				count(r.Tenders, -1)
			}
		}
	case "sale.refunded":
		count(m.Tenders, -1)
	}
	return by
}

// amount is what the event adds to the turnover.
func (m movement) amount() int64 {
	switch m.kind {
	case "sale.closed":
		return m.Total
	case "sale.refunded":
		return -m.Amount
	}
	return 0
}

func (m movement) tenders() string {
	var list []string
	if m.kind == "sale.voided" {
		return ""
	}
	for _, t := range m.Tenders {
		a := t.Amount
		if m.kind == "sale.refunded" {
			a = -a
		}
		list = append(list, t.Method+" "+strconv.FormatInt(a, 10))
	}
	return strings.Join(list, "; ")
}
