// Package till is the engine of the agent: it takes what happens (scans, calls,
// commands, answers of the cloud, deadlines) one at a time, steps the pure sale
// machine, commits the new state with its events, ledger entries and print jobs
// in one transaction, and only then lets effects run.
package till

import (
	"context"
	"encoding/json"

	"tilld/internal/lang"
	"tilld/internal/sale"
	"tilld/printer"
	"tilld/scanner"
)

// Till is one till. Safe for concurrent use.
type Till struct{ o Options }

func notYet() error {
	return &sale.Problem{Code: sale.CodeUnavailable, Detail: lang.Text{ZH: "暂不可用", EN: "not available yet"}}
}

func New(o Options) (*Till, error)                                      { return &Till{o: o}, nil }
func (t *Till) Run(ctx context.Context) error                           { <-ctx.Done(); return nil }
func (t *Till) Do(ctx context.Context, c Call, cmd any) (Answer, error) { return Answer{}, notYet() }

// Scan takes one scan; false asks the scanner for its bad beep.
func (t *Till) Scan(ctx context.Context, s scanner.Scan) bool { return false }

func (t *Till) Sale(id string) (sale.Sale, error)                 { return sale.Sale{}, notYet() }
func (t *Till) Current() (sale.Sale, error)                       { return sale.Sale{}, notYet() }
func (t *Till) Sales(f Filter) ([]sale.Sale, string, error)       { return nil, "", notYet() }
func (t *Till) Scans(after uint64, n int) ([]Scan, uint64, error) { return nil, 0, notYet() }
func (t *Till) Job(id string) (PrintAnswer, error)                { return PrintAnswer{}, notYet() }
func (t *Till) ReceiptDoc(saleID string) (printer.Doc, error)     { return nil, notYet() }
func (t *Till) ZReport(day string) (ZReport, error)               { return ZReport{}, notYet() }
func (t *Till) Status(tag lang.Tag) Status                        { return Status{} }
func (t *Till) Ready() (bool, []string)                           { return false, nil }
func (t *Till) SaleOpen() bool                                    { return false }

// Printer ledger, see printer.Ledger.
func (t *Till) Next(ctx context.Context, name string) (printer.Job, error) {
	<-ctx.Done()
	return printer.Job{}, ctx.Err()
}
func (t *Till) Begin(ctx context.Context, jobID string) error { return notYet() }
func (t *Till) End(ctx context.Context, jobID string, o printer.Outcome, e printer.Evidence, reason string) error {
	return notYet()
}

// Commands of the cloud (contract §4): data is decoded strictly; the result is
// the reply's data, an error its code and message (*sale.Problem).

func (t *Till) PaymentResult(ctx context.Context, data json.RawMessage) error { return notYet() }
func (t *Till) BasketPush(ctx context.Context, data json.RawMessage) (any, error) {
	return nil, notYet()
}
func (t *Till) ScreenShow(ctx context.Context, data json.RawMessage) (any, error) {
	return nil, notYet()
}
func (t *Till) ScreenClear(ctx context.Context, data json.RawMessage) (any, error) {
	return nil, notYet()
}

// PrinterPrint is printer.print; jti makes job ids of the cloud unique.
func (t *Till) PrinterPrint(ctx context.Context, data json.RawMessage) (any, error) {
	return nil, notYet()
}
func (t *Till) ReceiptSet(ctx context.Context, data json.RawMessage) (any, error) {
	return nil, notYet()
}
func (t *Till) PriceBookApply(ctx context.Context, data json.RawMessage) (any, error) {
	return nil, notYet()
}
func (t *Till) ConfigPatch(ctx context.Context, data json.RawMessage) (any, error) {
	return nil, notYet()
}
func (t *Till) DeviceTest(ctx context.Context, data json.RawMessage) (any, error) {
	return nil, notYet()
}
func (t *Till) DrawerOpen(ctx context.Context, data json.RawMessage) (any, error) {
	return nil, notYet()
}
func (t *Till) LogLevel(ctx context.Context, data json.RawMessage) (any, error) {
	return nil, notYet()
}
func (t *Till) Report(ctx context.Context, data json.RawMessage) (any, error) { return nil, notYet() }
