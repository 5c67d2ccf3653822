package till

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"tilld/internal/lang"
	"tilld/internal/sale"
	"tilld/printer"
)

// PrintZ prints the Z report of a business day, "" for the present one. Each call
// is a print job of its own; a day that is not over says so on the paper.
type PrintZ struct {
	Day     string `json:"day,omitempty"`
	Printer string `json:"printer,omitempty"` // "" is the receipt printer
}

// zJob begins the ids of jobs that print a Z report: "report/z/2026-03-14/7".
const zJob = "report/z/"

// Lines of a printed Z report.
var (
	lineZ         = lang.Text{ZH: "日结单", EN: "Z report"}
	lineDay       = lang.Text{ZH: "营业日", EN: "Business day"}
	linePrinted   = lang.Text{ZH: "打印时间", EN: "Printed"}
	lineNotOver   = lang.Text{ZH: "当日尚未结束，以下为截至打印时的数字", EN: "The day is not over: figures up to now"}
	lineNumbers   = lang.Text{ZH: "单号范围", EN: "Numbers"}
	lineSales     = lang.Text{ZH: "销售笔数", EN: "Sales"}
	lineRefunds   = lang.Text{ZH: "退款笔数", EN: "Refunds"}
	lineVoids     = lang.Text{ZH: "作废笔数", EN: "Voids"}
	lineGross     = lang.Text{ZH: "销售总额", EN: "Gross"}
	lineDiscounts = lang.Text{ZH: "优惠合计", EN: "Discounts"}
	lineGivenBack = lang.Text{ZH: "退款总额", EN: "Refunded"}
	lineNet       = lang.Text{ZH: "净额", EN: "NET"}
	lineTenders   = lang.Text{ZH: "收款方式（扣除退款）", EN: "Tenders, less refunds"}
)

func (t *Till) printZ(ctx context.Context, c Call, cmd PrintZ) (Answer, error) {
	name := firstText(cmd.Printer, t.o.ReceiptPrinter)
	if name == "" || !slices.Contains(t.o.Printers, name) && name != t.o.ReceiptPrinter {
		return Answer{}, problem(sale.CodeNoPrinter, "printer", "没有这台打印机", "there is no such printer")
	}
	z, err := t.ZReport(cmd.Day)
	if err != nil {
		return Answer{}, err
	}
	t.mu.Lock()
	j := printer.Job{
		ID: fmt.Sprintf("%s%s/%d", zJob, z.Day, t.rec.JobSeq+1), Printer: name, Origin: c.Origin, Doc: t.zDoc(z),
	}
	t.mu.Unlock()
	j.Digest = digest(j)
	return t.enqueue(ctx, c, j, jobLife)
}

// zDoc lays a Z report out. mu is held.
func (t *Till) zDoc(z ZReport) printer.Doc {
	b := &receipt{t: t, s: sale.Sale{Currency: z.Currency}}
	now := t.now()
	b.center(t.set.Header)
	b.add(printer.Text{Line: t.word(lineZ), Align: printer.Center, Bold: true, Width: 2, Height: 2})
	b.row(t.word(lineDay), z.Day)
	b.note(t.word(lineStore), t.o.Till.Store)
	b.note(t.word(lineTill), t.o.Till.Till)
	b.row(t.word(linePrinted), b.when(now))
	if by := t.machine.Book().Cashier; by != "" {
		b.note(t.word(lineCashier), by)
	}
	if z.Day >= now.Format("2006-01-02") {
		b.center(t.word(lineNotOver))
	}
	b.add(printer.Rule{})
	count := func(label lang.Text, n int) { b.row(t.word(label), strconv.Itoa(n)) }
	if z.LastNumber > 0 {
		b.note(t.word(lineNumbers), receiptNumber(t.o.Till.Till, z.Day, z.FirstNumber))
		b.note("", "- "+receiptNumber(t.o.Till.Till, z.Day, z.LastNumber))
	}
	count(lineSales, z.Sales)
	count(lineRefunds, z.Refunds)
	count(lineVoids, z.Voids)
	b.add(printer.Rule{})
	b.row(t.word(lineGross), b.money(z.Gross))
	b.row(t.word(lineDiscounts), b.money(z.Discounts))
	b.row(t.word(lineGivenBack), b.money(-z.Refunded))
	b.strong(t.word(lineNet), b.money(z.Net))
	b.add(printer.Rule{}, printer.Text{Line: t.word(lineTenders)})
	for _, method := range slices.Sorted(maps.Keys(z.Tenders)) {
		b.row("  "+t.tenderName(sale.Tender{Method: method}), b.money(z.Tenders[method]))
	}
	return append(b.doc, printer.Cut{})
}
