package till

import (
	"context"
	"encoding/base64"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"tilld/internal/sale"
	"tilld/queue"
)

// OtherSale is a sale as the cloud knows it: the answer to sale.lookup, and what
// GET /v1/refunds/lookup says.
type OtherSale struct {
	ID         string        `json:"id"`
	Local      bool          `json:"local,omitempty"` // this till made it and has it: refund it as any other
	Till       string        `json:"till"`            // path: acme/sh-001/05
	Day        string        `json:"day"`
	Number     int           `json:"number"`
	State      sale.State    `json:"state"` // closed, or refunded when nothing is left
	Currency   string        `json:"currency"`
	Items      []OtherItem   `json:"items"`
	Total      sale.Money    `json:"total"`
	Refundable sale.Money    `json:"refundable"` // what is left to give back
	Tenders    []sale.Tender `json:"tenders"`
	ClosedAt   time.Time     `json:"closed_at"`
	Cashier    string        `json:"cashier,omitempty"`
}

// OtherItem is a line of such a sale.
type OtherItem struct {
	Line       int        `json:"line"`
	SKU        string     `json:"sku,omitempty"`
	Name       string     `json:"name"`
	Quantity   string     `json:"quantity"`
	Unit       string     `json:"unit,omitempty"`
	UnitPrice  sale.Money `json:"unit_price"`
	Total      sale.Money `json:"total"`
	Refundable sale.Money `json:"refundable"` // its share of what was paid; 0 when it was given back
}

// returnData is the data of the request sale.refund.
type returnData struct {
	Sale     string     `json:"sale"`
	RefundID string     `json:"refund_id"`
	Lines    []int      `json:"lines,omitempty"`
	Amount   sale.Money `json:"amount"`
	Currency string     `json:"currency"`
	Reason   string     `json:"reason"`
	Cashier  string     `json:"cashier,omitempty"`
}

const maxReceiptCode = 512 // bytes of what a receipt carries

var (
	saleIDText  = regexp.MustCompile(`^(?:R[:-])?([0-7][0-9A-HJKMNP-TV-Z]{25})$`)
	numberText  = regexp.MustCompile(`^([A-Za-z0-9_-]{1,32})-(\d{8})-(\d{1,6})$`)
	pathPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}(/[A-Za-z0-9_-]{1,32}){2}$`)
)

// receiptName is what a receipt carries, as the cloud is asked for it: the sale's
// id, alone or in the address of its e-invoice; "05-20261128-0042"; else as it is.
func receiptName(text string) string {
	text = strings.TrimSpace(text)
	if m := saleIDText.FindStringSubmatch(strings.ToUpper(text)); m != nil {
		return m[1]
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return text
	}
	body, _, _ := strings.Cut(u.Query().Get("ref"), ".")
	ref, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return text
	}
	if parts := strings.Split(string(ref), "/"); len(parts) > 3 && saleIDText.MatchString(parts[3]) {
		return parts[3]
	}
	return text
}

// LookupSale finds a sale by what its receipt carries: its id, the number that is
// printed on it, the address of its e-invoice, or a code that head office knows.
// What this till has not, the cloud is asked for.
func (t *Till) LookupSale(ctx context.Context, text string) (OtherSale, error) {
	name := receiptName(text)
	if name == "" || len(name) > maxReceiptCode {
		return OtherSale{}, problem(sale.CodeInvalid, "code", "请扫描小票，或输入小票号", "scan the receipt, or type its number")
	}
	if id, err := t.ownSale(name); err != nil || id != "" {
		return t.localSale(id, err)
	}
	if !t.o.Cloud.Up() {
		return OtherSale{}, problem(sale.CodeLinkDown, "", "其他收银台的小票要向云端核对；现在没有网络，请稍后再退，或到原收银台退款",
			"another till's sale must be checked with the cloud, and there is no link: refund it later, or at the till that sold it")
	}
	ask, cancel := context.WithTimeout(ctx, t.requestTimeout())
	defer cancel()
	body, err := t.o.Cloud.Ask(ask, "sale.lookup", "", "", lookup{Code: name})
	var r struct {
		Sale OtherSale `json:"sale"`
	}
	if err == nil {
		err = decode(body, &r)
	}
	if err == nil {
		err = r.Sale.check(t.o.Currency)
	}
	switch refusal, is := errors.AsType[*CloudError](err); {
	case errors.Is(err, ErrLinkDown):
		return OtherSale{}, linkDown()
	case is:
		return OtherSale{}, refusedBy(refusal, sale.CodeUnknownSale, "没有找到这张小票", "no such receipt")
	case err != nil:
		t.log.Warn("sale.lookup", "err", err)
		return OtherSale{}, refusedBy(ErrNoAnswer, sale.CodeUnknownSale, "无法核对这张小票", "the receipt cannot be checked")
	}
	if r.Sale.Till == t.path() {
		if s, err := t.Sale(r.Sale.ID); err == nil {
			return otherOf(s, t.path()), nil
		}
	}
	r.Sale.Local = false
	return r.Sale, nil
}

func (t *Till) path() string {
	return t.o.Till.Merchant + "/" + t.o.Till.Store + "/" + t.o.Till.Till
}

// ownSale is the id of a sale that this till has under a name, "" for none.
func (t *Till) ownSale(name string) (id string, err error) {
	if saleIDText.MatchString(name) {
		if _, err := t.Sale(name); err == nil {
			return name, nil
		}
		return "", nil
	}
	m := numberText.FindStringSubmatch(name)
	if m == nil || m[1] != t.o.Till.Till {
		return "", nil
	}
	day, err := time.Parse("20060102", m[2])
	if err != nil {
		return "", nil // some other code
	}
	key := "closed/" + day.Format(time.DateOnly) + "/" + strings.Repeat("0", max(0, 6-len(m[3]))) + m[3]
	err = t.o.Store.View(func(tx *queue.Tx) error {
		v, err := tx.Get(queue.Index, []byte(key))
		id, _, _ = strings.Cut(string(v), "/")
		return err
	})
	return id, err
}

func (t *Till) localSale(id string, err error) (OtherSale, error) {
	if err != nil {
		return OtherSale{}, err
	}
	s, err := t.Sale(id)
	if err != nil {
		return OtherSale{}, err
	}
	return otherOf(s, t.path()), nil
}

// otherOf is one of this till's sales in the shape of the answer.
func otherOf(s sale.Sale, path string) OtherSale {
	o := OtherSale{
		ID: s.ID, Local: true, Till: path, Day: s.Day, Number: s.Number, State: s.State, Currency: s.Currency,
		Items: []OtherItem{}, Total: s.Total, Tenders: s.Tenders, Cashier: s.Cashier, Refundable: s.Refundable(),
	}
	if s.ClosedAt != nil {
		o.ClosedAt = *s.ClosedAt
	}
	for _, it := range s.Items {
		o.Items = append(o.Items, OtherItem{
			Line: it.Line, SKU: it.SKU, Name: it.Name, Quantity: it.Quantity, Unit: it.Unit, UnitPrice: it.UnitPrice, Total: it.Total,
			Refundable: s.LineRefundable(it.Line),
		})
	}
	return o
}

// check bounds what the cloud says of a sale.
func (o OtherSale) check(currency string) error {
	bad := errors.New("till: sale.lookup: the answer is not in the contract")
	if !saleIDText.MatchString(o.ID) || !pathPattern.MatchString(o.Till) || o.Currency != currency || len(o.Items) > sale.MaxLines ||
		o.Number < 1 || o.Refundable < 0 || o.Refundable > o.Total || o.Total > sale.MaxMoney || len(o.Tenders) > 4*maxTenders {
		return bad
	}
	if _, err := time.Parse(time.DateOnly, o.Day); err != nil || o.State != sale.Closed && o.State != sale.Refunded {
		return bad
	}
	for _, it := range o.Items {
		if it.Line < 1 || it.Refundable < 0 || it.Refundable > o.Total || len(it.Name) > 512 || len(it.SKU) > 128 ||
			len(it.Quantity) > 32 || len(it.Unit) > 16 || !amountOK(it.UnitPrice) || !amountOK(it.Total) {
			return bad
		}
	}
	return nil
}

func amountOK(m sale.Money) bool { return m >= 0 && m <= sale.MaxMoney }

// size works out what is to be given back: the goods and the amount.
func (o OtherSale) size(lines []int, amount *sale.Money) (items []sale.Item, sum sale.Money, err error) {
	if len(lines) > 0 && amount != nil {
		return nil, 0, problem(sale.CodeInvalid, "amount", "按行退款时不能再指定金额", "give lines or an amount, not both")
	}
	sum = o.Refundable
	if amount != nil {
		sum = *amount
	}
	if len(lines) > 0 {
		sum = 0
		for i, n := range lines {
			at := slices.IndexFunc(o.Items, func(it OtherItem) bool { return it.Line == n })
			switch {
			case at < 0:
				return nil, 0, problem(sale.CodeUnknownLine, "lines", "该小票没有这一行", "that sale has no such line")
			case o.Items[at].Refundable == 0 || slices.Contains(lines[:i], n):
				return nil, 0, problem(sale.CodeRefundTooMuch, "lines", "这一行已经退过", "this line was given back already")
			}
			it := o.Items[at]
			sum += it.Refundable
			items = append(items, sale.Item{Line: it.Line, SKU: it.SKU, Name: clip(it.Name, 200), Quantity: it.Quantity, Unit: it.Unit, UnitPrice: it.UnitPrice, Total: it.Total})
		}
	}
	switch {
	case sum <= 0 && amount != nil:
		return nil, 0, problem(sale.CodeInvalid, "amount", "退款金额必须大于 0", "amount must be more than 0")
	case sum <= 0 || sum > o.Refundable:
		return nil, 0, refundTooMuch()
	}
	return items, sum, nil
}

func refundTooMuch() *sale.Problem {
	return problem(sale.CodeRefundTooMuch, "amount", "退款金额超过可退金额，或已经在别处退过", "that is more than what can be given back; it may have been refunded elsewhere")
}

// refundOther gives back goods that another till sold. The cloud says what is
// left and, by its answer to sale.refund, that nobody else gives it back; until
// then nothing is handed out. What it has to be asked again is on disk first.
func (t *Till) refundOther(ctx context.Context, c Call, cmd RefundOther) (Answer, error) {
	if err := someLines(cmd.Lines); err != nil {
		return Answer{}, err
	}
	o, err := t.LookupSale(ctx, cmd.Code)
	if err != nil {
		return Answer{}, err
	}
	if o.Local {
		return t.refundSale(ctx, c, sale.RefundSale{Sale: o.ID, Lines: cmd.Lines, Amount: cmd.Amount, Reason: cmd.Reason, Cashier: cmd.Cashier})
	}
	items, amount, err := o.size(cmd.Lines, cmd.Amount)
	if err != nil {
		return Answer{}, err
	}
	id := t.newID()
	t.mu.Lock()
	x := t.begin()
	err = x.step(sale.ReturnStarted{
		At: x.at, ID: id, RefundID: t.newID(), Of: o.ID, From: sale.ReturnFrom{Till: o.Till, Day: o.Day, Number: o.Number},
		Items: items, Amount: amount, Reason: cmd.Reason, Cashier: cmd.Cashier,
	})
	if err != nil {
		t.mu.Unlock()
		return Answer{}, err
	}
	if c.Key != "" {
		x.put(queue.Idem, "key/"+c.Key, keptAnswer{At: x.at, Fingerprint: c.Fingerprint, Sale: id})
	}
	x.after = append(x.after, func() { t.pursueReturn(id) })
	err = x.commit(ctx)
	t.mu.Unlock()
	if err != nil {
		return Answer{}, err
	}
	return t.returnAnswer(ctx, c, id)
}

// returnAnswer waits for the cloud's word, up to the request timeout.
func (t *Till) returnAnswer(ctx context.Context, c Call, id string) (Answer, error) {
	late := time.NewTimer(t.requestTimeout())
	defer late.Stop()
	for timeUp := false; ; {
		t.mu.Lock()
		changed := t.changed
		t.mu.Unlock()
		s, err := t.Sale(id)
		switch {
		case err != nil:
			return Answer{}, err
		case len(s.Refunds) == 1 && s.Refunds[0].State == sale.RefundFailed:
			return t.keepProblem(ctx, c, refundTooMuch())
		case len(s.Refunds) == 1 && s.Refunds[0].State == sale.RefundDone:
			return t.keepBody(ctx, c, s)
		case timeUp:
			return Answer{Body: mustJSON(s)}, nil // still pending: asked on, the key's next answer is newer
		}
		select {
		case <-changed:
		case <-late.C:
			timeUp = true
		case <-ctx.Done():
			return Answer{}, ctx.Err()
		}
	}
}

// pursueReturn makes sure that somebody asks the cloud about a return. mu is held.
func (t *Till) pursueReturn(id string) {
	if _, ok := t.askers[id]; ok {
		return
	}
	s, ok := t.machine.Sale(id)
	if !ok || len(s.Refunds) != 1 || s.Refunds[0].State != sale.RefundPending {
		return
	}
	t.askers[id] = &asker{}
	t.spawn(func(ctx context.Context) {
		t.askReturn(ctx, s)
		t.mu.Lock()
		delete(t.askers, id)
		t.mu.Unlock()
	})
}

// askReturn asks until the cloud has decided or the engine stops. The refund id
// makes the question repeatable.
func (t *Till) askReturn(ctx context.Context, s sale.Sale) {
	r := s.Refunds[0]
	q := returnData{Sale: s.RefundOf, RefundID: r.ID, Lines: r.Lines, Amount: r.Amount, Currency: s.Currency, Reason: r.Reason, Cashier: r.Cashier}
	backoff := time.Duration(0)
	for ctx.Err() == nil {
		own, cancel := context.WithTimeout(ctx, t.requestTimeout())
		body, err := t.o.Cloud.Ask(own, "sale.refund", s.RefundOf, "", q)
		cancel()
		var w struct {
			State   string       `json:"state"`
			Tenders []wireTender `json:"tenders"`
		}
		if err == nil {
			err = decode(body, &w)
		}
		ok, known := refundVerdict(w.State, err)
		if known && ctx.Err() == nil {
			if err = t.returnNews(ctx, s.ID, ok, w.Tenders); err == nil {
				return
			}
		}
		backoff = nextBackoff(backoff, false, err)
		t.log.Warn("return not answered yet", "sale", s.RefundOf, "wait", backoff, "state", cut(w.State, 32), "err", err)
		t.pause(ctx, backoff, nil)
	}
}

func (t *Till) returnNews(ctx context.Context, id string, ok bool, list []wireTender) error {
	if len(list) > 4*maxTenders {
		return problem(sale.CodeInvalid, "tenders", "退款方式过多", "a refund has at most 32 tenders")
	}
	tenders := make([]sale.Tender, 0, len(list))
	for _, w := range list { // what is left on a card is the shopper's own affair: nothing here shows it
		tenders = append(tenders, sale.Tender{Method: w.Method, Amount: w.Amount, Scheme: cut(w.Scheme, 32), Reference: cut(w.Reference, 128)})
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.begin()
	if err := x.step(sale.ReturnNews{At: x.at, Sale: id, OK: ok, Tenders: tenders}); err != nil {
		return err
	}
	return x.commit(ctx)
}
