package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tilld/device"
	"tilld/internal/feed"
	"tilld/internal/health"
	"tilld/internal/lang"
	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/printer"
)

// fakeEngine answers every command with what answer gives, or with its sale.
type fakeEngine struct {
	mu     sync.Mutex
	calls  []till.Call
	cmds   []any
	answer func(cmd any) (till.Answer, error)
	status till.Status
	ready  []string // reasons; nil is ready
}

var moment = time.Date(2026, 11, 24, 10, 30, 0, 0, time.FixedZone("CST", 8*3600))

func exampleSale(id string) sale.Sale {
	return sale.Sale{
		ID: id, State: sale.Open, Currency: "CNY", Total: 2500, OpenedAt: moment,
		Items:   []sale.Item{{Line: 1, SKU: "tea", Name: "乌龙茶 Oolong", Quantity: "2", UnitPrice: 1250, Total: 2500}},
		Tenders: []sale.Tender{}, Coupons: []sale.Coupon{}, Offers: []sale.Offer{},
	}
}

func exampleJob(id string) till.PrintAnswer {
	return till.PrintAnswer{JobID: id, Printer: "printer-1", Outcome: printer.Queued, Created: moment, Changed: moment}
}

func (f *fakeEngine) Do(_ context.Context, c till.Call, cmd any) (till.Answer, error) {
	f.mu.Lock()
	f.calls, f.cmds = append(f.calls, c), append(f.cmds, cmd)
	f.mu.Unlock()
	if f.answer != nil {
		return f.answer(cmd)
	}
	var v any = map[string]any{}
	ans := till.Answer{}
	switch cmd := cmd.(type) {
	case sale.OpenSale:
		ans.Created, v = true, exampleSale("01JD0000000000000000000000")
	case sale.Pay:
		one := exampleSale(cmd.Sale)
		one.State = sale.Paying
		one.Payment = &sale.Payment{ID: "p1", Method: "qr", State: sale.PayPending, Amount: 2500, URL: "https://pay.example/p1", RequestedAt: moment, ExpiresAt: moment}
		v = one
	case till.RefundOther, sale.AddItem, sale.ChangeItem, sale.RemoveItem, sale.CancelPayment, sale.VoidSale, sale.Park, sale.Recall, sale.RefundSale, sale.Reprint:
		v = exampleSale("01JD0000000000000000000000")
	case till.PrintRequest:
		ans.Created, v = true, exampleJob(cmd.JobID)
	case till.ReprintJob:
		ans.Created, v = true, exampleJob(cmd.JobID+"/copy-1")
	case till.PrintZ:
		ans.Created, v = true, exampleJob("report/z/"+cmd.Day)
	case till.ScanCode:
		v = till.Scan{Seq: 8, Device: "cashier", At: moment, Kind: "product", Code: cmd.Code}
	case till.AckScan:
		v = Acked{Acked: cmd.Seq}
	case till.ShowScene:
		v = cmd.Scene
	case till.ClearScene:
		v = Cleared{true}
	case till.OpenShift:
		ans.Created, v = true, sale.Shift{OpenedAt: moment}
	case till.CloseShift:
		v = sale.ShiftData{OpenedAt: moment, ClosedAt: moment, Currency: "CNY"}
	case till.SignIn, till.SignOut:
		v = SignedIn{}
	case till.TestDevice:
		v = Tested{cmd.Name, true}
	case till.OpenDrawer:
		v = Opened{true}
	case till.ConfirmPickup:
		v = PickedUp{cmd.ID, "done"}
	}
	var err error
	ans.Body, err = json.Marshal(v)
	return ans, err
}

func (f *fakeEngine) last() (till.Call, any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.cmds) == 0 {
		return till.Call{}, nil
	}
	return f.calls[len(f.calls)-1], f.cmds[len(f.cmds)-1]
}

func (f *fakeEngine) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.cmds)
}

func (f *fakeEngine) Sale(id string) (sale.Sale, error) {
	if id == "none" {
		return sale.Sale{}, problem(sale.CodeUnknownSale, "", "没有这笔销售", "there is no such sale")
	}
	return exampleSale(id), nil
}

func (f *fakeEngine) LookupSale(context.Context, string) (till.OtherSale, error) {
	return till.OtherSale{ID: "01JD0000000000000000000000", Till: "acme/sh-001/05", Day: "2026-11-24", Number: 9, State: sale.Closed, Currency: "CNY", Items: []till.OtherItem{}, Tenders: []sale.Tender{}, ClosedAt: moment}, nil
}

func (f *fakeEngine) Desk() till.Desk { return till.Desk{Cashier: "E-7", Parked: []till.ParkedSale{}} }

func (f *fakeEngine) Articles(string, int) ([]sale.Article, error) {
	return []sale.Article{{SKU: "tea", Name: "乌龙茶", UnitPrice: 550}}, nil
}
func (f *fakeEngine) Current() (sale.Sale, error) { return f.Sale("01JD0000000000000000000000") }
func (f *fakeEngine) Sales(q till.Filter) ([]sale.Sale, string, error) {
	if q.After != "" {
		return nil, "", nil
	}
	list := []sale.Sale{exampleSale("01JD0000000000000000000000")}
	for i, tender := range []string{"wallet", "cash", "stored_value"} {
		one, at := exampleSale("01JD000000000000000000000"+strconv.Itoa(i)), moment.Add(-time.Duration(i)*7*time.Minute)
		one.State, one.Number, one.ClosedAt, one.Day = sale.Closed, 42-i, &at, "2026-11-24"
		one.Tenders = []sale.Tender{{Method: tender, Amount: 2500}}
		one.Receipt = &sale.Receipt{JobID: one.ID + "/receipt", Outcome: []string{"confirmed", "unknown", "sent"}[i]}
		if tender == "cash" {
			one.Refunds = []sale.Refund{{ID: "REFUND1", State: sale.RefundDone, Day: one.Day, Number: 43, Amount: 2500, Reason: "torn", Tenders: one.Tenders, At: at}}
		}
		list = append(list, one)
	}
	return list, list[len(list)-1].ID, nil
}

func (f *fakeEngine) Scans(after uint64, _ int) ([]till.Scan, uint64, error) {
	if after >= 7 {
		return nil, 0, nil
	}
	return []till.Scan{{Seq: 7, Device: "scanner-1", At: moment, Kind: "gtin", Code: "6901234567892"}}, 0, nil // 0: the last page
}

func (f *fakeEngine) Job(id string) (till.PrintAnswer, error) {
	if id == "none" {
		return till.PrintAnswer{}, problem(sale.CodeUnknownJob, "", "没有这个打印任务", "there is no such print job")
	}
	return exampleJob(id), nil
}

func (f *fakeEngine) ReceiptDoc(string) (printer.Doc, error) {
	return printer.Doc{printer.Text{Line: "收据"}}, nil
}

func (f *fakeEngine) ZReport(day string) (till.ZReport, error) {
	return till.ZReport{Day: day, Currency: "CNY", Tenders: map[string]sale.Money{"cash": 100}}, nil
}

func (f *fakeEngine) Status(tag lang.Tag) till.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	st := f.status
	if tag == lang.EN && len(st.Conditions) == 2 {
		st.Conditions = slices.Clone(st.Conditions)
		st.Conditions[0].Text, st.Conditions[0].Remedy = "The receipt printer is not there", "Check its power and network cable"
		st.Conditions[1].Text, st.Conditions[1].Remedy = "This till's clock is 3 seconds off", "Check time synchronisation"
	}
	return st
}

func (f *fakeEngine) Ready() (bool, []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ready == nil, f.ready
}

func exampleStatus() till.Status {
	return till.Status{
		Till:    till.TillStatus{Merchant: "acme", Store: "sh-001", Till: "03", Currency: "CNY", Timezone: "Asia/Shanghai", Language: "zh-CN"},
		Version: "1.4.0", StartedAt: moment.Add(-3 * time.Hour), BootID: "b00t",
		Link:  till.LinkStatus{State: "up", Since: moment.Add(-time.Hour), Broker: "mqtts://mqtt.acme.example:8883", Ack: "cloud"},
		Queue: till.QueueStatus{Depth: 3, OldestSeconds: 4.5, Bytes: 5 << 20, Limit: 2 << 30, LastSeq: 1042, AckedSeq: 1039, Epoch: strings.Repeat("ab", 16)},
		Devices: []device.Status{
			{Name: "scanner-1", Kind: device.Scanner, Driver: "line", Address: "serial:///dev/ttyACM0?baud=9600", State: device.Ready, Since: moment.Add(-time.Hour)},
			{Name: "printer-1", Kind: device.Printer, Driver: "escpos", Address: "tcp://192.168.1.87:9100", State: device.Missing, Since: moment.Add(-2 * time.Minute), Condition: "printer-1: open: absent: connection refused"},
			{Name: "screen", Kind: device.Display, Driver: "screen", State: device.Ready, Since: moment.Add(-3 * time.Hour)},
			{Name: "pole-1", Kind: device.Display, Driver: "cd5220", Address: "serial:///dev/ttyUSB1?baud=9600&backend=tarm", State: device.Silent, Since: moment.Add(-20 * time.Second), Condition: "pole-1: show: timeout"},
		},
		Conditions: []health.Condition{
			{Code: "printer_absent", Severity: health.Error, Since: moment.Add(-2 * time.Minute), Subject: "printer-1", Text: "小票打印机未连接", Remedy: "请检查打印机电源和网线"},
			{Code: "clock_off", Severity: health.Warning, Since: moment.Add(-time.Hour), Subject: "clock", Text: "本机时钟偏差 3 秒", Remedy: "请检查时间同步"},
		},
		Clock: till.ClockStatus{OffsetMS: -12, Trusted: true},
	}
}

// bench is a server on a free port with a fake engine.
type bench struct {
	*Server
	engine *fakeEngine
	feed   *feed.Feed
	url    string
	token  string
	halt   func() // stops the server and waits; the test's end does it too
}

func newBench(t testing.TB, change ...func(*Options)) *bench {
	t.Helper()
	engine := &fakeEngine{status: exampleStatus()}
	o := Options{
		Engine: engine, Feed: feed.New(1), Health: &health.Board{}, Board: &device.Board{},
		TokenFile: filepath.Join(t.TempDir(), "api-token"), Listen: "127.0.0.1:0", Language: lang.ZH,
		Log: slog.New(slog.DiscardHandler), Version: "1.4.0",
		Detect: func(context.Context) (any, error) {
			return []map[string]string{{"config": "- {name: scanner-9}   # Honeywell <b>", "name": "Honeywell <b>", "node": "/dev/ttyACM0"}}, nil
		}, Trace: traceStub{},
		LogLines: func() []byte { return []byte("{\"level\":\"INFO\"}\n") },
		Journal:  journalStub{}, Update: func() (any, error) { return map[string]any{"active": nil}, nil },
		Export: func(_ context.Context, w io.Writer, q ExportQuery) error {
			_, err := fmt.Fprintf(w, "%+v\n", q)
			return err
		},
		Preview: func(printer.Doc) ([]byte, error) { return []byte("\x89PNG\r\n\x1a\n"), nil },
	}
	for _, f := range change {
		f(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	halt := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	t.Cleanup(halt)
	return &bench{Server: s, engine: engine, feed: o.Feed, url: "http://" + s.Addr(), token: readToken(t, o.TokenFile), halt: halt}
}

func testLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// failing is an engine whose disk is broken.
func failing(any) (till.Answer, error) { return till.Answer{}, errors.New("disk on fire") }

// traceStub records nothing.
type traceStub struct{}

func (traceStub) StartTrace(string) error      { return nil }
func (traceStub) StopTrace(string) error       { return nil }
func (traceStub) Trace(string) ([]byte, error) { return []byte("# nothing\n"), nil }
