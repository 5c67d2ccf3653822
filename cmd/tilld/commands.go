package main

import (
	"context"
	"encoding/json"
	"time"

	"tilld/internal/link"
)

// routes lists every command that the cloud can give this till (contract §4).
// Nothing else has an effect.
func (a *agent) routes() []link.Route {
	t := a.till
	do := func(f func(context.Context, json.RawMessage) (any, error)) func(context.Context, link.Command) (any, error) {
		return func(ctx context.Context, c link.Command) (any, error) { return f(ctx, c.Data) }
	}
	return []link.Route{
		{Type: "payment.result", Summary: "what became of a payment", Timeout: 5 * time.Second, Repeatable: true, Handle: do(func(ctx context.Context, data json.RawMessage) (any, error) {
			return nil, t.PaymentResult(ctx, data)
		})},
		{Type: "basket.push", Summary: "puts a basket prepared elsewhere into a sale", Timeout: 5 * time.Second, Handle: do(t.BasketPush)},
		{Type: "screen.show", Summary: "shows a scene while no sale is open", Timeout: 5 * time.Second, Repeatable: true, Handle: do(t.ScreenShow)},
		{Type: "screen.clear", Summary: "ends screen.show", Timeout: 5 * time.Second, Repeatable: true, Handle: do(t.ScreenClear)},
		{Type: "screen.playlist", Summary: "replaces what the customer screen shows while idle", Timeout: time.Hour, Repeatable: true, Handle: do(a.playlistSet)},
		{Type: "printer.print", Summary: "prints a document once", Timeout: 5 * time.Second, Handle: do(t.PrinterPrint)},
		{Type: "receipt.set", Summary: "changes the foot of receipts", Timeout: 5 * time.Second, Repeatable: true, Handle: do(t.ReceiptSet)},
		{Type: "pricebook.apply", Summary: "changes, replaces or restores the price book", Timeout: 30 * time.Minute, Repeatable: true, Handle: do(t.PriceBookApply)},
		{Type: "config.patch", Summary: "changes settings of the white list", Timeout: 5 * time.Second, Repeatable: true, Handle: do(t.ConfigPatch)},
		{Type: "device.test", Summary: "runs a device's harmless test", Timeout: 15 * time.Second, Handle: do(t.DeviceTest)},
		{Type: "drawer.open", Summary: "opens the cash drawer, audited", Timeout: 5 * time.Second, Handle: do(t.DrawerOpen)},
		{Type: "till.report", Summary: "tells how the till is", Timeout: 5 * time.Second, Repeatable: true, Handle: do(t.Report)},
		{Type: "update.set", Summary: "says which version the till should run", Timeout: 5 * time.Second, Repeatable: true, Handle: do(a.updateSet)},
		{Type: "till.restart", Summary: "restarts the agent between sales", Timeout: 5 * time.Second, Idle: true, Handle: do(a.tillRestart)},
		{Type: "log.level", Summary: "changes the log's level", Timeout: 5 * time.Second, Repeatable: true, Handle: do(t.LogLevel)},
	}
}

// replyTime is how long a reply has to leave before the agent ends, and how often
// it is looked whether a sale that began meanwhile has ended.
const replyTime = time.Second

// tillRestart ends the agent once the reply has had time to leave, and no sale is
// open that began in between.
func (a *agent) tillRestart(_ context.Context, data json.RawMessage) (any, error) {
	var none struct{}
	if err := link.StrictDecode(data, &none); err != nil {
		return nil, err
	}
	betweenSales(a.till.SaleOpen, a.restart)
	return map[string]string{"boot_id": a.bootID}, nil
}

// betweenSales calls f after replyTime, or as soon as no sale is open after that.
func betweenSales(open func() bool, f func()) {
	time.AfterFunc(replyTime, func() {
		if open() {
			betweenSales(open, f)
			return
		}
		f()
	})
}
