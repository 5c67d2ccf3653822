package till

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tilld/internal/sale"
	"tilld/printer"
)

// reprintedData is the data of tilld.receipt.reprinted.v1. It is reported in the
// commit that queues the copy; what became of it on paper is receipt.outcome.
type reprintedData struct {
	Sale    string    `json:"sale,omitempty"`
	JobID   string    `json:"job_id"`
	CopyOf  string    `json:"copy_of"`
	Reason  string    `json:"reason,omitempty"`
	Cashier string    `json:"cashier,omitempty"` // who asked for it, else who is signed in
	Origin  string    `json:"origin"`            // api, cashier, command
	At      time.Time `json:"at"`
}

// reprinted reports that a marked copy was asked for.
func (x *txn) reprinted(j printer.Job, reason, cashier string) {
	x.report("tilld.receipt.reprinted.v1", firstText(j.SaleID, j.ID), reprintedData{
		Sale: j.SaleID, JobID: j.ID, CopyOf: j.CopyOf, Reason: reason,
		Cashier: cut(firstText(cashier, x.m.Book().Cashier), 64), Origin: j.Origin, At: x.at,
	})
}

// checkNote bounds the reason and the cashier that may come with a call.
func checkNote(reason, cashier string) error {
	switch {
	case len(reason) > 256 || !utf8.ValidString(reason):
		return problem(sale.CodeInvalid, "reason", "原因最多 256 字节", "reason has at most 256 bytes")
	case len(cashier) > 64 || strings.ContainsFunc(cashier, unicode.IsControl):
		return problem(sale.CodeInvalid, "cashier", "工号无效", "the cashier's id must have at most 64 printable characters")
	}
	return nil
}
