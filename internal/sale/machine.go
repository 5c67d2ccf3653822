package sale

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Limits of a sale.
const (
	// MaxLines bounds the line items, so that sale.closed fits one event.
	MaxLines = 300
	// MaxPayments bounds the tries to be paid through the cloud.
	MaxPayments = 20
	// maxItemBytes bounds the line items as JSON, for the same reason.
	maxItemBytes = 56 << 10
	// MaxMoney bounds every amount: ten billion minor units.
	MaxMoney Money = 10_000_000_000
)

// Config is what the machine must know of its till.
type Config struct {
	Currency string
	Location *time.Location // the store's time zone: business days, markdowns
	Receipts bool           // there is a receipt printer
}

// Book is what the till knows besides its sales; it is stored as one record.
type Book struct {
	Current string `json:"current,omitempty"` // id of the sale that scans go to
	Day     string `json:"day,omitempty"`     // business day of the last number
	Number  int    `json:"number,omitempty"`  // last number given on Day
	Cashier string `json:"cashier,omitempty"` // signed in
	Shift   *Shift `json:"shift,omitempty"`
	// TillClosed says that the last shift was closed and nothing was sold since.
	TillClosed bool   `json:"till_closed,omitempty"`
	Totals     Totals `json:"totals"` // of Day
	// Last is the sale closed last; the customer screen thanks for it until
	// the next sale opens or the scene grows old.
	Last   string    `json:"last,omitempty"`
	LastAt time.Time `json:"last_at,omitzero"`
	// OffersOf is the sale whose offers were reported as shown last.
	OffersOf string `json:"offers_of,omitempty"`
}

// Shift is a cashier's turn at the drawer.
type Shift struct {
	Cashier  string    `json:"cashier,omitempty"`
	OpenedAt time.Time `json:"opened_at"`
	Float    Money     `json:"float"`
	Cash     Money     `json:"cash"` // cash taken minus cash given back since
}

// Machine is one till's sales. It is a value: Step leaves it alone and returns
// the next one, so that the caller can commit before it believes.
type Machine struct {
	cfg  Config
	book Book
	live map[string]*Sale // open, paying, parked, and ended ones with unsettled payments or refunds
}

// New returns the machine of a till whose live sales and book were stored.
func New(cfg Config, book Book, live ...Sale) Machine {
	m := Machine{cfg: cfg, book: book, live: make(map[string]*Sale, len(live))}
	for i := range live {
		m.live[live[i].ID] = &live[i]
	}
	return m
}

// With returns the machine with a stored sale that had ended taken up again,
// so that it can be refunded or reprinted. A live sale of that id wins.
func (m Machine) With(s Sale) Machine {
	if _, ok := m.live[s.ID]; ok {
		return m
	}
	m.live = maps.Clone(m.live)
	c := s.clone()
	m.live[s.ID] = &c
	return m
}

// Book returns the record beside the sales.
func (m Machine) Book() Book { return m.book }

// Sale returns a live sale.
func (m Machine) Sale(id string) (Sale, bool) {
	s, ok := m.live[id]
	if !ok {
		return Sale{}, false
	}
	return s.clone(), true
}

// Current returns the sale that scans go to.
func (m Machine) Current() (Sale, bool) { return m.Sale(m.book.Current) }

// Live returns all live sales by id, oldest first.
func (m Machine) Live() []Sale {
	list := make([]Sale, 0, len(m.live))
	for _, id := range slices.Sorted(maps.Keys(m.live)) {
		list = append(list, m.live[id].clone())
	}
	return list
}

// IDs are the ids of all live sales, oldest first.
func (m Machine) IDs() []string { return slices.Sorted(maps.Keys(m.live)) }

// Waiting returns the live sales with payments that the cloud has not called
// final, oldest first. Of hundreds that are parked it looks at each and copies
// none.
func (m Machine) Waiting() (list []Sale) {
	for _, s := range m.live {
		if len(s.Unsettled()) > 0 {
			list = append(list, s.clone())
		}
	}
	slices.SortFunc(list, func(a, b Sale) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// Event is one thing that happened. It carries its own time: the machine has no
// clock.
type Event interface{ step(*stepper) error }

// Effect is one thing that follows from an event. Effects run after the new
// state is on disk, except Report and Print, which are part of it.
type Effect interface{ effect() }

type (
	// Report is an event for the cloud.
	Report struct {
		Type    string // "tilld.sale.closed.v1"
		Subject string
		Data    any
	}
	// Print is a receipt, or a refund's receipt, for the receipt printer.
	Print struct {
		JobID  string
		Sale   Sale
		Refund *Refund
	}
	// Ask is a question for the cloud about a payment. It is asked again until
	// the payment is settled; the cloud knows it by its payment or refund id.
	Ask struct {
		Type      string // "payment.create", "payment.cancel" …
		SaleID    string
		PaymentID string
		RefundID  string
		Amount    Money
	}
	// Drawer opens the cash drawer of the receipt printer for a cash tender that
	// is taken or given back.
	Drawer struct{ SaleID string }
)

func (Report) effect() {}
func (Print) effect()  {}
func (Ask) effect()    {}
func (Drawer) effect() {}

// Result is what a step leads to.
type Result struct {
	Effects []Effect
	Touched []Sale // sales to store, with their new state
	Sale    string // id of the sale the event was about
}

// Step returns the machine after e. On an error, always a [*Problem], nothing
// changed.
func (m Machine) Step(e Event) (Machine, Result, error) {
	w := &stepper{cfg: m.cfg, book: m.book, live: maps.Clone(m.live), touched: map[string]bool{}}
	if m.book.Shift != nil {
		shift := *m.book.Shift
		w.book.Shift = &shift
	}
	w.book.Totals.Tenders = maps.Clone(m.book.Totals.Tenders)
	if err := e.step(w); err != nil {
		return m, Result{}, err
	}
	r := Result{Effects: w.effects, Sale: w.about}
	for _, id := range slices.Sorted(maps.Keys(w.touched)) {
		s := w.live[id]
		r.Touched = append(r.Touched, s.clone())
		if s.ended() {
			delete(w.live, id)
		}
	}
	return Machine{cfg: m.cfg, book: w.book, live: w.live}, r, nil
}

// stepper is one step under way.
type stepper struct {
	cfg     Config
	book    Book
	live    map[string]*Sale
	touched map[string]bool
	effects []Effect
	about   string
}

// edit returns a private copy of a live sale, which becomes part of the next
// machine.
func (w *stepper) edit(id string) (*Sale, error) {
	s, ok := w.live[id]
	if !ok {
		return nil, problem(CodeUnknownSale, "", "没有这笔销售，或它已经结束", "there is no such sale, or it has ended")
	}
	if !w.touched[id] {
		c := s.clone()
		s = &c
		w.live[id] = s
		w.touched[id] = true
	}
	w.about = id
	return s, nil
}

func (w *stepper) add(e ...Effect) { w.effects = append(w.effects, e...) }

// ended reports whether nothing more can happen to s by itself.
func (s *Sale) ended() bool {
	switch s.State {
	case Closed, Void, Refunded:
		return len(s.Unsettled()) == 0 && !s.refundsPending()
	default:
		return false
	}
}

func (s *Sale) refundsPending() bool {
	return slices.ContainsFunc(s.Refunds, func(r Refund) bool { return r.State == RefundPending })
}

// Unsettled returns the payments that the cloud has not called final.
func (s *Sale) Unsettled() []Payment {
	var list []Payment
	for _, p := range s.Payments {
		if !p.State.Final() || !p.Settled {
			list = append(list, p)
		}
	}
	if p := s.Payment; p != nil && (!p.State.Final() || !p.Settled) {
		list = append(list, *p)
	}
	return list
}

// Due is what is left to pay.
func (s *Sale) Due() Money { return s.Total - s.Paid }

func (s *Sale) clone() Sale {
	c := *s
	c.Items = slices.Clone(s.Items)
	c.Tenders = slices.Clone(s.Tenders)
	c.Payments = slices.Clone(s.Payments)
	c.Coupons = slices.Clone(s.Coupons)
	c.Offers = slices.Clone(s.Offers)
	c.Refunds = slices.Clone(s.Refunds)
	for i := range c.Refunds {
		c.Refunds[i].Lines = slices.Clone(c.Refunds[i].Lines)
		c.Refunds[i].Tenders = slices.Clone(c.Refunds[i].Tenders)
	}
	c.Payment = clonePtr(s.Payment)
	c.Member = clonePtr(s.Member)
	c.Points = clonePtr(s.Points)
	c.StoredValue = clonePtr(s.StoredValue)
	c.Receipt = clonePtr(s.Receipt)
	c.ClosedAt = clonePtr(s.ClosedAt)
	c.RefundFrom = clonePtr(s.RefundFrom)
	return c
}

func clonePtr[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}
