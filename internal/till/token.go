package till

import (
	"context"
	"time"

	"tilld/internal/sale"
	"tilld/scanner/code"
)

// findToken reads a token that the cloud signed: a coupon or a pickup that
// proves itself. With a link the cloud is asked all the same, since only it
// knows what other tills did; without one the store's configuration decides
// whether the signature is enough (codes.offline_coupons, codes.offline_pickups).
func (t *Till) findToken(ctx context.Context, c code.Code, saleID string) (finding, error) {
	if t.o.Token == nil {
		return finding{}, problem(sale.CodeBadCode, "code", "本机不接受此类二维码", "signed codes are not in use at this till")
	}
	tok, err := t.o.Token(c.Text)
	if err != nil {
		return finding{}, problem(sale.CodeBadCode, "code", "此码无效或已过期："+clip(err.Error(), 120), "this code is not valid: "+clip(err.Error(), 120))
	}
	var f finding
	switch tok.Kind {
	case "coupon":
		f, err = t.couponToken(ctx, tok, saleID)
	case "pickup":
		f, err = t.pickupToken(ctx, tok, c.Text)
	default:
		err = problem(sale.CodeBadCode, "code", "此码不能在收银台使用", "a code of this kind is not for scanning at a till: "+clip(tok.Kind, 32))
	}
	return f, err
}

// withoutCloud decides about a token after the cloud was asked: nil means that
// the token itself counts.
func (t *Till) withoutCloud(kind string, asked error) error {
	silent := hasCode(asked, sale.CodeLinkDown) || hasCode(asked, sale.CodeUnavailable)
	if silent && t.o.Rules.Offline(kind) {
		return nil
	}
	return asked
}

func (t *Till) couponToken(ctx context.Context, tok Token, saleID string) (finding, error) {
	var w wireCoupon
	if err := decode(tok.Data, &w); err != nil {
		return finding{}, err
	}
	k, err := w.sale()
	if err != nil {
		return finding{}, err
	}
	if k.Amount == 0 && k.Percent == 0 {
		return finding{}, problem(sale.CodeInvalid, "coupon", "优惠券数据无效", "a coupon needs an amount or a percent")
	}
	k.Code = firstText(k.Code, k.ID)
	f, err := t.findCoupon(ctx, code.Code{Kind: code.Coupon, Text: k.Code}, saleID)
	if err == nil {
		return f, nil
	}
	if err = t.withoutCloud("coupon", err); err != nil {
		return finding{}, err
	}
	if ended(k.Expires, t.now()) {
		return finding{}, problem(sale.CodeCouponRefused, "code", "这张券已过期", "this coupon has expired")
	}
	k.Token = tok.ID
	return finding{kind: code.Coupon, coupon: &k}, nil
}

func (t *Till) pickupToken(ctx context.Context, tok Token, scanned string) (finding, error) {
	if f, ok := t.pickupShown(scanned); ok {
		return f, nil
	}
	var p sale.Pickup
	if err := decode(tok.Data, &p); err != nil {
		return finding{}, err
	}
	if p.ID == "" || len(p.ID) > 128 || len(p.Items) > sale.MaxLines {
		return finding{}, problem(sale.CodeInvalid, "pickup", "提货单数据无效", "a pickup needs an id")
	}
	f, err := t.findPickup(ctx, code.Code{Kind: code.Pickup, Text: p.ID})
	if err == nil {
		f.scanned = scanned
		return f, nil
	}
	if err = t.withoutCloud("pickup", err); err != nil {
		return finding{}, err
	}
	p = cleanPickup(p)
	return finding{kind: code.Pickup, pickup: &p, scanned: scanned, token: tok.ID}, nil
}

// ended reports whether a coupon's last day, or moment, is over.
func ended(expires string, now time.Time) bool {
	if at, err := time.Parse(time.RFC3339, expires); err == nil {
		return !now.Before(at)
	}
	if _, err := time.Parse(time.DateOnly, expires); err == nil {
		return now.Format(time.DateOnly) > expires
	}
	return false
}
