package till_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"tilld/internal/lang"
	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/printer"
)

// A printed Z report has the figures of the report, says when the day is not
// over, and is a job of its own each time it is asked for.
func TestPrintZ(t *testing.T) {
	r := newRig(t, func(o *till.Options) { o.Language = lang.EN })
	s := r.do(sale.Pay{Sale: r.open().ID, Method: "cash"})
	r.printJob(printer.Confirmed, printer.InOrder)
	r.do(sale.Pay{Sale: r.open().ID, Method: "external"})
	r.printJob(printer.Confirmed, printer.InOrder)
	r.do(sale.RefundSale{Sale: s.ID, Lines: []int{1}, Reason: "wet"})
	r.printJob(printer.Confirmed, printer.InOrder)
	ask := func(key string, cmd till.PrintZ) (till.PrintAnswer, error) {
		t.Helper()
		var p till.PrintAnswer
		a, err := r.till.Do(context.Background(), till.Call{Origin: "api", Key: key, Fingerprint: "z"}, cmd)
		if err != nil {
			return p, err
		}
		return p, json.Unmarshal(a.Body, &p)
	}
	first, err := ask("", till.PrintZ{})
	if err != nil || !strings.HasPrefix(first.JobID, "report/z/2026-03-14/") || first.Outcome != printer.Queued {
		t.Fatalf("%+v, %v", first, err)
	}
	text := docText(r.printJob(printer.Confirmed, printer.InOrder).Doc)
	for _, want := range []string{"Z report", "2026-03-14", "not over", "03-20260314-0001", "03-20260314-0003", "Sales 2", "Refunds 1", "Gross ¥85.00", "NET ¥73.00", "Cash ¥30.50", "Other payment ¥42.50"} {
		if !strings.Contains(strings.Join(strings.Fields(strings.ReplaceAll(text, "|", "")), " "), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	second, err := ask("k", till.PrintZ{Day: "2026-03-13"})
	if err != nil || second.JobID == first.JobID {
		t.Errorf("%+v, %v", second, err)
	}
	if again, err := ask("k", till.PrintZ{Day: "2026-03-13"}); err != nil || again.JobID != second.JobID {
		t.Errorf("the same key prints again: %+v, %v", again, err)
	}
	if text := docText(r.printJob(printer.Confirmed, printer.InOrder).Doc); strings.Contains(text, "not over") || strings.Contains(text, "-0001") {
		t.Errorf("an empty day that is over:\n%s", text)
	}
	_, err = ask("", till.PrintZ{Day: "today"})
	wantCode(t, err, sale.CodeInvalid)
	_, err = ask("", till.PrintZ{Printer: "printer-9"})
	wantCode(t, err, sale.CodeNoPrinter)
	_, err = r.print(till.PrintRequest{JobID: "report/z/2026-03-14/9", Markup: "x"})
	wantCode(t, err, sale.CodeInvalid)
	if x, err := r.print(till.ReprintJob{JobID: first.JobID}); err != nil || x.CopyOf != first.JobID {
		t.Errorf("a copy: %+v, %v", x, err)
	}
}
