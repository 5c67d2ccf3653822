package status

import (
	"net/http"
	"slices"

	"tilld/display"
	"tilld/internal/sale"
	"tilld/internal/till"
)

// table is every row of the local API.
func (s *Server) table() []route {
	return slices.Concat(s.localRows(), s.pageRows(), s.cashierRows(), s.stateRows(), s.saleRows(), s.scanRows(), s.printRows(), s.deviceRows(), s.traceRows(), s.shiftRows(), s.operatorRows())
}

var (
	afterSale = param{"after", "sale id to go on after: `next` of the page before", ""}
	limitRow  = param{"limit", "rows on a page, 1 to 1000; 100 when not given", 0}
)

// aJob is where a print job is asked for.
var aJob = made{"/v1/print/", "job_id"}

// basketCodes are what a change of a basket can be refused with.
var basketCodes = []string{
	sale.CodeInvalid, sale.CodeUnknownSale, sale.CodeUnknownCode, sale.CodeWrongState, sale.CodeTooManyLines,
	sale.CodeDuplicateSerial, sale.CodeCouponRefused, sale.CodeQueueFull, sale.CodeUnavailable, sale.CodeKeyReused,
}

func (s *Server) stateRows() []route {
	return []route{
		{
			method: http.MethodGet, path: "/v1/status", id: "getStatus", tag: "till", access: byPage, status: 200,
			summary: "How the till stands: link, queue, devices, conditions, clock", answer: till.Status{}, handle: getStatus,
		},
		{
			method: http.MethodGet, path: "/v1/events", id: "streamEvents", tag: "till", access: byCashier, status: 200, media: "text/event-stream",
			query:   []param{{"last_event_id", "as the header Last-Event-ID, for clients that cannot set it", uint64(0)}},
			summary: "Server-sent events: scan sale scene print device link condition", codes: []string{codeGone, codeStreams, sale.CodeInvalid}, handle: streamEvents,
		},
	}
}

func (s *Server) saleRows() []route {
	row := func(method, path, id, summary string, body any, handle func(*call) error, more ...string) route {
		return route{
			method: method, path: "/v1/sales" + path, id: id, tag: "sales", access: byCashier, summary: summary, body: body,
			status: 200, answer: sale.Sale{}, codes: slices.Concat(basketCodes, more), handle: handle,
		}
	}
	open := row(http.MethodPost, "", "openSale", "Open a sale and make it current; an open current sale is parked", sale.OpenSale{}, openSale)
	open.status, open.made = http.StatusCreated, made{"/v1/sales/", "id"}
	pay := row(http.MethodPost, "/{id}/pay", "pay", "Start or record a tender: qr, collect, proof, cash or external", sale.Pay{}, pay,
		sale.CodeEmptySale, sale.CodeNothingDue, sale.CodePaymentPending, sale.CodePaymentFailed, sale.CodeLinkDown, sale.CodePaymentUnknown, sale.CodeNoDisplay,
		sale.CodeNotPaying, sale.CodeTooManyPayments, sale.CodeBadCode, sale.CodeProofRefused, sale.CodeProofUsed, sale.CodeProofLocked)
	pay.needs = []string{"method"}
	void := row(http.MethodPost, "/{id}/void", "voidSale", "Give up a sale; tenders are given back first", sale.VoidSale{}, voidSale, sale.CodeLinkDown)
	void.needs = []string{"reason"}
	refund := row(http.MethodPost, "/{id}/refund", "refundSale", "Give back lines, an amount, or all that is left", sale.RefundSale{}, refundSale, sale.CodeRefundTooMuch, sale.CodeLinkDown)
	refund.needs = []string{"reason"}
	reprint := row(http.MethodPost, "/{id}/reprint", "reprintReceipt", "Print the receipt again, marked COPY 重打", sale.Reprint{}, reprint, sale.CodeNoPrinter, sale.CodeUnknownJob)
	cancel := row(http.MethodPost, "/{id}/cancel-payment", "cancelPayment", "Withdraw the pay code and cancel the payment", empty{}, cancelPayment, sale.CodeNotPaying)
	return []route{
		open,
		{
			method: http.MethodGet, path: "/v1/sales", id: "listSales", tag: "sales", access: byCashier, status: 200, answer: SaleList{},
			summary: "Search sales, newest first", handle: listSales, codes: []string{sale.CodeInvalid},
			query: []param{
				{"from", "opened at or after: RFC 3339 with zone, or YYYY-MM-DD in the till's zone", ""},
				{"to", "opened before: RFC 3339 with zone, or YYYY-MM-DD (that day is included)", ""},
				{"state", "open paying paid closed void refunded parked", sale.State("")},
				{"amount", "exact total in minor units", int64(0)},
				{"text", "in names, SKUs, codes, external id, cashier; up to 128 characters", ""},
				afterSale, limitRow,
			},
		},
		{
			method: http.MethodGet, path: "/v1/sales/current", id: "getCurrentSale", tag: "sales", access: byCashier, status: 200, answer: sale.Sale{},
			summary: "The sale that scans go to", codes: []string{sale.CodeNoCurrentSale}, handle: currentSale,
		},
		{
			method: http.MethodGet, path: "/v1/sales/{id}", id: "getSale", tag: "sales", access: byCashier, status: 200, answer: sale.Sale{},
			summary: "One sale", codes: []string{sale.CodeUnknownSale}, handle: getSale,
		},
		row(http.MethodPost, "/{id}/items", "addItem", "Add a line item: a code, or sku, name and unit_price", addItem{}, addItemTo),
		row(http.MethodPatch, "/{id}/items/{line}", "changeItem", "Change a line's quantity or discount", sale.ChangeItem{}, changeItem, sale.CodeUnknownLine),
		row(http.MethodDelete, "/{id}/items/{line}", "removeItem", "Take a line away", empty{}, removeItem, sale.CodeUnknownLine),
		pay,
		cancel,
		void,
		row(http.MethodPost, "/{id}/park", "parkSale", "Put a sale aside", sale.Park{}, parkSale),
		row(http.MethodPost, "/{id}/recall", "recallSale", "Make a sale current", sale.Recall{}, recallSale),
		refund,
		reprint,
		{
			method: http.MethodGet, path: "/v1/refunds/lookup", id: "lookupReceipt", tag: "sales", access: byCashier, status: 200, answer: till.OtherSale{},
			query:   []param{{"code", "what a receipt carries: sale id, number as printed (05-20261128-0042), e-invoice address, short code", ""}},
			summary: "A sale of any till by its receipt, with what is left to give back", handle: lookupReceipt,
			codes: []string{sale.CodeInvalid, sale.CodeUnknownSale, sale.CodeLinkDown, sale.CodeUnavailable},
		},
		{
			method: http.MethodPost, path: "/v1/refunds", id: "refundOther", tag: "sales", access: byCashier, status: 200, body: till.RefundOther{}, needs: []string{"code", "reason"}, answer: sale.Sale{},
			summary: "Give back goods by their receipt, also of another till; the cloud has the last word", handle: refundOther,
			codes: slices.Concat(basketCodes, []string{sale.CodeRefundTooMuch, sale.CodeUnknownLine, sale.CodeLinkDown}),
		},
	}
}

func (s *Server) scanRows() []route {
	return []route{
		{
			method: http.MethodGet, path: "/v1/scans", id: "listScans", tag: "scans", status: 200, answer: ScanList{},
			query:   []param{{"after", "scan number to go on after; 0 for all that are held", uint64(0)}, limitRow},
			summary: "The scan ledger, oldest first; pay codes are never in it", codes: []string{sale.CodeInvalid}, handle: listScans,
		},
		{
			method: http.MethodPost, path: "/v1/scans", id: "scanCode", tag: "scans", access: byCashier, status: 200, body: till.ScanCode{}, needs: []string{"code"}, answer: till.Scan{},
			summary: "A code that was typed, as if a scanner had read it", codes: []string{sale.CodeInvalid, sale.CodeUnavailable, sale.CodeQueueFull, sale.CodeKeyReused}, handle: scanCode,
		},
		{
			method: http.MethodPost, path: "/v1/scans/{seq}/ack", id: "ackScan", tag: "scans", status: 200, body: empty{}, answer: Acked{},
			summary: "Consume the ledger up to and including this scan", codes: []string{sale.CodeInvalid, sale.CodeNotFound, sale.CodeKeyReused, sale.CodeQueueFull}, handle: ackScan,
		},
	}
}

func (s *Server) printRows() []route {
	print := []string{sale.CodeInvalid, sale.CodeJobConflict, sale.CodeNoPrinter, sale.CodeUnknownSale, sale.CodeRateLimited, sale.CodeUnavailable, sale.CodeUnknownDevice, sale.CodeKeyReused, sale.CodeQueueFull}
	return []route{
		{
			method: http.MethodPost, path: "/v1/print", id: "print", tag: "printing", status: 200, created: true, made: aJob, body: till.PrintRequest{}, large: true,
			summary: "Print a receipt, markup or bytes, once per job_id", answer: till.PrintAnswer{}, codes: print, handle: printJob,
		},
		{
			method: http.MethodGet, path: "/v1/print/{job_id...}", id: "getPrintJob", tag: "printing", access: byCashier, status: 200, answer: till.PrintAnswer{},
			summary: "What became of a print job; a job id may contain slashes", codes: []string{sale.CodeUnknownJob}, handle: getJob,
		},
		{
			method: http.MethodPost, path: "/v1/print/{job_id...}", shown: "/v1/print/{job_id}/reprint", id: "reprintJob", tag: "printing", access: byCashier, status: http.StatusCreated, made: aJob, body: till.ReprintJob{}, answer: till.PrintAnswer{},
			summary: "Print a job again, marked COPY 重打", codes: slices.Concat(print, []string{sale.CodeUnknownJob, sale.CodeWrongState, sale.CodeUnavailable, sale.CodeRateLimited}), handle: reprintJob,
		},
		{
			method: http.MethodGet, path: "/v1/receipts/{file}", shown: "/v1/receipts/{id}.png", id: "getReceipt", tag: "printing", access: byCashier, status: 200, media: "image/png",
			summary: "What the receipt of a sale or a refund looks like", codes: []string{sale.CodeUnknownSale, sale.CodeNotFound, sale.CodeWrongState}, handle: receiptPNG,
		},
		{
			method: http.MethodPut, path: "/v1/screen", id: "putScreen", tag: "screen", status: 200, body: SceneBody{}, needs: []string{"scene"}, large: true, answer: display.Scene{},
			summary: "Show a scene of one's own while no sale is open", codes: []string{sale.CodeInvalid, sale.CodeSaleOpen, sale.CodeKeyReused}, handle: putScreen,
		},
		{
			method: http.MethodDelete, path: "/v1/screen", id: "clearScreen", tag: "screen", status: 200, body: empty{}, answer: Cleared{},
			summary: "Take the scene of PUT away", codes: []string{sale.CodeKeyReused}, handle: clearScreen,
		},
	}
}

func (s *Server) deviceRows() []route {
	return []route{
		{
			method: http.MethodGet, path: "/v1/devices", id: "listDevices", tag: "devices", access: byPage, status: 200, answer: DeviceList{},
			summary: "Every configured device and how it stands", handle: listDevices,
		},
		{
			method: http.MethodPost, path: "/v1/devices/{name}/test", id: "testDevice", tag: "devices", access: byPage, status: 200, body: empty{}, answer: Tested{},
			summary: "Harmless self-test: test page, beep or test scene", codes: []string{sale.CodeUnknownDevice, sale.CodeUnavailable, sale.CodeRateLimited, sale.CodeKeyReused}, handle: testDevice,
		},
		{
			method: http.MethodPost, path: "/v1/drawer/open", id: "openDrawer", tag: "devices", access: byCashier, status: 200, body: till.OpenDrawer{}, needs: []string{"reason"}, answer: Opened{},
			summary: "Open the cash drawer without a sale; audited, few an hour", codes: []string{sale.CodeInvalid, sale.CodeRateLimited, sale.CodeNoPrinter, sale.CodeUnavailable, sale.CodeKeyReused, sale.CodeQueueFull}, handle: openDrawer,
		},
	}
}

func (s *Server) shiftRows() []route {
	row := func(path, id, summary string, body, answer any, handle func(*call) error, more ...string) route {
		return route{
			method: http.MethodPost, path: path, id: id, tag: "shift", access: byCashier, status: 200, body: body, answer: answer, summary: summary,
			codes: slices.Concat([]string{sale.CodeInvalid, sale.CodeKeyReused, sale.CodeQueueFull}, more), handle: handle,
		}
	}
	opening := row("/v1/shift/open", "openShift", "Open a shift with the cash in the drawer", till.OpenShift{}, sale.Shift{}, openShift, sale.CodeShiftOpen)
	opening.status = http.StatusCreated
	closing := row("/v1/shift/close", "closeShift", "Close the shift with the cash counted", till.CloseShift{}, sale.ShiftData{}, closeShift, sale.CodeWrongState, sale.CodeSaleOpen)
	closing.needs = []string{"counted"}
	signing := row("/v1/cashier/sign-in", "signIn", "Sign a cashier in by badge", till.SignIn{}, SignedIn{}, signIn)
	signing.needs = []string{"badge"}
	return []route{
		opening,
		closing,
		signing,
		row("/v1/cashier/sign-out", "signOut", "Sign the cashier out", empty{}, SignedIn{}, signOut),
		row("/v1/pickups/{id}/confirm", "confirmPickup", "Record that the order on the screen was handed over, once", empty{}, PickedUp{}, confirmPickup, sale.CodeNotFound, sale.CodePickupDone),
		{
			method: http.MethodGet, path: "/v1/reports/z", id: "getZReport", tag: "shift", access: byCashier, status: 200, answer: till.ZReport{},
			query:   []param{{"day", "business day YYYY-MM-DD; the present one when not given", ""}},
			summary: "Z report of one business day", codes: []string{sale.CodeInvalid}, handle: zReport,
		},
		{
			method: http.MethodPost, path: "/v1/reports/z/print", id: "printZReport", tag: "shift", access: byCashier, status: http.StatusCreated, made: aJob, body: till.PrintZ{}, answer: till.PrintAnswer{},
			summary: "Print the Z report of one business day, the present one when none is given", handle: printZ,
			codes: []string{sale.CodeInvalid, sale.CodeNoPrinter, sale.CodeRateLimited, sale.CodeKeyReused, sale.CodeQueueFull},
		},
	}
}
