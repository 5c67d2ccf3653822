package till

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"tilld/internal/lang"
	"tilld/internal/sale"
	"tilld/scanner/code"
)

// finding is what a code turned out to stand for.
type finding struct {
	kind    code.Kind // Product for everything that is line items
	items   []sale.NewItem
	adviser string
	member  *sale.Member
	points  *sale.Points
	coupon  *sale.Coupon
	pickup  *sale.Pickup
	badge   string
	// handover is the code of a basket that can be taken over once.
	handover string
	scanned  string // code of a pickup
	token    string // id of the token that a pickup was accepted by, without the cloud
}

// classify says what a payload is while the till waits for what it waits for.
func (t *Till) classify(aim string, data []byte) code.Code {
	t.mu.Lock()
	state := t.scanState()
	t.mu.Unlock()
	return t.o.Rules.Classify(state, aim, data)
}

// scanState is what a scan is expected to be; mu is held.
func (t *Till) scanState() code.State {
	if s, ok := t.machine.Current(); ok && (s.State == sale.Paying || t.stage.armedFor(s.ID, t.now())) {
		return code.AwaitingPayment
	}
	return code.Basket
}

// find says what c stands for, from the price book or by asking the cloud,
// which takes up to the lookup timeout. A code that stands for nothing is a
// problem.
func (t *Till) find(ctx context.Context, c code.Code, saleID string) (finding, error) {
	if f, ok, err := t.findHere(c); ok || err != nil {
		return f, err
	}
	switch c.Kind {
	case code.Product, code.Weighed, code.ItemCode:
		return t.findPrice(ctx, c, saleID)
	case code.Member:
		return t.findMember(ctx, c, saleID)
	case code.Coupon:
		return t.findCoupon(ctx, c, saleID)
	case code.Pickup:
		return t.findPickup(ctx, c)
	case code.Token:
		return t.findToken(ctx, c, saleID)
	default:
		return t.findBasket(ctx, c, saleID)
	}
}

// findHere is find without the cloud; ok is false when only the cloud can say.
func (t *Till) findHere(c code.Code) (f finding, ok bool, err error) {
	switch c.Kind {
	case code.Product, code.Weighed, code.ItemCode:
		a, known, err := t.article(c)
		if err != nil || !known {
			return finding{}, false, err
		}
		n := priced(a, t.now())
		return finding{kind: code.Product, items: []sale.NewItem{labelled(c, n)}}, true, labelFits(c, n)
	case code.Pickup:
		// The second scan of the code that is on the screen says that the order is
		// handed over; the cloud need not be asked again.
		f, ok = t.pickupShown(c.Text)
		return f, ok, nil
	case code.Member, code.Coupon, code.Handover, code.Token:
		return finding{}, false, nil
	case code.Badge:
		return finding{kind: code.Badge, badge: c.Text}, true, nil
	case code.AuthCode:
		return finding{}, false, problem(sale.CodeNotPaying, "code", "这是顾客的付款码，请先点“收款”再扫", "this is a shopper's payment code: ask for payment first, then scan it")
	case code.PayCode:
		return finding{}, false, problem(sale.CodeBadCode, "code", "这是商户收款码，不能在此扫描", "this is a merchant's pay code; it is not for scanning here")
	case code.Receipt:
		return finding{}, false, problem(sale.CodeBadCode, "code", "这是小票上的编号，请在“退款”中使用", "this is a receipt's reference; look the sale up to refund it")
	case code.Proof, code.ProofCode:
		return finding{}, false, problem(sale.CodeBadCode, "items", "这是付款凭证，请扫描，或用付款方式 proof 提交", "this is a payment proof: scan it, or send it with pay, method proof")
	default:
		return finding{}, false, problem(sale.CodeUnknownCode, "code", "无法识别的条码", "no rule fits this code")
	}
}

// labelled adds what the code itself says: serial, weight, price.
func labelled(c code.Code, n sale.NewItem) sale.NewItem {
	if c.Serial != "" {
		n.Serial, n.Quantity = c.Serial, "1"
	}
	if c.GTIN != "" {
		n.GTIN = c.GTIN
	}
	switch {
	case c.Price > 0:
		n.UnitPrice, n.OldPrice, n.Quantity, n.Unit, n.MultiBuy = sale.Money(c.Price), 0, "1", "", nil
	case c.Quantity != "":
		n.Quantity = c.Quantity
	}
	return n
}

// labelFits refuses a scale's label whose amount is not its weight times the
// article's price, new or old: the scale knows another price than the till, or
// the label was put together. Scales round to the jiao.
func labelFits(c code.Code, n sale.NewItem) error {
	whole, thousandths, weighed := strings.Cut(c.Quantity, ".")
	grams, err := strconv.ParseInt(whole+thousandths, 10, 64)
	if c.Price <= 0 || n.Unit != "kg" || !weighed || len(thousandths) != 3 || err != nil || len(whole) > 6 {
		return nil
	}
	for _, price := range []sale.Money{n.UnitPrice, n.OldPrice} {
		want := (grams*int64(price) + 500) / 1000
		if off := c.Price - want; price > 0 && max(off, -off) <= max(10, want/100) {
			return nil
		}
	}
	return problem(sale.CodeBadCode, "code", "标签金额与重量、单价不符，请重新称重", "the label's amount is not its weight times the price: weigh it again")
}

// lookup is the question of all codes.
type lookup struct {
	Code string `json:"code"`
	Sale string `json:"sale,omitempty"`
}

// ask puts one lookup to the cloud and reads the answer into dst.
func (t *Till) ask(ctx context.Context, kind string, c code.Code, saleID string, dst any) error {
	if !t.awaitLink(ctx) {
		return linkDownFor(kind)
	}
	ctx, cancel := context.WithTimeout(ctx, t.o.LookupTimeout)
	defer cancel()
	body, err := t.o.Cloud.Ask(ctx, kind, saleID, "", lookup{Code: c.Text, Sale: saleID})
	switch {
	case errors.Is(err, ErrLinkDown):
		return linkDownFor(kind)
	case err != nil:
		return err
	}
	if err := decode(body, dst); err != nil {
		t.log.Warn("the cloud's answer is not in the contract", "kind", kind, "err", err)
		return err
	}
	return nil
}

// awaitLink reports whether the cloud can be asked. Where the link may be up in a
// moment it waits for that, as long as for an answer: right after a start the
// cashier's first code would be refused otherwise, although nobody was asked.
func (t *Till) awaitLink(ctx context.Context) bool {
	if soon := t.o.Cloud.Soon(); soon != nil {
		ctx, cancel := context.WithTimeout(ctx, t.o.LookupTimeout)
		defer cancel()
		select {
		case <-soon:
		case <-ctx.Done():
		}
	}
	return t.o.Cloud.Up()
}

func linkDown() *sale.Problem {
	return problem(sale.CodeLinkDown, "", "网络中断，暂时无法联系云端", "there is no link to the cloud")
}

// linkDownFor says what a till without a link cannot do with a code, and what the
// cashier can.
func linkDownFor(kind string) *sale.Problem {
	p := linkDown()
	switch kind {
	case "member.lookup":
		p.Detail = lang.Text{ZH: "网络中断，无法识别会员；可以先不带会员收款", EN: "there is no link: the member cannot be looked up; the sale can go on without"}
	case "coupon.check":
		p.Detail = lang.Text{ZH: "网络中断，此券暂时不能使用", EN: "there is no link: the coupon cannot be checked, and is not used up"}
	case "pickup.lookup":
		p.Detail = lang.Text{ZH: "网络中断，暂时不能核对提货单", EN: "there is no link: the order cannot be looked up; do not hand it over"}
	case "basket.fetch":
		p.Detail = lang.Text{ZH: "网络中断，无法取得购物篮；请逐件扫描", EN: "there is no link: the basket cannot be fetched; scan the goods one by one"}
	}
	p.Field = "code"
	return p
}

// refusedBy turns a failed lookup into a problem of the given code, with the
// cloud's own sentence when it gave one.
func refusedBy(err error, code, zh, en string) error {
	if _, ok := errors.AsType[*sale.Problem](err); ok && !hasCode(err, sale.CodeInvalid) {
		return err
	}
	if e, ok := errors.AsType[*CloudError](err); ok {
		if e.Message != "" {
			zh, en = zh+"："+clip(e.Message, 120), en+": "+clip(e.Message, 120)
		}
		return problem(code, "code", zh, en)
	}
	return problem(sale.CodeUnavailable, "code", zh+"（云端没有回答）", en+": the cloud did not answer")
}

func (t *Till) findPrice(ctx context.Context, c code.Code, saleID string) (finding, error) {
	var r struct {
		Items []sale.Article `json:"items"`
	}
	asked := c
	switch {
	case c.Kind == code.Weighed && c.SKU != "":
		asked.Text = c.SKU // the label itself is another one for each weight
	case c.GTIN != "" && strings.Trim(c.Text, "0123456789") != "":
		asked.Text = c.GTIN // an element string or a link
	}
	err := t.ask(ctx, "price.lookup", asked, saleID, &r)
	if err == nil && len(r.Items) == 0 {
		err = &CloudError{Code: "not_found"}
	}
	f := finding{kind: code.Product}
	for i := 0; err == nil && i < len(r.Items); i++ {
		if err = checkArticle(r.Items[i]); err == nil {
			f.items = append(f.items, priced(r.Items[i], t.now()))
		}
	}
	if err != nil {
		return finding{}, &sale.Problem{Code: sale.CodeUnknownCode, Field: "code", Detail: unknownText(c, hasCode(err, sale.CodeLinkDown))}
	}
	if len(f.items) == 1 {
		n := f.items[0]
		f.items[0] = labelled(c, n)
		return f, labelFits(c, n)
	}
	return f, nil
}

// unknownText says that a code stands for nothing that this till knows, and
// whether it is so only because the cloud could not be asked.
func unknownText(c code.Code, alone bool) lang.Text {
	shown := clip(c.Text, 32)
	if alone {
		return lang.Text{ZH: "本机没有这个商品，断网时无法查询：" + shown, EN: "not in this till's price book, and without a link the cloud cannot be asked: " + shown}
	}
	return lang.Text{ZH: "没有这个商品：" + shown, EN: "no such product: " + shown}
}

func (t *Till) findMember(ctx context.Context, c code.Code, saleID string) (finding, error) {
	var r struct {
		Member sale.Member  `json:"member"`
		Points *sale.Points `json:"points"`
	}
	if err := t.ask(ctx, "member.lookup", c, saleID, &r); err != nil {
		return finding{}, refusedBy(err, sale.CodeNotFound, "没有找到会员", "no such member")
	}
	m := cleanMember(r.Member)
	return finding{kind: code.Member, member: &m, points: r.Points}, nil
}

func (t *Till) findCoupon(ctx context.Context, c code.Code, saleID string) (finding, error) {
	var r struct {
		Coupon wireCoupon `json:"coupon"`
	}
	if err := t.ask(ctx, "coupon.check", c, saleID, &r); err != nil {
		return finding{}, refusedBy(err, sale.CodeCouponRefused, "此券不能使用", "this coupon cannot be used")
	}
	k, err := r.Coupon.sale()
	if err != nil {
		return finding{}, refusedBy(err, sale.CodeCouponRefused, "此券不能使用", "this coupon cannot be used")
	}
	if k.Code == "" {
		k.Code = c.Text
	}
	return finding{kind: code.Coupon, coupon: &k}, nil
}

func (t *Till) findPickup(ctx context.Context, c code.Code) (finding, error) {
	var r struct {
		Pickup sale.Pickup `json:"pickup"`
	}
	if err := t.ask(ctx, "pickup.lookup", c, "", &r); err != nil {
		return finding{}, refusedBy(err, sale.CodeNotFound, "没有找到提货单", "no such pickup")
	}
	if r.Pickup.ID == "" || len(r.Pickup.ID) > 128 {
		return finding{}, refusedBy(&CloudError{}, sale.CodeNotFound, "没有找到提货单", "no such pickup")
	}
	p := cleanPickup(r.Pickup)
	return finding{kind: code.Pickup, pickup: &p, scanned: c.Text}, nil
}

func (t *Till) findBasket(ctx context.Context, c code.Code, saleID string) (finding, error) {
	var r wireBasket
	if err := t.ask(ctx, "basket.fetch", c, saleID, &r); err != nil {
		return finding{}, refusedBy(err, sale.CodeNotFound, "没有找到购物篮", "no such basket")
	}
	f, err := r.finding(t.now())
	if err != nil {
		return finding{}, refusedBy(&CloudError{}, sale.CodeNotFound, "购物篮数据无效", "the basket is not valid")
	}
	f.handover = c.Text
	return f, nil
}

// finding makes line items of a basket prepared elsewhere.
func (b wireBasket) finding(at time.Time) (finding, error) {
	if len(b.Items) == 0 || len(b.Items) > sale.MaxLines {
		return finding{}, problem(sale.CodeInvalid, "items", "购物篮没有商品或过多", "items must have 1 to 300 entries")
	}
	f := finding{kind: code.Product, adviser: b.Adviser}
	for _, a := range b.Items {
		if err := checkArticle(a); err != nil {
			return finding{}, err
		}
		f.items = append(f.items, priced(a, at))
	}
	return f, nil
}

// apply books a finding in a sale; saleID "" is the current one, which opens
// for goods and members. seq is the scan it came from.
func (x *txn) apply(f finding, saleID string, seq uint64) error {
	var err error
	if saleID == "" && (f.kind == code.Product || f.kind == code.Member) {
		if saleID, err = x.currentOrNew(); err != nil {
			return err
		}
	}
	switch f.kind {
	case code.Product:
		if f.handover != "" {
			if err := x.checkBasket(f.handover, saleID); err != nil {
				return err
			}
		}
		for i := range f.items {
			f.items[i].ScanSeq = seq
		}
		if err := x.step(sale.ItemsAdded{At: x.at, Sale: saleID, Items: f.items}); err != nil {
			return err
		}
		if f.adviser != "" {
			return x.step(sale.AdviserSet{At: x.at, Sale: saleID, Adviser: f.adviser})
		}
		return nil
	case code.Member:
		x.after = append(x.after, func() { x.t.stage.greet(*f.member, x.at) })
		return x.step(sale.MemberAttached{At: x.at, Sale: saleID, Member: *f.member, Points: f.points})
	case code.Coupon:
		if saleID == "" {
			s, ok := x.m.Current()
			if !ok {
				return problem(sale.CodeNoCurrentSale, "code", "请先扫描商品，再使用优惠券", "scan the goods first, then the coupon")
			}
			saleID = s.ID
		}
		return x.step(sale.CouponApplied{At: x.at, Sale: saleID, Coupon: *f.coupon})
	case code.Pickup:
		return x.pickup(f)
	default:
		return x.badge(f.badge)
	}
}

// badge signs a cashier in; the badge of who is signed in signs out, unless a
// sale is open.
func (x *txn) badge(cashier string) error {
	if x.m.Book().Cashier != cashier {
		return x.step(sale.SignedIn{At: x.at, Cashier: cashier})
	}
	if _, open := x.m.Current(); open {
		return nil
	}
	return x.step(sale.SignedOut{At: x.at})
}

// clip bounds outside text for a message, by runes.
func clip(text string, n int) string {
	out := []rune(text)
	if len(out) > n {
		out = append(out[:n-1], '…')
	}
	return string(out)
}
