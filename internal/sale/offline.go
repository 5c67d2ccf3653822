package sale

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"
)

type (
	// OfflineStarted shows a pay code that the till made itself, because there is
	// no link. Whoever made it has put Amount, Nonce and the sale's
	// [OfflineReference] into it.
	OfflineStarted struct {
		At        time.Time
		Sale      string
		PaymentID string // of [OfflineID]
		Nonce     string // 16 hex digits
		Amount    Money
		TTL       time.Duration
		Text      string // PR1, what the code says
		Request   string // its body, hex, when a code will do instead of the proof
	}
	// OfflineProven is a payment proof of the cloud whose signature and till were
	// found good. It pays the request whose id it carries, once.
	OfflineProven struct {
		At        time.Time
		PaymentID string
		Amount    Money // as the proof says
		Tenders   []Tender
		Proof     string // PP1 as it was read, for the journal
	}
	// OfflineCoded is a pay code that was found to be the one of a request: it says
	// that the shopper paid all of it, and no more.
	OfflineCoded struct {
		At        time.Time
		PaymentID string
		Form      string // typed or barcode
		Ending    string // of the code, for the journal
	}
	// OfflineGuessed is a typed code that is none of these requests'.
	OfflineGuessed struct {
		At         time.Time
		Sale       string
		PaymentIDs []string
	}
)

// offlineIDs is how payment ids of requests made offline begin.
const offlineIDs = "pr1-"

// OfflineID is the payment id of a request made offline. The cloud can work it
// out from the code alone, so both sides call the payment by the same name
// without having spoken.
func OfflineID(till uint32, nonce uint64) string {
	return fmt.Sprintf("%s%d-%016x", offlineIDs, till, nonce)
}

// IsOffline reports whether a payment id is that of a request made offline.
func IsOffline(paymentID string) bool { return strings.HasPrefix(paymentID, offlineIDs) }

// OfflineReference is what customer screen and phone call a sale that has no
// number yet: six digits worked out from its id.
func OfflineReference(saleID string) uint32 {
	h := sha256.Sum256([]byte(saleID))
	return (uint32(h[0])<<16 | uint32(h[1])<<8 | uint32(h[2])) % 1_000_000
}

func (e OfflineStarted) step(w *stepper) error {
	s, err := w.edit(e.Sale)
	if err != nil {
		return err
	}
	for _, p := range s.Unsettled() {
		if !p.Offline { // its last word needs the link
			return problem(CodePaymentPending, "", "上一笔在线付款还没有得到云端确认；请等待网络恢复，或取消付款后收现金",
				"the cloud has not confirmed yet what became of an earlier payment; wait for the link, or cancel the payment and take cash")
		}
	}
	// A request takes the place of those that were withdrawn before it. Should
	// one of them turn out to be paid, its proof or the cloud says so, and it is
	// booked then.
	w.eachPayment(s, func(p *Payment) {
		if p.Offline && p.Withdrawn && !p.Settled {
			p.GivenUp = true
		}
	})
	s, amount, err := w.tender(e.Sale, &e.Amount, e.At)
	if err != nil {
		return err
	}
	if amount == 0 {
		return problem(CodeNothingDue, "", "没有需要付的金额", "nothing is due")
	}
	if len(s.Payments) >= MaxPayments {
		return problem(CodeTooManyPayments, "", "付款尝试次数过多，请改用其他方式或重新开单", "too many payments were tried; pay another way or open a new sale")
	}
	if s.Payment != nil {
		s.archivePayment()
	}
	s.State = Paying
	s.Payment = &Payment{
		ID: e.PaymentID, Method: "qr", State: PayPending, Amount: amount, ItemsDigest: s.Digest(), URL: e.Text,
		RequestedAt: e.At, ExpiresAt: e.At.Add(e.TTL), Verified: true, Offline: true, Nonce: e.Nonce, Request: e.Request,
	}
	return nil
}

func (e OfflineProven) step(w *stepper) error {
	s, p := w.payment(e.PaymentID)
	switch {
	case p == nil || !p.Offline:
		return problem(CodeNotFound, "code", "本机没有请求过这笔付款", "this till did not ask for this payment")
	case p.State == PayPaid:
		return problem(CodeProofUsed, "code", "这笔付款已经入账，凭证不能再次使用", "this payment is booked already; a proof counts once")
	case e.Amount != p.Amount:
		return problem(CodeProofRefused, "code", "凭证金额与应付金额不符", "the proof is for another amount")
	}
	p.Proof = e.Proof
	return w.paid(s, p, PaymentNews{At: e.At, PaymentID: p.ID, State: PayPaid, Tenders: e.Tenders})
}

func (e OfflineCoded) step(w *stepper) error {
	s, p := w.payment(e.PaymentID)
	switch {
	case p == nil || !p.Offline || p.Request == "":
		return problem(CodeNotFound, "code", "本机没有请求过这笔付款", "this till did not ask for this payment")
	case p.State == PayPaid:
		return problem(CodeProofUsed, "code", "这笔付款已经入账，付款码数字不能再次使用", "this payment is booked already; a code counts once")
	}
	p.CodeForm, p.Code = e.Form, e.Ending
	return w.paid(s, p, PaymentNews{At: e.At, PaymentID: p.ID, State: PayPaid})
}

func (e OfflineGuessed) step(w *stepper) error {
	s, err := w.edit(e.Sale)
	if err != nil {
		return err
	}
	w.eachPayment(s, func(p *Payment) {
		if slices.Contains(e.PaymentIDs, p.ID) && p.State != PayPaid {
			p.CodeTries++
		}
	})
	return nil
}
