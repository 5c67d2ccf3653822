package till

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"tilld/display"
	"tilld/internal/sale"
)

// Commands of the cloud (contract §4). Data is read strictly; the result is the
// reply's data; an error is a *sale.Problem with the reply's code and message,
// or a fault of the disk.

// BasketPush is basket.push: a basket prepared elsewhere goes into the current
// sale, which opens when there is none.
func (t *Till) BasketPush(ctx context.Context, data json.RawMessage) (any, error) {
	var b wireBasket
	if err := decode(data, &b); err != nil {
		return nil, err
	}
	f, err := b.finding(t.now())
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.begin()
	if err := x.apply(f, x.m.Book().Current, 0); err != nil {
		return nil, err
	}
	id := x.about
	return map[string]any{"sale": id, "lines": len(x.sale().Items)}, x.commit(ctx)
}

// ScreenShow is screen.show: {"scene": {…}, "seconds": 30}.
func (t *Till) ScreenShow(ctx context.Context, data json.RawMessage) (any, error) {
	var r struct {
		Scene   display.Scene `json:"scene"`
		Seconds int           `json:"seconds"`
	}
	if err := decode(data, &r); err != nil {
		return nil, err
	}
	if r.Seconds < 0 || r.Seconds > 86400 {
		return nil, problem(sale.CodeInvalid, "seconds", "显示时间为 0 至 86400 秒", "seconds must be 0 to 86400")
	}
	answer, err := t.showScene(Call{Origin: "command"}, r.Scene, time.Duration(r.Seconds)*time.Second)
	return answer.Body, err
}

// ScreenClear is screen.clear.
func (t *Till) ScreenClear(ctx context.Context, data json.RawMessage) (any, error) {
	if err := decodeNothing(data); err != nil {
		return nil, err
	}
	answer, err := t.clearScene()
	return answer.Body, err
}

// decodeNothing accepts no data, null or {}.
func decodeNothing(data json.RawMessage) error {
	if len(data) == 0 || string(data) == "null" {
		return nil
	}
	return decode(data, &struct{}{})
}

// showScene puts a scene of the POS application or head office on the screen
// while no sale is open. It can neither show a pay code nor say that something
// was paid: only a sale can.
func (t *Till) showScene(c Call, sc display.Scene, d time.Duration) (Answer, error) {
	if err := t.checkScene(&sc); err != nil {
		return Answer{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, open := t.machine.Current(); open {
		return Answer{}, problem(sale.CodeSaleOpen, "", "有进行中的销售，客显由销售使用", "a sale is open; the screen is the sale's")
	}
	t.look()
	t.stage.custom, t.stage.until = &sc, time.Time{}
	if d > 0 {
		t.stage.until = t.now().Add(d)
	}
	t.show()
	t.nudge()
	return Answer{Body: mustJSON(sc)}, nil
}

func (t *Till) clearScene() (Answer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stage.custom = nil
	t.show()
	return Answer{Body: json.RawMessage(`{"cleared":true}`)}, nil
}

func (t *Till) checkScene(sc *display.Scene) error {
	bad := func(field, zh, en string) error { return problem(sale.CodeInvalid, field, zh, en) }
	switch sc.Kind {
	case display.Idle, display.Basket, display.Offers, display.Member, display.Pickup, display.Message, display.ClosedTill:
	default:
		return bad("kind", "这种画面只能由销售产生", "this kind of scene is made by a sale only; use idle, basket, offers, member, pickup, message or closed_till")
	}
	switch {
	case sc.Pay != nil || sc.Paid != nil || sc.SaleID != "" || sc.Number != 0:
		return bad("pay", "付款信息只能由销售产生", "pay, paid, sale_id and number are made by a sale only")
	case len(sc.Lines) > sale.MaxLines || len(sc.Offers) > maxOffers || len(sc.QR) > 6:
		return bad("lines", "内容过多", "at most 300 lines, 8 offers and 6 codes")
	case len(sc.Title) > 512 || len(sc.Text) > 2048:
		return bad("text", "文字过长", "title has at most 512, text 2,048 bytes")
	}
	// Less than nothing is shown: an exchange may give money back.
	if sc.Total != nil && !shown(*sc.Total) || slices.ContainsFunc(sc.Lines, func(l display.Line) bool {
		return !shown(l.UnitPrice) || !shown(l.OldPrice) || !shown(l.Discount) || !shown(l.Total)
	}) {
		return bad("total", "金额超出范围", "an amount is out of range")
	}
	for _, q := range sc.QR {
		if q.URL == "" || checkLink(q.URL) != nil {
			return bad("qr", "二维码地址无效", "a code needs an address of at most 1,024 printable bytes, and no scheme like javascript: or data:")
		}
		if !t.allowedHost(q.URL) {
			return foreignHost("qr")
		}
	}
	for _, o := range sc.Offers {
		if checkLink(o.URL) != nil || checkPicture(o.PicturePNGBase64) != nil {
			return bad("offers", "优惠的地址或图片无效", "an offer's address or picture is invalid")
		}
		if o.URL != "" && !t.allowedHost(o.URL) {
			return foreignHost("offers")
		}
	}
	sc.Currency, sc.Language = t.o.Currency, firstText(cut(sc.Language, 16), string(t.o.Language))
	if sc.Lines == nil {
		sc.Lines = []display.Line{}
	}
	if sc.Offers == nil {
		sc.Offers = []display.Offer{}
	}
	if sc.QR == nil {
		sc.QR = []display.QR{}
	}
	return nil
}

// shown reports whether an amount of a scene is one that displays have room for.
func shown(amount int64) bool {
	return -int64(sale.MaxMoney) <= amount && amount <= int64(sale.MaxMoney)
}

// PrinterPrint is printer.print: {"job_id", "markup"}.
func (t *Till) PrinterPrint(ctx context.Context, data json.RawMessage) (any, error) {
	var r struct {
		JobID  string `json:"job_id"`
		Markup string `json:"markup"`
	}
	if err := decode(data, &r); err != nil {
		return nil, err
	}
	if r.JobID == "" {
		return nil, problem(sale.CodeInvalid, "job_id", "缺少打印任务编号", "job_id is missing")
	}
	answer, err := t.print(ctx, Call{Origin: "command"}, PrintRequest{JobID: r.JobID, Markup: r.Markup})
	return answer.Body, err
}

// DeviceTest is device.test: {"name": "printer-1"}.
func (t *Till) DeviceTest(ctx context.Context, data json.RawMessage) (any, error) {
	var r struct {
		Name string `json:"name"`
	}
	if err := decode(data, &r); err != nil {
		return nil, err
	}
	answer, err := t.testDevice(ctx, r.Name)
	return answer.Body, err
}

// DrawerOpen is drawer.open: {"reason": "…"}.
func (t *Till) DrawerOpen(ctx context.Context, data json.RawMessage) (any, error) {
	var r struct {
		Reason string `json:"reason"`
	}
	if err := decode(data, &r); err != nil {
		return nil, err
	}
	answer, err := t.openDrawer(ctx, Call{Origin: "command"}, OpenDrawer{Reason: r.Reason})
	return answer.Body, err
}

// Report is till.report: the status, with what head office wants to know.
func (t *Till) Report(ctx context.Context, data json.RawMessage) (any, error) {
	if err := decodeNothing(data); err != nil {
		return nil, err
	}
	t.mu.Lock()
	book, prices, waiting := t.machine.Book(), t.book.Version, len(t.spool.open)
	open := len(t.machine.Live())
	t.mu.Unlock()
	return struct {
		Status
		Day       string      `json:"day"`
		Number    int         `json:"number"`
		Totals    sale.Totals `json:"totals"`
		PriceBook string      `json:"price_book"`
		Waiting   int         `json:"print_jobs"`
		LiveSales int         `json:"live_sales"`
	}{t.Status(t.o.Language), book.Day, book.Number, book.Totals, prices, waiting, open}, nil
}
