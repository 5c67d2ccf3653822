package cloud

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Article is a product as the contract writes it.
type Article struct {
	SKU       string     `json:"sku"`
	GTIN      string     `json:"gtin,omitempty"`
	GTINs     []string   `json:"gtins,omitempty"`
	Name      string     `json:"name"`
	UnitPrice int64      `json:"unit_price"`
	Unit      string     `json:"unit,omitempty"`
	OldPrice  int64      `json:"old_price,omitempty"`
	Serial    string     `json:"serial,omitempty"`
	Quantity  string     `json:"quantity,omitempty"`
	Markdowns []Markdown `json:"markdowns,omitempty"`
	MultiBuy  *MultiBuy  `json:"multi_buy,omitempty"`
}

// Markdown is a discount for part of the day.
type Markdown struct {
	From    string `json:"from"`
	To      string `json:"to,omitempty"`
	Percent int    `json:"percent"`
}

// MultiBuy is "quantity for price".
type MultiBuy struct {
	Quantity int   `json:"quantity"`
	Price    int64 `json:"price"`
}

// Member is a member as a till may know one.
type Member struct {
	IDMasked      string `json:"id_masked"`
	NameMasked    string `json:"name_masked,omitempty"`
	Level         string `json:"level,omitempty"`
	Joined        bool   `json:"joined,omitempty"`
	Consent       bool   `json:"consent"`
	PointsBalance *int64 `json:"points_balance,omitempty"`
}

// Points is what a sale earned.
type Points struct {
	Earned  int64  `json:"earned"`
	Balance *int64 `json:"balance,omitempty"`
}

// StoredValue is a stored-value card after the payment.
type StoredValue struct {
	CardMasked string `json:"card_masked"`
	Balance    int64  `json:"balance"`
	Bought     int64  `json:"bought,omitempty"`
}

// Coupon is a coupon.
type Coupon struct {
	ID      string `json:"id"`
	Code    string `json:"code,omitempty"`
	Title   string `json:"title"`
	Amount  int64  `json:"amount,omitempty"`
	Percent int    `json:"percent,omitempty"`
	SKU     string `json:"sku,omitempty"`
	Expires string `json:"expires,omitempty"`
}

// Offer is shown after payment.
type Offer struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Text    string `json:"text,omitempty"`
	Brand   string `json:"brand,omitempty"`
	URL     string `json:"url,omitempty"`
	Expires string `json:"expires,omitempty"`
	// PicturePNGBase64 is a PNG; JSON carries it in base64.
	PicturePNGBase64 []byte `json:"picture_png_base64,omitempty"`
}

// Pickup is an online order to be handed over.
type Pickup struct {
	ID            string    `json:"id"`
	Number        string    `json:"number,omitempty"`
	State         string    `json:"state"`
	Items         []Article `json:"items"`
	ShopperMasked string    `json:"shopper_masked,omitempty"`
}

// Basket is a basket prepared elsewhere.
type Basket struct {
	Items   []Article `json:"items"`
	Adviser string    `json:"adviser,omitempty"`
}

// Catalogue is what the cloud can look up, by code. It is not changed while in
// use.
type Catalogue struct {
	Articles []Article
	Members  map[string]Member
	Coupons  map[string]Coupon
	Pickups  map[string]Pickup
	Baskets  map[string]Basket
}

// Find returns the article with this GTIN or SKU.
func (k *Catalogue) Find(code string) (Article, bool) {
	code = strings.TrimLeft(code, "0")
	for _, a := range k.Articles {
		if a.SKU == code || strings.TrimLeft(a.GTIN, "0") == code ||
			slices.ContainsFunc(a.GTINs, func(g string) bool { return strings.TrimLeft(g, "0") == code }) {
			return a, true
		}
	}
	return Article{}, false
}

// lookup answers the requests that ask for what stands behind a code.
func (k *Catalogue) lookup(kind, code string) (any, *Problem) {
	missing := &Problem{"not_found", "the cloud does not know this code"}
	switch kind {
	case "price.lookup":
		if a, ok := k.Find(code); ok {
			return map[string]any{"items": []Article{a}}, nil
		}
	case "member.lookup":
		if m, ok := k.Members[code]; ok {
			return map[string]any{"member": m}, nil
		}
	case "coupon.check":
		if x, ok := k.Coupons[code]; ok {
			return map[string]any{"coupon": x}, nil
		}
	case "pickup.lookup":
		if x, ok := k.Pickups[code]; ok {
			return map[string]any{"pickup": x}, nil
		}
	case "basket.fetch":
		if x, ok := k.Baskets[code]; ok {
			return x, nil
		}
	default:
		return nil, &Problem{"unknown_type", "the cloud does not know this request"}
	}
	return nil, missing
}

// Demo is a small tea and grocery shop.
func Demo() *Catalogue {
	points := int64(1280)
	tea := Article{SKU: "TEA-OOL-250", GTIN: "6901234567892", Name: "高山乌龙茶 250g", UnitPrice: 6800}
	milk := Article{SKU: "MILK-UHT-1", GTIN: "6921234567890", Name: "纯牛奶 1L", UnitPrice: 1290}
	water := Article{SKU: "WATER-550", GTIN: "6931234567899", Name: "矿泉水 550ml", UnitPrice: 200, MultiBuy: &MultiBuy{Quantity: 3, Price: 500}}
	k := &Catalogue{
		Articles: []Article{
			tea, milk, water,
			{SKU: "RICE-5", GTIN: "6941234567898", Name: "东北大米 5kg", UnitPrice: 4590},
			{SKU: "CHOC-100", GTIN: "4006381333931", Name: "Dark chocolate 100 g", UnitPrice: 1850, OldPrice: 2100},
			{SKU: "CUP-CELADON", GTIN: "6951234567897", Name: "青瓷茶杯", UnitPrice: 12800},
			{SKU: "BREAD-RYE", GTIN: "6961234567896", Name: "黑麦面包", UnitPrice: 980},
		},
		Members: map[string]Member{"M100200300": {IDMasked: "139****0300", NameMasked: "王**", Level: "gold", Consent: true, PointsBalance: &points}},
		Coupons: map[string]Coupon{"CP500": {ID: "cp-500", Code: "CP500", Title: "满减券 5 元", Amount: 500}},
		Pickups: map[string]Pickup{"PU8801": {ID: "pu-8801", Number: "8801", State: "ready", Items: []Article{tea, milk}, ShopperMasked: "李**"}},
		Baskets: map[string]Basket{"BK7001": {Items: []Article{tea, water}, Adviser: "adviser-7"}},
	}
	// The same under codes that a till knows without rules of the chain's own, and
	// enough of what can be used once for an afternoon.
	k.Members["M-100200300"] = k.Members["M100200300"]
	for n := 1; n <= 9; n++ {
		coupon, pickup, basket := fmt.Sprintf("C-CP500-%d", n), fmt.Sprintf("P-PU880%d", n), fmt.Sprintf("B-BK700%d", n)
		k.Coupons[coupon] = Coupon{ID: "cp-500-" + strconv.Itoa(n), Code: coupon, Title: "满减券 5 元", Amount: 500}
		k.Pickups[pickup] = Pickup{ID: fmt.Sprintf("pu-980%d", n), Number: fmt.Sprintf("980%d", n), State: "ready", Items: []Article{tea, milk}, ShopperMasked: "李**"}
		k.Baskets[basket] = Basket{Items: []Article{tea, water}, Adviser: "adviser-7"}
	}
	return k
}
