package status

import (
	"context"
	"slices"
	"time"

	"tilld/internal/lang"
	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/printer"
)

// Engine is what the local API needs of the till. *till.Till implements it.
// Errors are *sale.Problem, or faults of the disk.
type Engine interface {
	// Do runs one command: a pointer-free value of package sale or till.
	Do(ctx context.Context, c till.Call, cmd any) (till.Answer, error)
	Sale(id string) (sale.Sale, error)
	Current() (sale.Sale, error)
	Sales(f till.Filter) (list []sale.Sale, next string, err error)
	Scans(after uint64, limit int) (list []till.Scan, next uint64, err error)
	Job(id string) (till.PrintAnswer, error)
	ReceiptDoc(saleID string) (printer.Doc, error)
	ZReport(day string) (till.ZReport, error) // "" is today
	Desk() till.Desk
	LookupSale(ctx context.Context, code string) (till.OtherSale, error)
	Articles(text string, limit int) ([]sale.Article, error)
	Status(tag lang.Tag) till.Status
	Ready() (ok bool, reasons []string)
}

// zone returns the till's time zone, for dates without one.
func zone(e Engine) *time.Location {
	loc, err := time.LoadLocation(e.Status(lang.EN).Till.Timezone)
	if err != nil {
		return time.Local
	}
	return loc
}

// status is the till's status with every sentence in language tag.
func (s *Server) status(tag lang.Tag) till.Status {
	st := s.o.Engine.Status(tag)
	st.Devices, st.Conditions = slices.Clone(nonNil(st.Devices)), nonNil(st.Conditions)
	for i := range st.Devices {
		st.Devices[i].Hint = st.Devices[i].HintIn(tag)
	}
	return st
}
