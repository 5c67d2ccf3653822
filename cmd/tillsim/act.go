package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"tilld/internal/cloud"
	"tilld/internal/sim"
)

// act does what a person wants done.
func (d *demo) act(ctx context.Context, o order) error {
	s := d.shop
	switch o.What {
	case "scan":
		return s.scanner.Scan(o.Value)
	case "pay", "pay-only", "decline":
		if p := s.cloud.Payments()[o.Value]; p.Offline && o.What != "decline" {
			return d.payOnPhone(p.URL, o.What == "pay")
		}
		outcome := map[string]string{"pay": "paid", "decline": "failed"}[o.What]
		if !s.cloud.Settle(o.Value, outcome, true) {
			return errors.New("the payment is not pending any more")
		}
		return nil
	case "tilld":
		return d.process(ctx, o.Value)
	case "broker":
		if o.Value == "down" {
			return s.broker.Stop()
		}
		return s.broker.Start(ctx)
	case "plug", "unplug":
		return d.cable(o.What, o.Value)
	case "printer":
		p, ok := d.printer(o.Name)
		flip, known := printerSwitch(o.Value, o.Number)
		if !ok || !known {
			return fmt.Errorf("no printer %q or switch %q", o.Name, o.Value)
		}
		p.Set(flip)
		return nil
	case "tear":
		if p, ok := d.printer(o.Name); ok {
			p.Tear()
		}
		return nil
	case "fault":
		return d.fault(o.Value)
	case "command":
		s.cloud.Order(tillPath, o.Value, o.Data, time.Minute)
		return nil
	case "cashier":
		return d.cashier(ctx, o)
	}
	return fmt.Errorf("no action %q", o.What)
}

func (d *demo) process(ctx context.Context, what string) error {
	switch what {
	case "kill":
		return d.shop.tilld.Kill()
	case "stop":
		_, err := d.shop.tilld.Stop()
		return err
	case "start":
		return d.shop.start(ctx, false)
	}
	return fmt.Errorf("kill, stop or start tilld, not %q", what)
}

func (d *demo) cable(what, name string) error {
	c, ok := map[string]*sim.Cable{"scanner": d.shop.scanner.Cable, "serial": d.shop.cable, "pole": d.shop.poleway}[name]
	if !ok {
		return fmt.Errorf("no cable %q", name)
	}
	if what == "plug" {
		return c.Plug()
	}
	return c.Unplug()
}

// fault flips one of the cloud's.
func (d *demo) fault(name string) error {
	flips := map[string]func(*cloud.Faults){
		"silent": func(f *cloud.Faults) { f.Silent = !f.Silent },
		"acks":   func(f *cloud.Faults) { f.NoAcks = !f.NoAcks },
		"deny":   func(f *cloud.Faults) { f.Deny = !f.Deny },
		"forged": func(f *cloud.Faults) { f.WrongSignature = !f.WrongSignature },
		"slow":   func(f *cloud.Faults) { f.Slow = 3*time.Second - f.Slow },
		"late":   func(f *cloud.Faults) { f.LateResult = 10*time.Second - f.LateResult },
	}
	f, ok := flips[name]
	if !ok {
		return fmt.Errorf("no fault %q", name)
	}
	d.shop.cloud.SetFaults(f)
	return nil
}

// cashier does what the POS application would over the local API. Each call has
// a key of its own.
func (d *demo) cashier(ctx context.Context, o order) error {
	d.mu.Lock()
	d.calls++
	key := fmt.Sprintf("demo-%d-%d", time.Now().UnixNano(), d.calls)
	d.mu.Unlock()
	id := o.Name
	if id == "" {
		var now sale
		if err := d.shop.api.call(ctx, "GET", "/v1/sales/current", "", nil, &now); err != nil {
			return err
		}
		id = now.ID
	}
	body := map[string]any{}
	path := o.Value
	switch o.Value {
	case "qr":
		path, body = "pay", map[string]any{"method": "qr"}
	case "cash":
		var now sale
		if err := d.shop.api.call(ctx, "GET", "/v1/sales/"+id, "", nil, &now); err != nil {
			return err
		}
		due := now.Total - now.Paid
		path, body = "pay", map[string]any{"method": "cash", "given": (due + 999) / 1000 * 1000}
	case "void", "refund":
		body = map[string]any{"reason": "demo"}
	case "cancel-payment", "park", "recall", "reprint":
	case "remove":
		return d.shop.api.call(ctx, "DELETE", fmt.Sprintf("/v1/sales/%s/items/%d", id, o.Number), key, nil, nil)
	default:
		return fmt.Errorf("the cashier cannot %q", o.Value)
	}
	return d.shop.api.call(ctx, "POST", "/v1/sales/"+id+"/"+path, key, body, nil)
}

// demoState is everything that the page shows.
type demoState struct {
	Screen   string                `json:"screen"` // address of the customer screen
	Status   string                `json:"status_page"`
	Tilld    map[string]any        `json:"tilld"`
	Broker   bool                  `json:"broker"`
	Till     json.RawMessage       `json:"till,omitempty"` // GET /v1/status
	Sale     *json.RawMessage      `json:"sale,omitempty"`
	Sales    []json.RawMessage     `json:"sales"`
	Scene    json.RawMessage       `json:"scene,omitempty"`
	Pole     [2]string             `json:"pole"`
	Printers map[string]paperState `json:"printers"`
	Cables   map[string]bool       `json:"cables"`
	Articles []cloud.Article       `json:"articles"`
	Codes    []demoCode            `json:"codes"`
	Payments []cloud.Payment       `json:"payments"` // pending, or paid and not known at the till; newest first
	Faults   cloud.Faults          `json:"faults"`
	Counts   cloud.Counts          `json:"counts"`
	Report   cloud.Report          `json:"report"`
	Traffic  []cloud.Traffic       `json:"traffic"`
	Messages int                   `json:"messages"`
}

type paperState struct {
	Switches sim.Switches `json:"switches"`
	Stats    sim.Stats    `json:"stats"`
	Tickets  []sim.Ticket `json:"tickets"` // newest first
}

type demoCode struct {
	Code string `json:"code"`
	ZH   string `json:"zh"`
	EN   string `json:"en"`
}

// demoCodes are codes that are no articles.
func demoCodes() []demoCode {
	return []demoCode{
		{"6999999999994", "未知条码", "unknown barcode"},
		{"134567890123456789", "顾客付款码（微信）", "shopper's pay code (WeChat)"},
		{"https://id.example/01/06901234567892/21/S100042", "一物一码（GS1 链接）", "one-item-one-code (GS1 link)"},
		{"E-1001", "收银员工牌", "cashier's badge"},
		{"M-100200300", "会员码", "member's code"},
		{"C-CP500-1", "优惠券", "coupon"},
		{"C-CP500-2", "另一张优惠券", "another coupon"},
		{"B-BK7001", "导购备好的购物篮", "basket prepared by an adviser"},
		{"P-PU8801", "提货码（扫两次）", "pickup (scan twice)"},
	}
}

func demoBook() []cloud.Article {
	all := cloud.Demo().Articles
	return all[:len(all)-1] // the last one has to be asked for
}

// state collects what the page shows; what cannot be had is left out.
func (d *demo) state(ctx context.Context) demoState {
	s := d.shop
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	st := demoState{
		Screen: s.api.base + "/screen", Status: s.api.base + "/",
		Tilld:  map[string]any{"running": s.tilld.Running(), "starts": s.tilld.Starts()},
		Broker: s.broker.Running(), Pole: s.pole.Rows(), Printers: map[string]paperState{},
		Cables:   map[string]bool{"scanner": s.scanner.Plugged(), "serial": s.cable.Plugged(), "pole": s.poleway.Plugged()},
		Articles: cloud.Demo().Articles, Codes: demoCodes(),
		Faults: s.cloud.Faults(), Counts: s.cloud.Counts(), Report: d.report(),
		Payments: []cloud.Payment{}, Sales: []json.RawMessage{},
	}
	st.Traffic, st.Messages = d.traffic.newest(60)
	for name, p := range map[string]*sim.Printer{"lan": s.lan, "serial": s.serial} {
		list, _ := p.Tickets(max(0, p.Stats().Last-8))
		slices.Reverse(list)
		st.Printers[name] = paperState{Switches: p.Switches(), Stats: p.Stats(), Tickets: list}
	}
	for _, pay := range s.cloud.Payments() {
		if pay.State == "pending" || pay.State == "paid" && pay.Code != "" && !pay.Reported {
			st.Payments = append(st.Payments, pay)
		}
	}
	slices.SortFunc(st.Payments, func(a, b cloud.Payment) int { return b.Created.Compare(a.Created) })
	if !s.tilld.Running() {
		return st
	}
	s.api.call(ctx, "GET", "/v1/status", "", nil, &st.Till)
	var now json.RawMessage
	if s.api.call(ctx, "GET", "/v1/sales/current", "", nil, &now) == nil {
		st.Sale = &now
	}
	var list struct {
		Sales []json.RawMessage `json:"sales"`
	}
	if s.api.call(ctx, "GET", "/v1/sales?limit=8", "", nil, &list) == nil {
		st.Sales = list.Sales
	}
	if d.screen != nil {
		st.Scene = d.screen.last()
		d.openPage(st.Scene)
	}
	return st
}

// report is checked anew only when there are new events.
func (d *demo) report() cloud.Report {
	n := d.shop.cloud.Counts().Events
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.reported == nil || d.reportedAt != n {
		r := d.shop.cloud.Ledger().Report(source)
		d.reported, d.reportedAt = &r, n
	}
	return *d.reported
}
