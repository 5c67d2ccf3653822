package status

import (
	"errors"
	"net/http"

	"tilld/internal/fault"
	"tilld/internal/lang"
	"tilld/internal/sale"
	"tilld/queue"
)

// Problem is the body of every error answer (RFC 9457).
type Problem struct {
	Type   string `json:"type"`  // "urn:tilld:problem:" and the code
	Title  string `json:"title"` // the HTTP status in words
	Status int    `json:"status"`
	Detail string `json:"detail"` // what a cashier or an engineer can do, in the caller's language
	Code   string `json:"code"`   // stable; programs branch on it
	Field  string `json:"field,omitempty"`
}

// Codes of the HTTP side itself; package sale has those of the till.
const (
	codeInvalidJSON  = "invalid_json"
	codeUnknownField = "unknown_field"
	codeWrongHost    = "wrong_host"
	codeForeign      = "foreign_origin"
	codeNotLocal     = "not_local"
	codeUnauthorized = "unauthorized"
	codeScope        = "sign_in_needed"
	codeTooMany      = "too_many_attempts"
	codePIN          = "pin_needed"
	codeMethod       = "method_not_allowed"
	codeMediaType    = "unsupported_media_type"
	codeTooLarge     = "too_large"
	codeTimeout      = "body_timeout"
	codeGone         = "events_gone"
	codeStreams      = "too_many_streams"
	codeStorage      = sale.CodeStorage
	codeInternal     = "internal"
)

// statusOf is the table of codes and HTTP statuses; docs/api.md shows it and a
// test holds the two together.
var statusOf = map[string]int{
	codeInvalidJSON:  http.StatusBadRequest,
	codeUnknownField: http.StatusUnprocessableEntity,
	codeWrongHost:    http.StatusMisdirectedRequest,
	codeForeign:      http.StatusForbidden,
	codeNotLocal:     http.StatusForbidden,
	codeUnauthorized: http.StatusUnauthorized,
	codeScope:        http.StatusForbidden,
	codeTooMany:      http.StatusTooManyRequests,
	codePIN:          http.StatusUnauthorized,
	codeMethod:       http.StatusMethodNotAllowed,
	codeMediaType:    http.StatusUnsupportedMediaType,
	codeTooLarge:     http.StatusRequestEntityTooLarge,
	codeTimeout:      http.StatusRequestTimeout,
	codeGone:         http.StatusGone,
	codeStreams:      http.StatusServiceUnavailable,
	codeStorage:      http.StatusInternalServerError,
	codeInternal:     http.StatusInternalServerError,

	sale.CodeInvalid:         http.StatusUnprocessableEntity,
	sale.CodeUnknownSale:     http.StatusNotFound,
	sale.CodeUnknownLine:     http.StatusNotFound,
	sale.CodeUnknownCode:     http.StatusNotFound,
	sale.CodeUnknownJob:      http.StatusNotFound,
	sale.CodeUnknownDevice:   http.StatusNotFound,
	sale.CodeNoCurrentSale:   http.StatusNotFound,
	sale.CodeNotFound:        http.StatusNotFound,
	sale.CodeWrongState:      http.StatusConflict,
	sale.CodeNothingDue:      http.StatusConflict,
	sale.CodeEmptySale:       http.StatusConflict,
	sale.CodeTooManyLines:    http.StatusConflict,
	sale.CodeDuplicateSerial: http.StatusConflict,
	sale.CodeSerialSold:      http.StatusConflict,
	sale.CodeBasketUsed:      http.StatusConflict,
	sale.CodePaymentPending:  http.StatusConflict,
	sale.CodePaymentFailed:   http.StatusPaymentRequired,
	sale.CodeJobConflict:     http.StatusConflict,
	sale.CodeNoPrinter:       http.StatusConflict,
	sale.CodeNoDisplay:       http.StatusConflict,
	sale.CodeCouponRefused:   http.StatusConflict,
	sale.CodeSaleOpen:        http.StatusConflict,
	sale.CodeRefundTooMuch:   http.StatusConflict,
	sale.CodeShiftOpen:       http.StatusConflict,
	sale.CodePickupDone:      http.StatusConflict,
	sale.CodeNotPaying:       http.StatusConflict,
	sale.CodeTooManyPayments: http.StatusConflict,
	sale.CodeProofRefused:    http.StatusUnprocessableEntity,
	sale.CodeProofUsed:       http.StatusConflict,
	sale.CodeProofLocked:     http.StatusConflict,
	sale.CodeBadCode:         http.StatusUnprocessableEntity,
	sale.CodeKeyReused:       http.StatusUnprocessableEntity,
	sale.CodeRateLimited:     http.StatusTooManyRequests,
	sale.CodeLinkDown:        http.StatusServiceUnavailable,
	sale.CodeUnavailable:     http.StatusServiceUnavailable,
	sale.CodePaymentUnknown:  http.StatusGatewayTimeout,
	sale.CodeQueueFull:       http.StatusInsufficientStorage,
}

func problem(code, field, zh, en string) *sale.Problem {
	return &sale.Problem{Code: code, Field: field, Detail: lang.Text{ZH: zh, EN: en}}
}

func invalid(field, zh, en string) *sale.Problem { return problem(sale.CodeInvalid, field, zh, en) }

// toProblem turns any error into one that can be shown. What a caller cannot
// act on is told without its cause, which goes to the log.
func toProblem(err error) (p *sale.Problem, internal bool) {
	if p, ok := errors.AsType[*sale.Problem](err); ok {
		return p, false
	}
	switch fault.KindOf(err) {
	case fault.Full:
		return problem(sale.CodeQueueFull, "", "本机存储已满，请联系门店 IT", "this till's storage is full; call store IT"), false
	case fault.Corrupt:
		return problem(codeStorage, "", "本机存储的这条记录已损坏，请联系门店 IT", "this record is damaged on this till's disk; call store IT"), true
	case fault.Absent, fault.Busy, fault.Timeout, fault.Attention:
		return problem(sale.CodeUnavailable, "", "暂时无法完成："+hint(err), "not possible right now: "+hint(err)), false
	case fault.Refused:
		return problem(sale.CodeWrongState, "", "无法执行："+hint(err), "not done: "+hint(err)), false
	}
	if errors.Is(err, queue.ErrDisk) {
		return problem(codeStorage, "", "本机磁盘出现故障，本次操作没有生效：请停止销售并联系门店 IT；此前已接受的数据是安全的",
			"this till's disk fails, and this was not done: stop selling and call store IT; what was accepted before is safe"), true
	}
	return problem(codeInternal, "", "本机程序出错，详情见日志", "something went wrong inside the till; its log has the details"), true
}

func hint(err error) string {
	if h := fault.HintOf(err); h != "" {
		return h
	}
	return fault.KindOf(err).String()
}

// fail answers with a problem.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, tag lang.Tag, err error) {
	if s.refuse(w, r, tag, err) {
		return
	}
	p, internal := toProblem(err)
	status, ok := statusOf[p.Code]
	if !ok {
		status = http.StatusInternalServerError
	}
	if internal {
		s.log.Error("request failed", "method", r.Method, "path", clip(r.URL.Path), "err", err)
	}
	body := problemBody(p, status, tag)
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Language", string(tag))
	h.Set("Cache-Control", "no-store")
	s.metrics.refused(p.Code)
	w.WriteHeader(status)
	w.Write(body)
}

// clip bounds outside text for the log.
func clip(s string) string {
	if len(s) > 256 {
		return s[:256] + "…"
	}
	return s
}
