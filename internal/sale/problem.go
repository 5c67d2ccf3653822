package sale

import "tilld/internal/lang"

// Problem is why something was not done, with a stable code for programs and a
// sentence for a cashier or an engineer. The local API sends it as
// application/problem+json.
type Problem struct {
	Code   string // one of the codes below
	Field  string // offending field of the request, "" when none
	Detail lang.Text
}

func (p *Problem) Error() string { return p.Code + ": " + p.Detail.EN }

// Codes of problems. Append only: POS applications branch on them.
const (
	CodeInvalid         = "invalid_field"
	CodeUnknownSale     = "unknown_sale"
	CodeUnknownLine     = "unknown_line"
	CodeUnknownCode     = "unknown_code"
	CodeUnknownJob      = "unknown_job"
	CodeUnknownDevice   = "unknown_device"
	CodeNoCurrentSale   = "no_current_sale"
	CodeWrongState      = "wrong_state"
	CodeNothingDue      = "nothing_due"
	CodeEmptySale       = "empty_sale"
	CodeTooManyLines    = "too_many_lines"
	CodeDuplicateSerial = "duplicate_serial"
	CodeLinkDown        = "link_down"
	CodePaymentUnknown  = "payment_unknown"
	CodePaymentFailed   = "payment_failed"
	CodePaymentPending  = "payment_pending"
	CodeQueueFull       = "queue_full"
	CodeStorage         = "storage_fault"
	CodeKeyReused       = "idempotency_key_reused"
	CodeJobConflict     = "job_conflict"
	CodeNoPrinter       = "no_printer"
	CodeNoDisplay       = "no_display"
	CodeCouponRefused   = "coupon_refused"
	CodeRateLimited     = "rate_limited"
	CodeSaleOpen        = "sale_open"
	CodeRefundTooMuch   = "refund_too_much"
	CodeNotFound        = "not_found"
	CodeUnavailable     = "unavailable"
	CodeShiftOpen       = "shift_open"
	CodePickupDone      = "pickup_done"
	CodeBadCode         = "bad_code"
	CodeNotPaying       = "not_paying"
	CodeTooManyPayments = "too_many_payments"
	CodeSerialSold      = "serial_sold"
	CodeBasketUsed      = "basket_used"
	CodeProofRefused    = "proof_refused"
	CodeProofUsed       = "proof_used"
	CodeProofLocked     = "proof_locked"
)

func problem(code, field, zh, en string) *Problem {
	return &Problem{Code: code, Field: field, Detail: lang.Text{ZH: zh, EN: en}}
}
