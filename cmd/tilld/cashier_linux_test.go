package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tilld/display/screen/kiosktest"
	"tilld/internal/sim"
)

var shots = flag.String("shots", "", "keep pictures of the cashier page in this folder")

// desk is a lane with a printer and its drawer, and a cashier's browser on it.
type desk struct {
	*lane
	printer *sim.Printer
	page    *kiosktest.Page
}

func openDesk(t *testing.T, lang string) *desk {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	printer := sim.NewPrinter(sim.Model{})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- printer.Run(ctx) }()
	go func() { done <- printer.ServeTCP(ctx, listener) }()
	t.Cleanup(func() { cancel(); <-done; <-done })
	l := openLaneWith(t, "info", "", fmt.Sprintf("  - {name: printer-1, kind: printer, driver: escpos, address: \"tcp://%s\"}\ncashier: {enabled: true}\n", listener.Addr()))
	d := &desk{lane: l, printer: printer}
	d.page = kiosktest.Start(t).Open(l.base+"/cashier?lang="+lang, 1024, 600)
	d.page.Until(`document.getElementById("link").className === "up" && document.activeElement.id === "code"`)
	return d
}

// total waits until the page shows an amount in its largest letters.
func (d *desk) total(amount string) {
	d.t.Helper()
	d.page.Until(fmt.Sprintf(`document.getElementById("total").textContent === %q`, amount))
}

func (d *desk) idle() {
	d.page.Until(`document.activeElement.id === "code" && !document.getElementById("dialog").open`)
}

func (d *desk) dialog(title string) {
	d.t.Helper()
	d.page.Until(fmt.Sprintf(`document.getElementById("dialog").open && document.getElementById("dialog-title").textContent.includes(%q)`, title))
}

func (d *desk) notice(part string) {
	d.t.Helper()
	d.page.Until(fmt.Sprintf(`document.getElementById("notice").textContent.includes(%q)`, part))
}

type deskSale struct {
	ID, State, Cashier string
	Number             int
	Total, Paid        int64
	Change             int64
	Items              []struct{ Name, Quantity string }
	Tenders            []struct {
		Method string
		Amount int64
	}
	Refunds []struct {
		Amount int64
		Reason string
		State  string
	}
	Receipt *struct{ Outcome string }
}

// last is the newest sale.
func (d *desk) last() deskSale {
	d.t.Helper()
	var list struct{ Sales []deskSale }
	d.must(json.Unmarshal(d.get("/v1/sales?limit=1"), &list))
	if len(list.Sales) == 0 {
		d.t.Fatal("no sale")
	}
	return list.Sales[0]
}

func (d *desk) shot(name string) {
	d.t.Helper()
	if *shots != "" {
		d.must(os.WriteFile(filepath.Join(*shots, name+".png"), d.page.Screenshot(), 0o644))
	}
}

// A day of a shop without POS software, all of it from the keyboard, on the real
// agent: shift, badge, cash with change, pay QR, a reload and a kill -9 in the
// middle, park and recall, refund, count.
func TestCashierPage(t *testing.T) {
	d := openDesk(t, "en")
	p := d.page

	p.Press("F1", "F4") // open the shift
	d.dialog("Open a shift")
	p.Type("200")
	p.Press("Enter")
	d.notice("The shift is open")
	p.Press("F1", "F2")
	d.dialog("Sign in")
	p.Burst("E:1001") // a badge that a typing scanner reads
	p.Until(`document.getElementById("who").textContent === "E:1001"`)
	d.idle()

	// Cash with change.
	p.Burst("6901234567892")
	d.total("¥68.00")
	d.scan("6901234567892\r") // the till's own scanner, the same basket
	d.total("¥136.00")
	d.page.Until(`document.querySelectorAll("#lines li").length === 2`)
	p.Press("F2") // quantity of the chosen line
	d.dialog("Quantity")
	p.Type("3")
	p.Press("Enter")
	d.total("¥272.00")
	p.Press("ArrowUp", "F3")
	d.dialog("Discount")
	p.Type("10%")
	p.Press("Enter")
	d.total("¥265.20")
	p.Press("ArrowDown", "Delete")
	d.total("¥61.20")
	d.idle()
	d.shot("basket-en-1024")
	p.Press("F8")
	d.dialog("Cash")
	p.Burst("6901234567892") // a scan in the cash window pays nothing
	p.Until(`document.querySelector("#dialog .say").textContent.includes("takes no scans")`)
	if s := d.last(); s.State != "open" || s.Paid != 0 {
		t.Fatalf("a scan in the cash window led to %+v", s)
	}
	p.Until(`document.querySelector("#dialog input").value === ""`)
	p.Type("100")
	d.shot("cash-en-1024")
	p.Press("Enter")
	d.total("¥38.80")
	if s := d.last(); s.State != "closed" || s.Change != 3880 || s.Cashier != "E:1001" || len(s.Tenders) != 1 {
		t.Errorf("cash: %+v", s)
	}
	d.await("the receipt and the drawer", func() bool {
		tickets, _ := d.printer.Tickets(0)
		return len(tickets) == 1 && d.printer.Stats().Pulses == 1
	})
	p.Until(`document.getElementById("parts").textContent.includes("printed")`)
	d.shot("change-en-1024")

	// Pay QR: double presses, a reload and a dead agent in the middle.
	p.Burst("3*6921234567890")
	d.total("¥38.70")
	p.Press("F9")
	p.Press("F9")
	p.Click(`[data-act="qr"]`, 2)
	p.Until(`document.getElementById("payment").textContent.includes("Waiting for the shopper")`)
	d.shot("qr-en-1024")
	p.Until(`document.querySelector('[data-act="qr"]').disabled && !document.querySelector('[data-act="collect"]').disabled`)
	p.Press("F9") // shown already
	p.Press("F8")
	d.notice("cancel it (Esc)")
	p.Reload()
	p.Until(`document.getElementById("payment").textContent.includes("Waiting for the shopper")`)
	p.Axe(t, "waiting") // also has axe at hand before the agent is killed: the page does not wait for ever
	d.kill()
	p.Burst("6931234567899") // while the agent is dead: done once, when it is back
	d.notice("does not answer")
	// What is shown may not be so any more: said in large letters, not in a corner.
	p.Until(`document.body.classList.contains("away") && document.getElementById("link").className === "gone" && document.querySelector("#gone h2").getBoundingClientRect().height > 30`)
	p.Until(`[...document.querySelectorAll("#actions button")].every(b => b.disabled)`)
	p.Axe(t, "dead agent")
	d.shot("dead-en-1024")
	d.run("TILLD_HTTP_LISTEN=" + strings.TrimPrefix(d.base, "http://"))
	d.ready()
	d.total("¥40.70") // the price waited for the link
	p.Until(`!document.body.classList.contains("away") && document.getElementById("link").className === "up"`)
	p.Until(`document.getElementById("who").textContent === "E:1001"`)
	d.must(d.cmd.Process.Signal(syscall.SIGSTOP)) // it hangs: its connections stay
	p.Until(`document.body.classList.contains("away")`)
	d.must(d.cmd.Process.Signal(syscall.SIGCONT))
	p.Until(`!document.body.classList.contains("away") && document.getElementById("link").className === "up"`)
	if s := d.last(); len(s.Items) != 2 || len(d.cloud.Payments()) != 1 {
		t.Fatalf("after the restart: %+v, payments %+v", s, d.cloud.Payments())
	}
	p.Until(`!document.querySelector('[data-act="qr"]').disabled`)
	p.Press("F9")
	p.Until(`document.getElementById("payment").textContent.includes("Waiting for the shopper")`)
	d.settle("paid")
	p.Until(`document.getElementById("h-total").textContent === "Last sale"`)
	d.total("¥40.70")
	if s := d.last(); s.State != "closed" || s.Paid != 4070 {
		t.Errorf("pay QR: %+v", s)
	}
	p.Until(`document.getElementById("parts").textContent.includes("printed")`) // else its bytes are taken for the next one's

	// The printer loses its power in the middle of a receipt: nobody knows what is
	// on paper, the page says so, and a copy is marked.
	d.printer.Set(func(s *sim.Switches) { s.DotsPerSecond = 400 })
	before := d.printer.Stats().Received
	p.Burst("6961234567896")
	d.total("¥9.80")
	p.Press("F8", "Enter")
	d.await("bytes of the receipt", func() bool { return d.printer.Stats().Received > before+400 })
	d.printer.Set(func(s *sim.Switches) { s.Off = true })
	p.Until(`document.getElementById("payment").textContent.includes("not known whether the receipt was printed")`)
	p.Until(`document.getElementById("conditions").checkVisibility()`)
	d.shot("unknown-en-1024")
	d.printer.Set(func(s *sim.Switches) { s.Off, s.DotsPerSecond = false, 0 })
	p.Press("Insert")
	d.dialog("Reprint")
	p.Press("F3", "Enter")
	d.notice("copy is on its way")
	d.await("the marked copy", func() bool {
		tickets, _ := d.printer.Tickets(0)
		return strings.Contains(strings.Join(tickets[len(tickets)-1].Lines, " "), "COPY")
	})
	d.printer.Set(func(s *sim.Switches) { s.PaperOut = true })
	p.Until(`document.getElementById("conditions").checkVisibility() && document.getElementById("conditions").textContent.includes("paper")`)
	d.shot("paper-en-1024")
	d.printer.Set(func(s *sim.Switches) { s.PaperOut = false })

	// Park with a reason, another sale, recall, void.
	p.Burst("6941234567898")
	d.total("¥45.90")
	parked := d.last().ID
	p.Press("F6")
	d.dialog("Park")
	p.Press("F2", "Enter")
	p.Until(`document.getElementById("parked").textContent === "1 parked" && !document.querySelector('[data-act="park"]').disabled`)
	p.Press("F6")
	d.dialog("Recall")
	p.Press("Enter")
	d.total("¥45.90")
	p.Press("Shift+Delete")
	d.dialog("Void")
	p.Press("Enter") // without a reason nothing happens
	p.Press("F2", "Enter")
	d.notice("voided")
	if s := d.last(); s.ID != parked || s.State != "void" {
		t.Errorf("void: %+v", s)
	}

	// Refund one line of the first sale, found by its number.
	p.Press("F7")
	d.dialog("Sales")
	p.Type("000001")
	p.Until(`document.querySelectorAll("#dialog .list li").length === 1`)
	p.Press("Enter")
	d.dialog("Receipt 1")
	p.Eval(`document.querySelector("#dialog input[type=checkbox]").focus()`, nil)
	p.Press(" ", "F9")
	d.dialog("Refund")
	p.Type("torn bag")
	p.Press("Enter")
	d.notice("Refunded ¥61.20")
	d.notice("Hand out ¥61.20")
	d.await("the refund", func() bool {
		return strings.Contains(string(d.get("/v1/sales?state=refunded")), `"reason":"torn bag"`)
	})
	// What the slip of that refund looks like.
	p.Press("F7")
	d.dialog("Sales")
	p.Type("000001")
	p.Until(`document.querySelectorAll("#dialog .list li").length === 1`)
	p.Press("Enter")
	d.dialog("Receipt 1")
	p.Press("F7")
	d.dialog("Refund picture")
	p.Until(`document.querySelectorAll("#dialog img.picture").length === 1 && document.querySelector("#dialog img.picture").naturalWidth > 100`)
	p.Press("Escape")
	d.idle()
	// Goods that till 05 sold, by the number on its receipt: one line, and the cash
	// part of it out of this drawer.
	d.soldElsewhere()
	p.Press("F7")
	d.dialog("Sales")
	p.Type("05-20260313-0042")
	p.Press("F2")
	d.dialog("Receipt 42")
	p.Until(`document.getElementById("dialog").textContent.includes("From till acme/sh-001/05")`)
	d.shot("other-till-en-1024")
	p.Eval(`document.querySelectorAll("#dialog input[type=checkbox]")[1].click()`, nil)
	p.Press("F9")
	d.dialog("Refund")
	p.Press("F2", "Enter")
	d.notice("Refunded ¥30.00")
	d.notice("Hand out ¥30.00")
	p.Press("F7")
	d.dialog("Sales")
	p.Type("05-20260313-0042")
	p.Press("F2")
	p.Until(`document.getElementById("dialog").textContent.includes("¥12.00 can be refunded") && document.querySelectorAll("#dialog input[type=checkbox]")[1].disabled`)
	p.Press("Escape")
	d.idle()
	p.Press("F1", "F7") // no-sale drawer
	d.dialog("Open the drawer")
	p.Press("F2", "Enter")
	d.notice("drawer was opened")

	// Count.
	p.Press("F1", "F6")
	d.dialog("Close the shift")
	p.Press("1", "Tab", "1", "Tab", "1", "Tab", "Tab", "1", "Tab", "4", "Tab", "Tab", "8") // one each of 100, 50, 20 and 5, four ones, eight dimes
	p.Until(`[...document.querySelectorAll("#dialog input")].at(-1).value === "179.80"`)
	p.Press("Enter")
	d.dialog("Shift closed")
	p.Until(`document.querySelector("#dialog dl").textContent.includes("Difference¥0.00")`)
	p.Press("Escape", "F1", "F8")
	d.dialog("Z report")
	p.Until(`document.querySelector("#dialog dl").textContent.includes("Refunds2")`)
	p.Press("F4")
	d.notice("Z report is on its way")
	d.idle()

	for kind, want := range map[string]string{
		"tilld.sale.parked.v1": `"reason":"Shopper fetches something"`, "tilld.sale.recalled.v1": `"cashier":"E:1001"`, "tilld.receipt.reprinted.v1": `"reason":"Bad print"`, "tilld.shift.opened.v1": `"float":20000`,
		"tilld.sale.voided.v1": `"voided_by":"E:1001"`, "tilld.sale.refunded.v1": `"reason":"torn bag"`, "tilld.drawer.opened.v1": `"origin":"cashier"`,
		"tilld.receipt.outcome.v1": `"job_id":"report/z/`,
	} {
		d.await(kind, func() bool { return d.event(kind, want) })
	}
	for _, e := range p.Errors() {
		if !strings.Contains(e, "ERR_CONNECTION_REFUSED") && !strings.Contains(e, "404") && !strings.Contains(e, "401") && !strings.Contains(e, "ERR_INCOMPLETE_CHUNKED") && !strings.Contains(e, "ERR_EMPTY_RESPONSE") && !strings.Contains(e, "ERR_CONNECTION_RESET") {
			t.Errorf("error on the page: %s", e)
		}
	}
}

// soldElsewhere has the cloud know a sale of till 05: 12.00 and 30.00, in cash.
func (d *desk) soldElsewhere() {
	d.t.Helper()
	epoch, source := strings.Repeat("5", 32), "tilld/v1/acme/sh-001/05"
	event := fmt.Sprintf(`{"specversion":"1.0","id":"%s-1","source":%q,"type":"tilld.sale.closed.v1","subject":"01KKN80GGGJJ1NP4RWPBAXBAHZ","time":"2026-03-13T18:00:00+08:00","datacontenttype":"application/json","epoch":%q,"sequence":"%020d","prevhash":"%s","bootid":"b","clockoffsetms":"0","data":%s}`,
		epoch, source, epoch, 1, strings.Repeat("0", 64), `{"id":"01KKN80GGGJJ1NP4RWPBAXBAHZ","number":42,"day":"2026-03-13","state":"closed","currency":"CNY","total":4200,"paid":4200,"closed_at":"2026-03-13T18:00:00+08:00","cashier":"E:9","items":[{"line":1,"sku":"a","name":"乌龙茶","quantity":"1","unit_price":1200,"total":1200},{"line":2,"sku":"b","name":"大米","quantity":"2","unit_price":1500,"total":3000}],"tenders":[{"method":"cash","amount":4200,"given":5000}]}`)
	v, err := d.cloud.Ledger().Ingest(source, []byte(event))
	d.must(err)
	if len(v.New) != 1 {
		d.t.Fatalf("the cloud does not take the sale: %+v", v)
	}
}

// kill ends the agent as a power cut does.
func (d *desk) kill() {
	d.t.Helper()
	d.must(d.cmd.Process.Kill())
	d.cmd.Wait()
}

// settle is the shopper.
func (d *desk) settle(outcome string) {
	d.t.Helper()
	d.await("a payment", func() bool {
		for id, p := range d.cloud.Payments() {
			if p.State == "pending" {
				return d.cloud.Settle(id, outcome, true)
			}
		}
		return false
	})
}

// event reports whether the cloud has an event of that type with text in it.
func (d *desk) event(kind, part string) bool {
	for _, source := range d.cloud.Ledger().Sources() {
		for _, e := range d.cloud.Ledger().Events(source, 0) {
			if e.Type == kind && strings.Contains(string(e.Data), part) {
				return true
			}
		}
	}
	return false
}
