package status

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tilld/device"
	"tilld/display"
	"tilld/display/screen"
	"tilld/internal/feed"
	"tilld/internal/health"
	"tilld/internal/lang"
	"tilld/internal/sale"
	"tilld/internal/till"
	"tilld/printer"
	"tilld/printer/layout"
	"tilld/printer/receiptline"
	"tilld/queue"
	"tilld/scanner"
	"tilld/scanner/code"
)

var _ Engine = (*till.Till)(nil)

// cloudStub answers payment.create with a pending link, is silent about
// payment.query, and knows one article.
type cloudStub struct{ down bool }

func (c *cloudStub) Up() bool              { return !c.down }
func (c *cloudStub) Soon() <-chan struct{} { return nil }

func (c *cloudStub) Ask(ctx context.Context, kind, _, _ string, data any) (json.RawMessage, error) {
	if c.down {
		return nil, till.ErrLinkDown
	}
	switch kind {
	case "payment.create":
		return json.RawMessage(`{"state":"pending","url":"https://pay.acme.example/q/1"}`), nil
	case "payment.cancel":
		return json.RawMessage(`{"state":"cancelled"}`), nil
	case "price.lookup":
		body, err := json.Marshal(data)
		if err != nil {
			return nil, err
		}
		if strings.Contains(string(body), "6901234567892") {
			return json.RawMessage(`{"items":[{"sku":"tea","gtin":"6901234567892","name":"乌龙茶","unit_price":550}]}`), nil
		}
		return nil, &till.CloudError{Code: "not_found", Message: "no such article"}
	}
	<-ctx.Done()
	return nil, till.ErrNoAnswer
}

// realBench is a server on the real engine, on a real store.
func realBench(t *testing.T, dir string, cloud till.Cloud, change ...func(*Options)) (*bench, *till.Till, *display.Stage) {
	t.Helper()
	return realBenchWith(t, dir, cloud, func(*till.Options) {}, change...)
}

// realBenchWith is realBench with another engine.
func realBenchWith(t *testing.T, dir string, cloud till.Cloud, other func(*till.Options), change ...func(*Options)) (*bench, *till.Till, *display.Stage) {
	t.Helper()
	store, err := queue.Open(t.Context(), queue.Options{Dir: filepath.Join(dir, "data"), Seal: func(h queue.Header, m queue.Message) ([]byte, error) {
		return json.Marshal(map[string]any{"type": m.Type, "sequence": h.Sequence, "data": json.RawMessage(m.Data)})
	}})
	if err != nil {
		t.Fatal(err)
	}
	stage, news, board, conditions := display.NewStage(display.Scene{Kind: display.Idle}), feed.New(store.Boot()), &device.Board{}, &health.Board{}
	board.Add(device.Spec{Name: "printer-1", Kind: device.Printer, Driver: "escpos", Address: "sim://printer"})
	o := till.Options{
		Till:     till.TillStatus{Merchant: "acme", Store: "sh-001", Till: "03", Currency: "CNY", Timezone: "Asia/Shanghai", Language: "zh-CN"},
		Location: time.FixedZone("CST", 8*3600), Currency: "CNY", Language: lang.ZH, Store: store, Cloud: cloud, Stage: stage, Feed: news, Health: conditions,
		Board: board, Rules: code.DefaultRules(), Version: "1.4.0", BootID: "b00t", RequestTimeout: 30 * time.Second, ReceiptPrinter: "printer-1", Printers: []string{"printer-1"},
		Scanners: []string{"scanner-1"}, Markup: receiptline.Parse, KickDrawer: func(context.Context) error { return nil }, TestDevice: func(context.Context, string) error { return nil },
	}
	other(&o)
	engine, err := till.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("engine: %v", err)
		}
		if err := store.Close(); err != nil {
			t.Errorf("store: %v", err)
		}
	})
	b := newBench(t, func(o *Options) {
		o.Engine, o.Feed, o.Board, o.Health = engine, news, board, conditions
		o.TokenFile = filepath.Join(dir, "api-token")
		o.Screen = screen.New(stage, screen.Options{Boot: store.Boot()}).Handler()
		o.Preview = func(doc printer.Doc) ([]byte, error) {
			return layout.Preview(doc, printer.Caps{Columns: 48, Dots: 576, DPI: 203})
		}
		for _, f := range change {
			f(o)
		}
	})
	b.feed = news
	for end := time.Now().Add(60 * time.Second); ; {
		if ok, _ := engine.Ready(); ok {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the engine does not get ready")
		}
		time.Sleep(5 * time.Millisecond) // polling; Ready has no channel
	}
	return b, engine, stage
}

// What the real engine answers is what the published document says.
func TestRealEngineFitsTheSpec(t *testing.T) {
	cloud := &cloudStub{}
	b, engine, stage := realBench(t, t.TempDir(), cloud)
	c := newChecker(t, b.want(t, "GET", "/openapi.json", "", 200, "", ""))
	ids := map[string]string{}
	for _, r := range b.routes {
		ids[r.id] = r.method + " " + r.public()
	}
	located := map[string]bool{}
	// do calls operation op and checks the answer against its schema.
	do := func(op, path, body string, want int, headers ...string) string {
		t.Helper()
		method, pattern, ok := strings.Cut(ids[op], " ")
		if !ok {
			t.Fatalf("no operation %s", op)
		}
		resp, answer := b.ask(t, method, path, body, headers...)
		if resp.StatusCode != want {
			t.Errorf("%s: %d %s, want %d", op, resp.StatusCode, answer, want)
			return answer
		}
		said, ok := c.spec.Paths[pattern][strings.ToLower(method)].Responses[fmt.Sprint(want)]
		if !ok {
			t.Errorf("%s: %d is not documented", op, want)
			return answer
		}
		for media, content := range said.Content {
			if strings.HasSuffix(media, "json") {
				c.check(op, content.Schema, answer)
			}
		}
		if at := resp.Header.Get("Location"); at != "" {
			located[op] = true
			b.want(t, http.MethodGet, at, "", http.StatusOK, "", "")
		}
		return answer
	}
	one := func(text string) (s sale.Sale) {
		t.Helper()
		if err := json.Unmarshal([]byte(text), &s); err != nil || s.ID == "" {
			t.Fatalf("no sale: %v: %s", err, text)
		}
		return s
	}

	do("getCurrentSale", "/v1/sales/current", "", 404)
	do("putScreen", "/v1/screen", `{"scene":{"kind":"message","title":"Hi"}}`, 200)
	do("clearScreen", "/v1/screen", "", 200)
	do("openShift", "/v1/shift/open", `{"float":20000}`, 201)
	do("signIn", "/v1/cashier/sign-in", `{"badge":"B7"}`, 200)
	s := one(do("openSale", "/v1/sales", `{"external_id":"pos-1"}`, 201, "Idempotency-Key", "open-1"))
	if again := one(do("openSale", "/v1/sales", `{"external_id":"pos-1"}`, 201, "Idempotency-Key", "open-1")); again.ID != s.ID {
		t.Errorf("the same key opened %s and %s", s.ID, again.ID)
	}
	do("openSale", "/v1/sales", `{"external_id":"pos-2"}`, 422, "Idempotency-Key", "open-1")
	at := "/v1/sales/" + s.ID
	do("pay", at+"/pay", `{"method":"cash"}`, 409)
	do("addItem", at+"/items", `{"code":"6901234567892"}`, 200)
	do("addItem", at+"/items", `{"code":"6900000000007"}`, 404)
	do("addItem", at+"/items", `{"sku":"a","name":"苹果","quantity":"0.735","unit_price":1280}`, 200)
	do("changeItem", at+"/items/1", `{"quantity":"3"}`, 200)
	do("changeItem", at+"/items/9", `{"quantity":"3"}`, 404)
	do("changeItem", at+"/items/1", `{"quantity":"-3"}`, 422)
	do("removeItem", at+"/items/2", "", 200)
	paying := one(do("pay", at+"/pay", `{"method":"qr"}`, 200))
	if paying.Payment == nil || paying.Payment.State != sale.PayPending || paying.Payment.URL == "" {
		t.Errorf("pay answers %+v", paying.Payment)
	}
	if sc, _ := stage.Now(); sc.Pay == nil {
		t.Errorf("the screen shows %s", sc.Kind)
	}
	if resp, png := b.ask(t, "GET", "/screen/pay.png?id="+paying.Payment.ID, ""); resp.StatusCode != 200 || !strings.HasPrefix(png, "\x89PNG") {
		t.Errorf("pay code: %d", resp.StatusCode)
	}
	do("cancelPayment", at+"/cancel-payment", "", 200)
	do("parkSale", at+"/park", "", 200)
	do("recallSale", at+"/recall", "", 200)
	do("getCurrentSale", "/v1/sales/current", "", 200)
	closed := one(do("pay", at+"/pay", `{"method":"cash","given":5000}`, 200))
	if closed.State != sale.Closed || closed.Change != 5000-1650 || closed.Number == 0 {
		t.Errorf("closed: %+v", closed)
	}
	do("pay", at+"/pay", `{"method":"cash","given":5000}`, 409)
	do("getSale", at, "", 200)
	do("getSale", "/v1/sales/none", "", 404)
	do("listSales", "/v1/sales?state=closed&limit=10", "", 200)
	do("reprintReceipt", at+"/reprint", "", 200)
	do("getPrintJob", "/v1/print/"+s.ID+"/receipt", "", 200)
	do("getPrintJob", "/v1/print/none", "", 404)
	do("print", "/v1/print", `{"job_id":"x/1","markup":"hello|world"}`, 201)
	do("print", "/v1/print", `{"job_id":"x/1","markup":"hello|world"}`, 200)
	do("print", "/v1/print", `{"job_id":"x/1","markup":"other"}`, 409)
	do("reprintJob", "/v1/print/x/1/reprint", "", 409)
	if resp, png := b.ask(t, "GET", "/v1/receipts/"+s.ID+".png", ""); resp.StatusCode != 200 || !strings.HasPrefix(png, "\x89PNG") {
		t.Errorf("receipt: %d %.80s", resp.StatusCode, png)
	}
	do("getReceipt", "/v1/receipts/none.png", "", 404)
	back := one(do("refundSale", at+"/refund", `{"amount":50,"reason":"damaged"}`, 200))
	if resp, png := b.ask(t, "GET", "/v1/receipts/"+back.Refunds[0].ID+".png", ""); resp.StatusCode != 200 || !strings.HasPrefix(png, "\x89PNG") {
		t.Errorf("refund's receipt: %d %.80s", resp.StatusCode, png)
	}
	do("refundSale", at+"/refund", `{"amount":999999,"reason":"damaged"}`, 409)

	engine.Scan(t.Context(), scanner.Scan{Device: "scanner-1", At: time.Now(), Data: []byte("6901234567892")})
	for end := time.Now().Add(60 * time.Second); ; {
		if sum := do("listScans", "/v1/scans?after=0", "", 200); strings.Contains(sum, `"seq":1`) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the scan is not in the ledger")
		}
		time.Sleep(5 * time.Millisecond) // polling the API, as a POS application may
	}
	do("ackScan", "/v1/scans/1/ack", "", 200)
	second := one(do("openSale", "/v1/sales", `{"items":[{"sku":"b","name":"x","unit_price":1}]}`, 201))
	do("voidSale", "/v1/sales/"+second.ID+"/void", `{"reason":"left"}`, 200)
	do("openDrawer", "/v1/drawer/open", `{"reason":"change"}`, 200)
	do("testDevice", "/v1/devices/printer-1/test", "", 200)
	do("testDevice", "/v1/devices/none/test", "", 404)
	do("confirmPickup", "/v1/pickups/none/confirm", "", 404)
	do("getZReport", "/v1/reports/z", "", 200)
	do("getZReport", "/v1/reports/z?day=yesterday", "", 422)
	do("printZReport", "/v1/reports/z/print", `{}`, 201)
	do("printZReport", "/v1/reports/z/print", `{"day":"yesterday"}`, 422)
	do("printZReport", "/v1/reports/z/print", `{"printer":"none"}`, 409)
	do("getStatus", "/v1/status", "", 200)
	do("listDevices", "/v1/devices", "", 200)
	do("signOut", "/v1/cashier/sign-out", "", 200)
	do("readyz", "/readyz", "", 200)
	cloud.down = true
	third := one(do("openSale", "/v1/sales", `{"items":[{"sku":"b","name":"x","unit_price":1}]}`, 201))
	do("pay", "/v1/sales/"+third.ID+"/pay", `{"method":"qr"}`, 503)
	do("voidSale", "/v1/sales/"+third.ID+"/void", `{"reason":"left"}`, 200)
	for _, op := range []string{"openSale", "print", "printZReport"} {
		if !located[op] {
			t.Errorf("%s does not say where what it made is", op)
		}
	}
	for _, live := range listIDs(t, b) {
		b.ask(t, "POST", "/v1/sales/"+live+"/void", `{"reason":"end"}`)
	}
	do("closeShift", "/v1/shift/close", `{"counted":21600}`, 200)
}

func listIDs(t *testing.T, b *bench) (ids []string) {
	t.Helper()
	var page SaleList
	if err := json.Unmarshal([]byte(b.want(t, "GET", "/v1/sales?state=open", "", 200, "", "")), &page); err != nil {
		t.Fatal(err)
	}
	for _, s := range page.Sales {
		ids = append(ids, s.ID)
	}
	return ids
}

// A scan is on the stream and on the screen's stream, with the whole scene.
func TestScanReachesBothStreams(t *testing.T) {
	b, engine, _ := realBench(t, t.TempDir(), &cloudStub{})
	events, glass := b.stream(t, "/v1/events"), b.stream(t, "/screen/events", "Authorization", "")
	engine.Scan(t.Context(), scanner.Scan{Device: "scanner-1", At: time.Now(), Data: []byte("6901234567892")})
	events.until("scan", `"6901234567892"`)
	events.until("scene", "乌龙茶")
	glass.until("scene", "乌龙茶")
	glass.until("beat", `"now"`)
}

// sse reads one event stream.
type sse struct {
	t  *testing.T
	r  *bufio.Scanner
	id string
}

func (b *bench) stream(t *testing.T, path string, headers ...string) *sse {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+b.token)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := (&http.Transport{}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s: %d %s", path, resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	r := bufio.NewScanner(resp.Body)
	r.Buffer(nil, 4<<20)
	return &sse{t: t, r: r}
}

// next returns one frame; name "" is a comment or retry.
func (s *sse) next() (name, data string) {
	s.t.Helper()
	for s.r.Scan() {
		line := s.r.Text()
		field, value, _ := strings.Cut(line, ": ")
		switch field {
		case "event":
			name = value
		case "data":
			data = value
		case "id":
			s.id = value
		}
		if line == "" {
			return name, data
		}
	}
	s.t.Fatalf("the stream ended: %v", s.r.Err())
	return "", ""
}

// until skips to the next frame of that name which contains part.
func (s *sse) until(event, part string) string {
	s.t.Helper()
	late := time.AfterFunc(time.Minute, func() { panic("no " + event + " with " + part + " within a minute") })
	defer late.Stop()
	for {
		if name, data := s.next(); name == event && strings.Contains(data, part) {
			return data
		}
	}
}
