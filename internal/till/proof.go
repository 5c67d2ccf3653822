package till

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tilld/internal/feed"
	"tilld/internal/lang"
	"tilld/internal/offlinepay"
	"tilld/internal/sale"
	"tilld/scanner/code"
)

// What a shopper or cashier is told of a proof that is refused.
var proofWords = map[offlinepay.Reason]lang.Text{
	offlinepay.Malformed:    {ZH: "这不是有效的付款凭证，请让顾客重新打开付款结果页", EN: "this is no valid payment proof; open the payment's page on the phone again"},
	offlinepay.UnknownKey:   {ZH: "本机没有验证此凭证所需的公钥，请等待网络恢复或收现金", EN: "this till does not hold the key of this proof; wait for the link, or take cash"},
	offlinepay.BadSignature: {ZH: "付款凭证是伪造的或已损坏，未收款", EN: "this payment proof is not genuine; nothing was booked"},
	offlinepay.OtherTill:    {ZH: "这笔付款是在另一台收银机上发起的，请到那台收银机出示", EN: "this payment was asked for by another till; show it there"},
}

// Sentences on the customer screen about payment while offline.
var (
	wordCompare      = lang.Text{ZH: "核对号", EN: "Compare"}
	wordPaidLate     = lang.Text{ZH: "已收到您的付款", EN: "Your payment has arrived"}
	wordPaidLateText = lang.Text{ZH: "但这笔销售已变更或结束，请联系店员补差或退款", EN: "but this sale has changed or is over: please ask our staff"}
	wordProofRefused = lang.Text{ZH: "付款凭证未被接受", EN: "Payment proof not accepted"}
)

// readProof verifies PP1 as far as no request is needed for it. No lock is held.
func (t *Till) readProof(text string) (offlinepay.Proof, error) {
	if t.o.Offline == nil {
		return offlinepay.Proof{}, problem(sale.CodeBadCode, "code", "未启用离线付款", "payment while offline is not in use at this till")
	}
	// A proof of an old key set still says that money came: only asking for more
	// is stopped by the set's age.
	keys, _, err := t.o.Offline.Keys()
	if err != nil {
		t.o.Health.Raise(condProofKeys, "payment", "err", err.Error())
	}
	p, err := offlinepay.Check(text, keys, t.o.Till.Number)
	if refused, ok := errors.AsType[*offlinepay.Error](err); ok {
		t.log.Warn("payment proof refused", "why", refused.Reason, "detail", refused.Detail)
		w := proofWords[refused.Reason]
		return p, problem(sale.CodeProofRefused, "code", w.ZH, w.EN)
	}
	currency, _ := offlinepay.CurrencyNumber(t.o.Currency)
	switch {
	case err != nil:
		return p, err
	case p.Test:
		return p, problem(sale.CodeProofRefused, "code", "这是测试付款的凭证，未收款", "this proof is of a test; no money moved")
	case p.Currency != currency:
		return p, problem(sale.CodeProofRefused, "code", "凭证的币种与本机不符", "the proof is for another currency")
	}
	return p, nil
}

// prove begins the commit that a proof leads to; saleID, if not "", is the sale
// that its caller named. mu is held.
func (t *Till) prove(p offlinepay.Proof, text, saleID string) (*txn, error) {
	id := sale.OfflineID(p.Till, p.Nonce)
	of, err := t.paymentSale(id)
	switch {
	case err != nil:
		return nil, err
	case of == "":
		return nil, problem(sale.CodeProofRefused, "code", "本机没有请求过这笔付款，未收款", "this till did not ask for this payment; nothing was booked")
	case saleID != "" && of != saleID:
		return nil, problem(sale.CodeProofRefused, "code", "这笔付款属于另一笔销售，请扫描它，或用那笔销售的编号", "this payment belongs to another sale: scan the proof, or name sale "+of)
	}
	x := t.begin()
	if err := x.take(of); err != nil {
		return nil, err
	}
	if err := x.step(sale.OfflineProven{At: x.at, PaymentID: id, Amount: sale.Money(p.Amount), Tenders: proofTenders(p), Proof: text}); err != nil {
		return nil, err
	}
	if !t.o.Cloud.Up() {
		x.rec.Offline++
	}
	x.after = append(x.after, func() { t.tellLate(of) })
	return x, nil
}

// proofTenders is how the shopper paid.
func proofTenders(p offlinepay.Proof) []sale.Tender {
	own := sale.Tender{Method: "wallet", Amount: sale.Money(p.Amount - p.Discount), Reference: fmt.Sprintf("%016x", p.Reference)}
	switch p.Method {
	case offlinepay.WeChat:
		own.Scheme = "wechat"
	case offlinepay.Alipay:
		own.Scheme = "alipay"
	case offlinepay.UnionPay:
		own.Scheme = "unionpay"
	case offlinepay.ECNY:
		own.Scheme = "ecny"
	case offlinepay.StoredValue:
		own.Method = "stored_value"
	case offlinepay.Card:
		own.Method = "card"
	}
	list := []sale.Tender{}
	if own.Amount > 0 {
		list = append(list, own)
	}
	if p.Discount > 0 {
		list = append(list, sale.Tender{Method: "coupon", Amount: sale.Money(p.Discount), Reference: own.Reference})
	}
	return list
}

// tellLate tells shopper and cashier that money came for what is not to be paid
// any more. mu is held.
func (t *Till) tellLate(saleID string) {
	s, ok := t.machine.Sale(saleID)
	if !ok {
		var err error
		if s, err = t.stored(saleID); err != nil {
			t.log.Error("a sale that was just stored cannot be read", "sale", saleID, "err", err)
			return
		}
	}
	if s.PaidButChanged || s.State == sale.Void {
		t.say(t.word(wordPaidLate), t.word(wordPaidLateText))
	}
}

// payProof is pay with method proof: what a scanner would have read, given by
// the cashier page or a POS application.
func (t *Till) payProof(ctx context.Context, c Call, cmd sale.Pay) (Answer, error) {
	if cmd.Amount != nil {
		return Answer{}, problem(sale.CodeInvalid, "amount", "凭证本身含有金额", "a proof has its own amount; leave amount out")
	}
	if text := codeText(cmd.Code); offlinepay.FormOf(text) != "" && t.o.Offline != nil {
		return t.payCode(ctx, c, cmd.Sale, text)
	}
	p, err := t.readProof(cmd.Code)
	if err != nil {
		return Answer{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	x, err := t.prove(p, cmd.Code, cmd.Sale)
	if err != nil {
		return Answer{}, err
	}
	answer := x.answer(c, false, x.sale())
	return answer, x.commit(ctx)
}

// scanProof books the proof on a shopper's phone: ledger, payment, and if it
// covers the sale its closing and receipt in one commit. The ledger does not
// hold the proof; the sale does.
func (t *Till) scanProof(ctx context.Context, row Scan, c code.Code) (uint64, bool) {
	prove, err := t.scanned(c)
	t.mu.Lock()
	defer t.mu.Unlock()
	var id string
	if err == nil {
		id, err = t.bookProof(ctx, &row, prove)
	}
	if err == nil {
		return row.Seq, true
	}
	if used, ok := errors.AsType[*sale.Problem](err); ok && used.Code == sale.CodeProofUsed && t.thanking(id) {
		// The phone is still in front of the scanner while the screen says thanks.
		return t.enterRefused(ctx, row, used), false
	}
	return t.refuse(ctx, row, err), false
}

// proving begins the commit that a proof, or the code instead of one, leads to,
// and names the payment. mu is held.
type proving func() (x *txn, paymentID string, err error)

// scanned reads what a scanner read, as far as no request is needed for it. No
// lock is held.
func (t *Till) scanned(c code.Code) (proving, error) {
	if c.Kind == code.ProofCode {
		keys := t.codeKeys()
		return func() (*txn, string, error) { return t.proveCoded(keys, c.Text) }, nil
	}
	p, err := t.readProof(c.Text)
	return func() (*txn, string, error) {
		x, err := t.prove(p, c.Text, "")
		return x, sale.OfflineID(p.Till, p.Nonce), err
	}, err
}

func (t *Till) bookProof(ctx context.Context, row *Scan, prove proving) (paymentID string, err error) {
	x, id, err := prove()
	if err != nil {
		return id, err
	}
	entry := *row
	entry.SaleID = x.about
	x.ledger(&entry)
	x.after = append(x.after, func() { t.o.Feed.Publish(feed.Scan, entry) })
	if err := x.commit(ctx); err != nil {
		return id, err
	}
	*row = entry
	return id, nil
}

// thanking reports whether the screen is thanking for the sale of a payment.
func (t *Till) thanking(paymentID string) bool {
	of, err := t.paymentSale(paymentID)
	book := t.machine.Book()
	age := t.now().Sub(book.LastAt)
	return err == nil && of != "" && book.Current == "" && book.Last == of && age >= 0 && age < paidFor+5*time.Second
}
