package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tilld/internal/cloud"
)

// visit is one journey as it is played.
type visit struct {
	*script
	album *album // nil: nobody wants pictures
}

// article is one of the shop's own, by SKU.
func article(sku string) cloud.Article {
	for _, a := range cloud.Demo().Articles {
		if a.SKU == sku {
			return a
		}
	}
	panic("tillsim: no article " + sku) // a journey names it
}

// buy is a sale of these articles, yet to be begun.
func (v *visit) buy(skus ...string) *one {
	s := &one{script: v.script}
	for _, sku := range skus {
		s.goods = append(s.goods, article(sku))
	}
	return s
}

// steps runs steps in order.
func steps(list ...step) step {
	return func(ctx context.Context) error {
		for _, f := range list {
			if err := f(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// first begins the sale with a step.
func (s *one) first(list ...step) step {
	return func(ctx context.Context) error {
		s.begin()
		return steps(list...)(ctx)
	}
}

// paidAs has the shopper pay and the mini-program tell more than that.
func (s *one) paidAs(r func() cloud.Result) step {
	return func(ctx context.Context) error {
		mark := s.screen.mark()
		if !s.shop.cloud.SettleAs(s.payID, r()) {
			return fmt.Errorf("payment %s is not pending at the cloud", s.payID)
		}
		err := s.sees(ctx, mark, "paid scene", func(sc scene) bool { return sc.Kind == "paid" && sc.SaleID == s.id })
		if err != nil {
			return err
		}
		return s.closed(ctx, s.goods.total())
	}
}

// scans has a code read by the scanner.
func (v *visit) scans(code string) step {
	return func(ctx context.Context) error {
		_, err := v.scan(ctx, code)
		return err
	}
}

// shows waits until the screen shows a scene that ok accepts, now or later.
func (v *visit) shows(what string, ok func(scene) bool) step {
	return func(ctx context.Context) error {
		if ok(v.scene()) {
			return nil
		}
		_, err := v.screen.wait(ctx, max(0, v.screen.mark()-1), what, func(f frame) bool { return f.event == "scene" && ok(decodeScene(f)) })
		return err
	}
}

// sceneHas waits until the scene's JSON has all these pieces.
func (v *visit) sceneHas(kind string, pieces ...string) step {
	return func(ctx context.Context) error {
		has := func(raw []byte) bool {
			return bytes.Contains(raw, []byte(`"kind":"`+kind+`"`)) && lacking(raw, pieces) == ""
		}
		if has(v.screen.last()) {
			return nil
		}
		_, err := v.screen.wait(ctx, max(0, v.screen.mark()-1), fmt.Sprintf("a %s scene with %q", kind, pieces), func(f frame) bool { return has([]byte(f.data)) })
		return err
	}
}

// lacking is the first of pieces that is not in raw, "" when all are.
func lacking(raw []byte, pieces []string) string {
	for _, p := range pieces {
		if !bytes.Contains(raw, []byte(p)) {
			return p
		}
	}
	return ""
}

// paperHas checks that the receipt, which is out, has these texts.
func (s *one) paperHas(texts ...string) step {
	return func(context.Context) error {
		all := strings.Join(s.ticket.Lines, "\n")
		if miss := lacking([]byte(all), texts); miss != "" {
			return fmt.Errorf("the receipt lacks %q:\n%s", miss, all)
		}
		return nil
	}
}

// paperCode finds the code on the receipt, read from its dots, that begins so.
func (s *one) paperCode(prefix string) (string, error) {
	for _, c := range s.ticket.QR {
		if strings.HasPrefix(c, prefix) {
			return c, nil
		}
	}
	return "", fmt.Errorf("no code of the receipt begins with %q: %q", prefix, s.ticket.QR)
}

// paperCodes checks that the receipt has exactly these codes.
func (s *one) paperCodes(want func() []string) step {
	return func(context.Context) error {
		if w := want(); !slices.Equal(slices.Sorted(slices.Values(s.ticket.QR)), slices.Sorted(slices.Values(w))) {
			return fmt.Errorf("the receipt has the codes %q, want %q", s.ticket.QR, w)
		}
		return nil
	}
}

// reported waits for an event about subject whose data has all these pieces.
func (v *visit) reported(kind string, subject func() string, pieces ...string) step {
	return func(ctx context.Context) error {
		err := v.shop.cloud.Await(ctx, func() bool { return v.eventWith(kind, subject(), pieces) != nil })
		if err == nil {
			return nil
		}
		last := "none"
		if e := v.event(kind, subject()); e != nil {
			last = string(e.Data) + "; it lacks " + lacking(e.Data, pieces)
		}
		return fmt.Errorf("no %s with %q; the newest: %s: %w", kind, pieces, last, err)
	}
}

// eventWith is the newest event about a subject whose data has all pieces.
func (p *script) eventWith(kind, subject string, pieces []string) *cloud.Event {
	events := p.shop.cloud.Ledger().Events(source, 0)
	for i := len(events) - 1; i >= 0; i-- {
		if e := &events[i]; e.Type == kind && e.Subject == subject && lacking(e.Data, pieces) == "" {
			return e
		}
	}
	return nil
}

// count is how many events of a kind the cloud has.
func (p *script) count(kind string) (n int) {
	for _, e := range p.shop.cloud.Ledger().Events(source, 0) {
		if e.Type == kind {
			n++
		}
	}
	return n
}

// theSale is the subject of most events.
func (s *one) theSale() string { return s.id }

// post calls the local API about this sale; key "" draws one.
func (s *one) post(ctx context.Context, what string, body, out any) error {
	return s.shop.api.call(ctx, "POST", "/v1/sales/"+s.id+"/"+what, s.key(what), body, out)
}

// raw is the sale as the API shows it.
func (s *one) raw(ctx context.Context) (json.RawMessage, error) {
	var body json.RawMessage
	err := s.shop.api.call(ctx, "GET", "/v1/sales/"+s.id, "", nil, &body)
	return body, err
}

// apiHas checks that the sale in the API has all these pieces.
func (s *one) apiHas(pieces ...string) step {
	return func(ctx context.Context) error {
		body, err := s.raw(ctx)
		if miss := lacking(body, pieces); err == nil && miss != "" {
			err = fmt.Errorf("the API's sale lacks %s: %s", miss, body)
		}
		return err
	}
}

// order has head office send a command, which the till has to carry out.
func (v *visit) order(kind string, data any) step {
	return func(ctx context.Context) error {
		r, err := v.shop.cloud.Command(ctx, tillPath, kind, data)
		if err == nil && r.State != "done" {
			err = fmt.Errorf("%s is %s: %+v", kind, r.State, r.Error)
		}
		return err
	}
}

// refusedScan waits until the scan ledger has a refusal with this problem code
// and a reason for people.
func (v *visit) refusedScan(problem string) step {
	return func(ctx context.Context) error {
		var last scanRow
		err := v.until(ctx, "a scan refused as "+problem, func() (bool, error) {
			list, err := v.ledger(ctx)
			if len(list) > 0 {
				last = list[len(list)-1]
			}
			return last.Refused != nil && last.Refused.Code == problem && last.Refused.Detail != "", err
		})
		if err != nil {
			return fmt.Errorf("the last scan is %+v, refused %+v: %w", last, last.Refused, err)
		}
		return nil
	}
}

// scanRow is a row of the scan ledger.
type scanRow struct {
	Seq     uint64 `json:"seq"`
	Code    string `json:"code"`
	Kind    string `json:"kind"`
	Refused *struct {
		Code   string `json:"code"`
		Detail string `json:"detail"`
	} `json:"refused"`
}

// ledger is the scan ledger, oldest first.
func (v *visit) ledger(ctx context.Context) ([]scanRow, error) {
	var list struct {
		Scans []scanRow `json:"scans"`
	}
	err := v.shop.api.call(ctx, "GET", "/v1/scans?limit=1000", "", nil, &list)
	return list.Scans, err
}

// offline runs steps while there is no broker.
func (v *visit) offline(list ...step) step {
	return func(ctx context.Context) error {
		if err := v.shop.cutLine(); err != nil {
			return err
		}
		err := v.linkIs(ctx, false)
		if err == nil {
			err = steps(list...)(ctx)
		}
		return errors.Join(err, v.shop.mendLine(ctx))
	}
}

// online waits until the link is up again.
func (v *visit) online(ctx context.Context) error { return v.linkIs(ctx, true) }

func (v *visit) linkIs(ctx context.Context, up bool) error {
	return v.until(ctx, fmt.Sprintf("link up: %v", up), func() (bool, error) {
		st, err := v.shop.api.status(ctx)
		return (st.Link.State == "up") == up, err
	})
}

// within is a context for what must not take long.
func within(ctx context.Context, d time.Duration, what string) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d, fmt.Errorf("%s: not within %v", what, d))
}

// snapScreen takes a picture of the customer screen, if somebody wants one.
func (v *visit) snapScreen(ctx context.Context) error {
	if v.album == nil {
		return nil
	}
	return v.album.screen(ctx, v.screen.last())
}

// snapPaper takes a picture of the receipt as it came out of the printer.
func (s *one) snapPaper(v *visit) step {
	return func(context.Context) error {
		if v.album == nil {
			return nil
		}
		return v.album.paper(s.paper.Picture(s.ticket.ID))
	}
}
