package till

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	_ "image/png" // pictures that are shown are PNG
	"regexp"
	"strings"
	"time"
	"unicode"

	"tilld/internal/qr"
	"tilld/internal/sale"
	"tilld/internal/strict"
)

// Shapes of the contract (§4) as the cloud sends them. They are read strictly:
// a field that is not in the contract is refused.

type wireTender struct {
	Method    string      `json:"method" strict:"required"`
	Amount    sale.Money  `json:"amount" strict:"required"`
	Scheme    string      `json:"scheme"`
	Reference string      `json:"reference"`
	Balance   *sale.Money `json:"balance"`
}

type wireCoupon struct {
	ID      string     `json:"id"`
	Code    string     `json:"code"`
	Title   string     `json:"title"`
	Amount  sale.Money `json:"amount"`
	Percent int        `json:"percent"`
	SKU     string     `json:"sku"`
	Expires string     `json:"expires"`
}

// wireBasket is basket.push and the answer to basket.fetch.
type wireBasket struct {
	Items   []sale.Article `json:"items"`
	Adviser string         `json:"adviser"`
}

// wirePayment is payment.result and the answer to the questions about a payment.
type wirePayment struct {
	PaymentID   string            `json:"payment_id"`
	State       string            `json:"state"`
	Amount      *sale.Money       `json:"amount"`
	URL         string            `json:"url"`
	Picture     string            `json:"picture_png_base64"`
	Tenders     []wireTender      `json:"tenders"`
	Member      *sale.Member      `json:"member"`
	Points      *sale.Points      `json:"points"`
	Coupons     []wireCoupon      `json:"coupons"`
	Offers      []sale.Offer      `json:"offers"`
	StoredValue *sale.StoredValue `json:"stored_value"`
}

// Bounds of what comes with a payment, so that its sale fits one event.
const (
	maxTenders = 8
	maxCoupons = 16
	maxOffers  = 8
	maxPicture = 256 << 10 // bytes of PNG
)

// decode reads one JSON value strictly (package strict).
func decode(data []byte, dst any) error {
	if err := strict.Decode(data, dst); err != nil {
		return problem(sale.CodeInvalid, "data", "数据格式不对："+err.Error(), err.Error())
	}
	return nil
}

// news makes an event of what the cloud said. Trimmings that do not fit (an
// offer's picture, a long title) are cut: money is never refused for them.
func (w wirePayment) news(id string, at time.Time) (sale.PaymentNews, error) {
	n := sale.PaymentNews{
		At: at, PaymentID: id, State: sale.PaymentState(w.State), Amount: w.Amount,
		URL: w.URL, PicturePNGBase64: w.Picture, Points: w.Points,
	}
	if len(w.Tenders) > maxTenders {
		return n, problem(sale.CodeInvalid, "tenders", "付款明细过多", "at most 8 tenders")
	}
	for _, t := range w.Tenders {
		n.Tenders = append(n.Tenders, sale.Tender{
			Method: t.Method, Amount: t.Amount, Scheme: cut(t.Scheme, 32), Reference: cut(t.Reference, 128), Balance: t.Balance,
		})
	}
	if w.Member != nil {
		m := cleanMember(*w.Member)
		n.Member = &m
	}
	if v := w.StoredValue; v != nil {
		n.StoredValue = &sale.StoredValue{CardMasked: masked(v.CardMasked), Balance: v.Balance, Bought: v.Bought}
	}
	for i, c := range w.Coupons {
		if k, err := c.sale(); err == nil && i < maxCoupons {
			n.Coupons = append(n.Coupons, k)
		}
	}
	for i, o := range w.Offers {
		if i < maxOffers && o.ID != "" {
			n.Offers = append(n.Offers, cleanOffer(o))
		}
	}
	return n, nil
}

func (c wireCoupon) sale() (sale.Coupon, error) {
	if c.ID == "" || len(c.ID) > 128 || c.Amount < 0 || c.Amount > sale.MaxMoney || c.Percent < 0 || c.Percent > 100 {
		return sale.Coupon{}, problem(sale.CodeInvalid, "coupon", "优惠券数据无效", "a coupon needs an id and an amount or a percent")
	}
	return sale.Coupon{
		ID: c.ID, Code: cut(c.Code, 128), Title: cut(c.Title, 128), Amount: c.Amount, Percent: c.Percent,
		SKU: cut(c.SKU, 128), Expires: cut(c.Expires, 40),
	}, nil
}

func cleanOffer(o sale.Offer) sale.Offer {
	out := sale.Offer{
		ID: cut(o.ID, 128), Title: cut(o.Title, 128), Text: cut(o.Text, 256), Brand: cut(o.Brand, 64),
		URL: o.URL, Expires: cut(o.Expires, 40), PicturePNGBase64: o.PicturePNGBase64,
	}
	if !soundLink(out.URL, maxLink) {
		out.URL = ""
	}
	if checkPicture(out.PicturePNGBase64) != nil {
		out.PicturePNGBase64 = ""
	}
	return out
}

// cleanMember keeps a member's data masked: the till stores nothing personal
// in clear, also when the cloud forgot to mask it.
func cleanMember(m sale.Member) sale.Member {
	m.IDMasked, m.NameMasked, m.Level = masked(m.IDMasked), maskedName(m.NameMasked), cut(m.Level, 32)
	return m
}

// cleanPickup bounds an order's particulars and keeps its shopper masked.
func cleanPickup(p sale.Pickup) sale.Pickup {
	p.Number, p.ShopperMasked = cut(p.Number, 64), maskedName(p.ShopperMasked)
	return p
}

// masked leaves at most the last four characters of a number that is not masked.
func masked(id string) string {
	id = cut(id, 40)
	if id == "" || strings.ContainsAny(id, "*•…") || strings.Contains(strings.ToLower(id), "xxx") {
		return id
	}
	return ending(id)
}

// ending is the last four characters of a text, of less than ten a third.
func ending(text string) string {
	r := []rune(cut(text, 40))
	n := 4
	if len(r) < 10 {
		n = len(r) / 3
	}
	return "****" + string(r[len(r)-n:])
}

// maskedName leaves the first character of a name that is not masked.
func maskedName(name string) string {
	name = cut(name, 32)
	if name == "" || strings.ContainsAny(name, "*•…") {
		return name
	}
	if strings.ContainsAny(name, "0123456789") {
		return ending(name)
	}
	return string([]rune(name)[:1]) + "**"
}

// cut bounds outside text to max bytes of one printable line.
func cut(text string, max int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, text)
	if len(text) <= max {
		return text
	}
	return strings.ToValidUTF8(text[:max], "")
}

const (
	// maxLink is the longest address that is shown as a code, in bytes.
	maxLink = 1024
	// maxSmallLink is the longest one that is printed: its code still has four
	// dots a module on 58 mm paper.
	maxSmallLink = 400
)

// soundLink reports whether an address may be made a code at all; whoever draws
// the code reads it back.
func soundLink(url string, max int) bool {
	return len(url) <= max && cut(url, max) == url && !local.MatchString(url)
}

// local is what runs or opens something on the phone itself instead of leading
// anywhere. Wallets have schemes of their own, and a code need not be an address.
var local = regexp.MustCompile(`(?i)^[\s\p{Z}]*(javascript|vbscript|data|file|blob|filesystem|about|view-source):`)

// checkLink makes sure, by making the code, that an address can be shown as one
// that a phone reads; "" is fine.
func checkLink(url string) error {
	if url == "" {
		return nil
	}
	if !soundLink(url, maxLink) {
		return fmt.Errorf("an address has at most %d printable bytes, and none that runs something, like javascript: or data: in front", maxLink)
	}
	_, err := qr.Make(url, qr.M)
	return err
}

// checkPicture makes sure that a picture is a PNG of sensible size; "" is fine.
func checkPicture(b64 string) error {
	if b64 == "" {
		return nil
	}
	_, err := picture(b64)
	return err
}

func picture(b64 string) (image.Image, error) {
	if len(b64) > base64.StdEncoding.EncodedLen(maxPicture) {
		return nil, fmt.Errorf("a picture has at most %d bytes", maxPicture)
	}
	raw, err := base64.StdEncoding.DecodeString(b64)
	if err != nil {
		return nil, fmt.Errorf("a picture is base64: %w", err)
	}
	size, kind, err := image.DecodeConfig(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	if kind != "png" || size.Width < 21 || size.Height < 21 || size.Width > 2048 || size.Height > 2048 {
		return nil, fmt.Errorf("a picture is a PNG of 21 to 2,048 pixels a side, not %s of %d x %d", kind, size.Width, size.Height)
	}
	img, _, err := image.Decode(bytes.NewReader(raw))
	return img, err
}
