package till

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tilld/display"
	"tilld/internal/feed"
	"tilld/internal/sale"
)

// How long scenes stay that nobody takes away.
const (
	paidFor    = 15 * time.Second // thanks after a sale
	thanksFor  = 6 * time.Second  // the same, when offers follow
	offersFor  = 20 * time.Second
	messageFor = 4 * time.Second
	greetFor   = 3 * time.Second
	failedFor  = 8 * time.Second
	pickupFor  = 2 * time.Minute
)

// stageState is what is shown beside the sale: it lives in memory, since none
// of it may outlive the moment. Till.mu guards it.
type stageState struct {
	shown  []byte // the scene on the stage, as JSON
	custom *display.Scene
	until  time.Time // of custom; zero: until a sale opens

	title, text  string // a message
	messageUntil time.Time
	welcome      *sale.Member
	greetUntil   time.Time
	order        *sale.Pickup // shown for handing over
	orderCode    string       // the code that was scanned for it, memory only
	orderToken   string       // the token that it was accepted by, "" when the cloud was asked
	orderUntil   time.Time
	armed        string // sale that waits for an auth code
	armedUntil   time.Time
	armedAmount  *sale.Money // of it; nil for all that is due
	failedUntil  time.Time
	reason       display.Reason // of the payment that failed
	lineOf       string         // sale and line to highlight
	line         int
}

// follow notes what a commit changed about a sale that the shopper should see.
func (g *stageState) follow(old sale.Sale, s sale.Sale, now time.Time) {
	if old.ID == "" {
		g.custom, g.order, g.failedUntil, g.messageUntil = nil, nil, time.Time{}, time.Time{}
	}
	if p := s.Payment; p != nil && (old.Payment == nil || old.Payment.ID == p.ID && old.Payment.State != p.State) {
		switch p.State {
		case sale.PayFailed:
			g.fail("", now)
		case sale.PayExpired:
			g.fail(display.ReasonExpired, now)
		}
	}
	if s.State == sale.Paying {
		g.failedUntil = time.Time{}
	}
	if len(s.Tenders) > len(old.Tenders) { // the refusal of a moment ago is over
		g.messageUntil = time.Time{}
	}
	for _, it := range s.Items {
		i := slices.IndexFunc(old.Items, func(o sale.Item) bool { return o.Line == it.Line })
		if i < 0 || old.Items[i].Quantity != it.Quantity || old.Items[i].Total != it.Total {
			g.lineOf, g.line, g.messageUntil, g.failedUntil = s.ID, it.Line, time.Time{}, time.Time{}
		}
	}
}

// fail has the shopper told that nothing was paid, and what to do.
func (g *stageState) fail(why display.Reason, now time.Time) {
	g.reason, g.failedUntil = why, now.Add(failedFor)
}

func (g *stageState) arm(saleID string, amount *sale.Money, until time.Time) {
	g.armed, g.armedAmount, g.armedUntil = saleID, amount, until
}
func (g *stageState) disarm() { g.arm("", nil, time.Time{}) }
func (g *stageState) armedFor(saleID string, now time.Time) bool {
	return g.armed == saleID && saleID != "" && now.Before(g.armedUntil)
}

func (g *stageState) greet(m sale.Member, now time.Time) {
	g.welcome, g.greetUntil = &m, now.Add(greetFor)
}

// deadlines are the moments at which the scene changes by itself.
func (g *stageState) deadlines(book sale.Book) []time.Time {
	return []time.Time{
		g.until, g.messageUntil, g.greetUntil, g.orderUntil, g.armedUntil, g.failedUntil,
		book.LastAt.Add(thanksFor), book.LastAt.Add(paidFor), book.LastAt.Add(thanksFor + offersFor),
	}
}

// say puts a short message on the customer screen for a few seconds. mu is held.
func (t *Till) say(title, text string) {
	t.look()
	t.stage.title, t.stage.text = title, text
	t.stage.messageUntil = t.now().Add(messageFor)
	t.show()
	t.nudge()
}

// tellNoLink has the shopper of the current sale told that a phone cannot pay now.
func (t *Till) tellNoLink(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s, ok := t.machine.Current(); !ok || s.ID != id {
		return
	}
	t.look()
	t.stage.fail(display.ReasonNoLink, t.now())
	t.show()
	t.nudge()
}

// queueFull tells everybody that no new sale can be opened. mu is held.
func (t *Till) queueFull() {
	t.o.Health.Raise(condQueueFull, "queue")
	t.say(t.word(wordCannotOpen), t.word(wordStorageFull))
}

// show puts the scene that belongs to the present state on the stage. mu is held.
func (t *Till) show() {
	now := t.now()
	sc := t.scene(now)
	body := mustJSON(sc)
	if bytes.Equal(body, t.stage.shown) {
		return
	}
	t.stage.shown = body
	t.o.Stage.Set(sc)
	t.o.Feed.Publish(feed.Scene, sc)
	if sc.Kind == display.Offers && sc.SaleID != "" && t.machine.Book().OffersOf != sc.SaleID {
		t.spawn(func(ctx context.Context) { t.offersSeen(ctx, sc.SaleID) })
	}
}

// offersSeen reports which offers were shown after which sale, once.
func (t *Till) offersSeen(ctx context.Context, saleID string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.begin()
	err := x.take(saleID)
	if err == nil {
		e := sale.OffersSeen{At: x.at, Sale: saleID}
		if s, ok := x.m.Sale(saleID); ok && s.Receipt != nil {
			e.Printed = offerIDs(printedOffers(s))
		}
		err = x.step(e)
	}
	if err == nil && len(x.events) > 0 {
		err = x.commit(ctx)
	}
	if err != nil {
		t.log.Error("offers shown, not reported", "sale", saleID, "err", err)
	}
}

// scene works out what the shopper sees.
func (t *Till) scene(now time.Time) display.Scene {
	g := &t.stage
	if s, ok := t.machine.Current(); ok {
		return t.saleScene(s, now)
	}
	sc := t.blank(display.Idle)
	book := t.machine.Book()
	age := now.Sub(book.LastAt)
	switch {
	case now.Before(g.messageUntil):
		sc.Kind, sc.Title, sc.Text = display.Message, g.title, g.text
		return sc
	case g.order != nil && now.Before(g.orderUntil):
		return t.pickupScene(*g.order)
	case g.custom != nil && (g.until.IsZero() || now.Before(g.until)):
		return *g.custom
	case book.Last != "" && age >= 0 && age < thanksFor+offersFor:
		if sc, ok := t.afterScene(book.Last, age); ok {
			return sc
		}
	}
	if book.TillClosed {
		sc.Kind, sc.Title, sc.Text = display.ClosedTill, t.word(wordClosedTitle), t.word(wordClosedText)
		return sc
	}
	sc.Title, sc.Text = t.word(wordWelcome), ""
	sc.QR = t.links(sale.Sale{Cashier: book.Cashier})
	return sc
}

// blank is a scene with nothing in it yet.
func (t *Till) blank(kind display.Kind) display.Scene {
	return display.Scene{
		Kind: kind, Lines: []display.Line{}, Offers: []display.Offer{}, QR: []display.QR{},
		Currency: t.o.Currency, Language: string(t.o.Language),
	}
}

// saleScene shows the current sale: its basket, or how its payment stands. A
// pay code is in it only while the cloud has called it pending since this start
// of the agent and it is neither withdrawn nor expired.
func (t *Till) saleScene(s sale.Sale, now time.Time) display.Scene {
	g, sc := &t.stage, t.blank(display.Basket)
	total := int64(s.Total)
	sc.SaleID, sc.Total, sc.Discount = s.ID, &total, int64(s.DiscountTotal)
	for _, it := range s.Items {
		sc.Lines = append(sc.Lines, display.Line{
			Line: it.Line, Name: it.Name, Quantity: it.Quantity, Unit: weightUnit(it.Unit), UnitPrice: int64(it.UnitPrice),
			OldPrice: int64(it.OldPrice), Discount: int64(it.Discount), Total: int64(it.Total),
			Highlight: g.lineOf == s.ID && g.line == it.Line,
		})
	}
	if now.Before(g.messageUntil) {
		sc.Title, sc.Text = g.title, g.text
	}
	p := s.Payment
	switch {
	case s.State == sale.Paying && p != nil && p.Method == "qr" && p.State == sale.PayPending && p.Verified && !p.Withdrawn && now.Before(t.expiry(*p, now)) && (p.URL != "" || p.PicturePNGBase64 != ""):
		sc.Kind = display.Paying
		sc.Pay = &display.Pay{PaymentID: p.ID, URL: p.URL, PicturePNGBase64: p.PicturePNGBase64, Amount: int64(p.Amount), ExpiresAt: t.expiry(*p, now), Apps: t.o.PayApps, Offline: p.Offline}
		if p.Offline && sc.Text == "" {
			sc.Text = fmt.Sprintf("%s %06d", t.word(wordCompare), sale.OfflineReference(s.ID)) // the phone shows it too
		}
		if sc.Title == "" {
			sc.Title = t.word(wordScanToPay)
		}
	case s.State == sale.Paying && p != nil:
		sc.Kind = display.Processing
		sc.Title = t.word(wordProcessing)
	case g.armedFor(s.ID, now):
		sc.Kind = display.Paying
		sc.Title = t.word(wordShowCode)
	case now.Before(g.failedUntil):
		sc.Kind, sc.Reason = display.Failed, g.reason
		said := failedWords[g.reason]
		sc.Title, sc.Text = t.word(said[0]), t.word(said[1])
	case g.order != nil && now.Before(g.orderUntil):
		return t.pickupScene(*g.order)
	case now.Before(g.messageUntil) && len(s.Items) == 0:
		sc.Kind = display.Message
	case g.welcome != nil && now.Before(g.greetUntil):
		sc.Kind, sc.Title, sc.Text = display.Member, t.word(wordMember), memberText(*g.welcome)
	}
	return sc
}

func weightUnit(unit string) string {
	if unit == "each" {
		return ""
	}
	return unit
}

func memberText(m sale.Member) string {
	return strings.Join(strings.Fields(strings.Join([]string{m.NameMasked, m.IDMasked, m.Level}, " ")), " ")
}

// afterScene thanks for the last sale, then shows its offers.
func (t *Till) afterScene(id string, age time.Duration) (display.Scene, bool) {
	s, ok := t.machine.Sale(id)
	if !ok {
		var err error
		if s, err = t.stored(id); err != nil {
			t.log.Warn("the last sale cannot be shown", "sale", id, "err", err)
			return display.Scene{}, false
		}
	}
	sc := t.blank(display.Paid)
	sc.SaleID, sc.Number = s.ID, s.Number
	total := int64(s.Total)
	sc.Total = &total
	for _, o := range s.Offers {
		if o.URL != "" && !t.allowedHost(o.URL) {
			o.URL = ""
		}
		sc.Offers = append(sc.Offers, offerOf(o))
	}
	stay := paidFor
	if len(s.Offers) > 0 {
		stay = thanksFor
	}
	switch {
	case age < stay:
		sc.Title, sc.QR, sc.Paid = t.word(wordThanks), t.links(s), paidOf(s)
		return sc, true
	case len(s.Offers) > 0 && age < thanksFor+offersFor:
		sc.Kind, sc.Title, sc.Total = display.Offers, t.word(wordOffers), nil
		return sc, true
	default:
		return display.Scene{}, false
	}
}

func paidOf(s sale.Sale) *display.Receipt {
	r := &display.Receipt{Tenders: []display.Tender{}, Change: int64(s.Change)}
	for _, x := range s.Tenders {
		r.Tenders = append(r.Tenders, display.Tender{Method: x.Method, Scheme: x.Scheme, Amount: int64(x.Amount)})
	}
	if v := s.StoredValue; v != nil {
		r.StoredValue = &display.StoredValue{CardMasked: v.CardMasked, Balance: int64(v.Balance), Bought: int64(v.Bought)}
	}
	if p := s.Points; p != nil {
		r.Points = &display.Points{Earned: p.Earned, Balance: p.Balance}
	}
	for _, c := range s.Coupons {
		if c.Issued {
			r.Coupons = append(r.Coupons, display.Coupon{Title: c.Title, Amount: int64(c.Amount), Percent: c.Percent, Expires: c.Expires})
		}
	}
	if m := s.Member; m != nil {
		r.Member = &display.Membership{IDMasked: m.IDMasked, NameMasked: m.NameMasked, Level: m.Level, Joined: m.Joined}
	}
	return r
}

func offerOf(o sale.Offer) display.Offer {
	out := display.Offer{ID: o.ID, Title: o.Title, Text: o.Text, Brand: o.Brand, URL: o.URL, PicturePNGBase64: o.PicturePNGBase64}
	if at, err := time.Parse(time.RFC3339, o.Expires); err == nil {
		out.Expires = at
	}
	return out
}

// pickupScene shows an order that is to be handed over.
func (t *Till) pickupScene(p sale.Pickup) display.Scene {
	sc := t.blank(display.Pickup)
	sc.Title = t.word(wordPickup)
	sc.Text = strings.Join(strings.Fields(p.Number+" "+p.ShopperMasked), " ")
	for i, a := range p.Items {
		quantity := a.Quantity
		if quantity == "" {
			quantity = "1"
		}
		sc.Lines = append(sc.Lines, display.Line{Line: i + 1, Name: a.Name, Quantity: quantity, Unit: weightUnit(a.Unit), UnitPrice: int64(a.UnitPrice)})
	}
	return sc
}
