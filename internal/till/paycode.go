package till

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"tilld/internal/offlinepay"
	"tilld/internal/sale"
)

// PayCodes is the short code that a till without a working 2D reader takes
// instead of a proof (docs/adr/0130): who knows the key can make one, so it is
// bounded more tightly than proofs are.
type PayCodes struct {
	MaxAmount sale.Money // the largest request that a code is taken for
	MaxCount  int        // codes per spell without a link
	// Keys returns the till's code keys. It may read a file; it is called without a
	// lock held.
	Keys func() (offlinepay.CodeKeys, error)
}

const (
	// codeWrongs is how many typed codes may be wrong within codeWindow, over all
	// requests: who guesses every day succeeds once in 4,500 years.
	codeWrongs = 20
	codeWindow = 24 * time.Hour
	// codeRequests is how many requests of a sale a typed code is compared with:
	// the present one and those that it may have been meant for just before.
	codeRequests = 3
)

// codeCount is what is remembered of codes, in the record of the machine.
type codeCount struct {
	Taken int       `json:"taken,omitempty"` // by code since there was a link
	Wrong int       `json:"wrong,omitempty"` // typed codes that were, since
	Since time.Time `json:"since,omitzero"`
}

// passed forgets what was wrong longer ago than the window. A clock that was set
// back begins the window anew and keeps the count.
func (c codeCount) passed(now time.Time) codeCount {
	switch age := now.Sub(c.Since); {
	case c.Wrong == 0:
	case age >= codeWindow:
		c.Wrong, c.Since = 0, time.Time{}
	case age < 0:
		c.Since = now
	}
	return c
}

// codeKeys are the till's code keys; nil: no code is taken. What is wrong with
// them is shown.
func (t *Till) codeKeys() offlinepay.CodeKeys {
	if t.o.Offline == nil || t.o.Offline.Codes == nil {
		return nil
	}
	keys, err := t.o.Offline.Codes.Keys()
	if err != nil {
		t.o.Health.Raise(condCodeKeys, "payment", "err", err.Error())
		return nil
	}
	t.o.Health.Clear(condCodeKeys, "payment")
	return keys
}

// announces reports whether a request may say that a code is taken for it: small
// enough, not too many without a link, and nobody is guessing. mu is held.
func (x *txn) announces(saleID string, amount sale.Money) bool {
	c := x.t.o.Offline.Codes
	if c == nil || amount > c.MaxAmount || x.rec.Codes.passed(x.at).Wrong >= codeWrongs {
		return false
	}
	n := x.rec.Codes.Taken
	for _, s := range x.t.machine.Waiting() {
		for _, p := range s.Unsettled() {
			if p.Offline && p.Request != "" && !p.Withdrawn && s.ID != saleID {
				n++
			}
		}
	}
	return n < c.MaxCount
}

// codeText is a code as it was typed, without what people put between digits.
func codeText(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '-' || r == '\u3000':
			return -1
		case r >= '０' && r <= '９': // an input method's
			return r - '０' + '0'
		}
		return r
	}, cut(text, 64))
}

// offlinePayments are the requests of a sale that were made offline, newest first.
func offlinePayments(s sale.Sale) []sale.Payment {
	list := slices.Clone(s.Payments)
	if s.Payment != nil {
		list = append(list, *s.Payment)
	}
	slices.Reverse(list)
	return slices.DeleteFunc(list, func(p sale.Payment) bool { return !p.Offline || p.Request == "" })
}

func isCodeOf(p sale.Payment, keys offlinepay.CodeKeys, text string) bool {
	body, err := hex.DecodeString(p.Request)
	return err == nil && keys.Matches(text, body)
}

// codeMatch is what a code was compared with.
type codeMatch struct {
	hit    string   // the request that it is of
	used   string   // or the one that is booked already
	wrong  []string // requests that were compared, when it is of none
	left   int      // tries left for the newest of these
	locked bool     // there are requests, but no tries left
}

// match compares a code with a sale's requests. A request that the cloud has
// called unpaid stays unpaid: only its proof overrules the cloud.
func (t *Till) match(s sale.Sale, keys offlinepay.CodeKeys, text string) (m codeMatch) {
	typed := offlinepay.FormOf(text) == offlinepay.Typed
	for _, p := range offlinePayments(s) {
		switch {
		case p.State == sale.PayPaid:
			if m.used == "" && isCodeOf(p, keys, text) {
				m.used = p.ID
			}
		case p.Settled || typed && len(m.wrong) == codeRequests:
		case typed && p.CodeTries >= offlinepay.CodeTries:
			m.locked = true
		default:
			if m.hit == "" && isCodeOf(p, keys, text) {
				m.hit = p.ID
			}
			if len(m.wrong) == 0 {
				m.left = offlinepay.CodeTries - p.CodeTries - 1
			}
			m.wrong = append(m.wrong, p.ID)
		}
	}
	return m
}

// codeWords are what a cashier is told.
func noCode() *sale.Problem {
	return problem(sale.CodeProofRefused, "code", "这笔销售没有可以用数字付款码确认的请求（金额超限、已结束，或未启用）；请扫描手机上的二维码凭证",
		"no request of this sale can be confirmed by a code (too much, over, or not in use): scan the proof on the phone")
}

func wrongCode(left int) *sale.Problem {
	if left <= 0 {
		return lockedCode()
	}
	n := sale.Money(left).Decimal("JPY") // a plain number
	return problem(sale.CodeProofRefused, "code", "付款码数字不对，未收款；还可以试 "+n+" 次", "this is not the code of the payment; nothing was booked, tries left: "+n)
}

func lockedCode() *sale.Problem {
	return problem(sale.CodeProofLocked, "code", "数字输错次数过多，已锁定；请扫描手机上的二维码凭证，或等待网络恢复",
		"too many codes were wrong: typing is locked. Scan the proof on the phone, or wait for the link")
}

// payCode is pay with method proof and a code instead of PP1. A wrong one is
// counted, and that on the disk, before anybody is told that it was wrong.
func (t *Till) payCode(ctx context.Context, c Call, saleID, text string) (Answer, error) {
	keys := t.codeKeys()
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.begin()
	if err := x.take(saleID); err != nil {
		return Answer{}, err
	}
	s, _ := x.m.Sale(saleID)
	typed := offlinepay.FormOf(text) == offlinepay.Typed
	x.rec.Codes = x.rec.Codes.passed(x.at)
	if typed && keys != nil && x.rec.Codes.Wrong >= codeWrongs {
		return Answer{}, lockedCode()
	}
	m := t.match(s, keys, text)
	switch {
	case m.hit != "":
	case m.used != "":
		return Answer{}, problem(sale.CodeProofUsed, "code", "这笔付款已经入账，付款码数字不能再次使用", "this payment is booked already; a code counts once")
	case typed && len(m.wrong) == 0 && m.locked:
		return Answer{}, lockedCode()
	case len(m.wrong) == 0 || keys == nil:
		return Answer{}, noCode()
	case typed:
		return Answer{}, x.guessed(ctx, saleID, m)
	default:
		return Answer{}, problem(sale.CodeProofRefused, "code", "这个条码不属于本单的付款，未收款", "this code is not that of a payment of this sale; nothing was booked")
	}
	if err := x.coded(m.hit, saleID, text); err != nil {
		return Answer{}, err
	}
	answer := x.answer(c, false, x.sale())
	return answer, x.commit(ctx)
}

// guessed counts a wrong code and says so.
func (x *txn) guessed(ctx context.Context, saleID string, m codeMatch) error {
	if err := x.step(sale.OfflineGuessed{At: x.at, Sale: saleID, PaymentIDs: m.wrong}); err != nil {
		return err
	}
	if x.rec.Codes.Wrong++; x.rec.Codes.Wrong == 1 {
		x.rec.Codes.Since = x.at
	}
	left := min(m.left, codeWrongs-x.rec.Codes.Wrong)
	x.t.log.Warn("pay code refused", "sale", saleID, "left", left)
	x.after = append(x.after, x.t.watchCodes)
	if err := x.commit(ctx); err != nil {
		return err
	}
	return wrongCode(left)
}

// watchCodes shows that codes are being guessed at, for as long as typing is
// locked. mu is held.
func (t *Till) watchCodes() {
	t.o.Health.Set(t.rec.Codes.passed(t.now()).Wrong >= codeWrongs, condCodesLocked, "payment")
}

// coded books the request that a code is of.
func (x *txn) coded(paymentID, saleID, text string) error {
	form := "typed"
	if offlinepay.FormOf(text) == offlinepay.Barcode {
		form = "barcode"
	}
	if err := x.step(sale.OfflineCoded{At: x.at, PaymentID: paymentID, Form: form, Ending: ending(text)}); err != nil {
		return err
	}
	if t := x.t; !t.o.Cloud.Up() {
		x.rec.Offline++
		x.rec.Codes.Taken++
	}
	x.after = append(x.after, func() { x.t.tellLate(saleID) })
	return nil
}

// findCoded finds, over all live sales and the one that the screen may be
// thanking for, the request that a barcode is of. mu is held.
func (t *Till) findCoded(keys offlinepay.CodeKeys, text string) (saleID string, m codeMatch) {
	book := t.machine.Book()
	sales := t.machine.Live()
	if _, live := t.machine.Sale(book.Last); !live && book.Last != "" {
		if s, err := t.stored(book.Last); err == nil {
			sales = append(sales, s)
		}
	}
	for _, s := range sales {
		if m = t.match(s, keys, text); m.hit != "" || m.used != "" {
			return s.ID, m
		}
	}
	return "", codeMatch{}
}

// proveCoded begins the commit that a scanned code leads to. mu is held.
func (t *Till) proveCoded(keys offlinepay.CodeKeys, text string) (*txn, string, error) {
	saleID, m := t.findCoded(keys, text)
	switch {
	case m.hit != "":
	case m.used != "":
		return nil, m.used, problem(sale.CodeProofUsed, "code", "这笔付款已经入账，付款码数字不能再次使用", "this payment is booked already; a code counts once")
	default:
		return nil, "", problem(sale.CodeProofRefused, "code", "这个条码不属于本机等待的任何付款，未收款", "this code is not that of a payment that this till waits for; nothing was booked")
	}
	x := t.begin()
	return x, m.hit, x.coded(m.hit, saleID, text)
}
