package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// page is the control page's state as its script gets it.
type page struct {
	Tilld    struct{ Running bool }
	Broker   bool
	Sale     *sale
	Scene    *scene
	Sales    []sale
	Printers map[string]struct {
		Tickets []struct {
			ID int
			QR []string
		}
	}
	Payments []payment
	Report   struct {
		Closed   int
		Problems []string
	}
	Till struct {
		Queue   struct{ Depth int }
		Link    struct{ State string }
		Devices []struct{ State string }
	}
}

// visitor is a browser at the control page.
type visitor struct {
	t    *testing.T
	base string
	next func() page
}

func (v *visitor) act(o map[string]any) map[string]any {
	v.t.Helper()
	body, err := json.Marshal(o)
	if err != nil {
		v.t.Fatal(err)
	}
	res, err := http.Post(v.base+"/do", "application/json", bytes.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		v.t.Fatal(err)
	}
	return answer
}

func (v *visitor) must(o map[string]any) {
	v.t.Helper()
	if a := v.act(o); a["ok"] != true {
		v.t.Fatalf("%v: %v", o, a)
	}
}

// until follows the stream of states.
func (v *visitor) until(what string, ok func(page) bool) page {
	v.t.Helper()
	late := time.Now().Add(90 * time.Second)
	for {
		s := v.next()
		if ok(s) {
			return s
		}
		if time.Now().After(late) {
			v.t.Fatalf("the page never shows: %s; now %+v", what, s)
		}
	}
}

// The whole demo by its control page, as a person would use it.
func TestDemo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	out, print := io.Pipe()
	ended := make(chan error, 1)
	c := demoCmd{Listen: "127.0.0.1:0", Broker: "embedded", Tilld: program(t), Keep: filepath.Join(t.TempDir(), "shop")}
	go func() {
		err := c.run(ctx, print)
		print.Close()
		ended <- err
	}()
	defer func() {
		cancel()
		go io.Copy(io.Discard, out)
		if err := <-ended; err != nil {
			t.Errorf("the demo ended with %v", err)
		}
	}()
	v := &visitor{t: t}
	var screen, status string
	for lines := bufio.NewScanner(out); !strings.HasPrefix(lines.Text(), "files are in"); {
		if !lines.Scan() {
			t.Fatalf("the demo did not start: %v", <-ended)
		}
		fmt.Sscanf(lines.Text(), "  control page     %s", &v.base)
		fmt.Sscanf(lines.Text(), "  customer screen  %s", &screen)
		fmt.Sscanf(lines.Text(), "  status page      %s", &status)
	}
	v.base = strings.TrimSuffix(v.base, "/")
	for _, url := range []string{v.base + "/", v.base + "/page/app.js", v.base + "/page/words.js", v.base + "/page/app.css", screen, status} {
		res, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("GET %s: %s", url, res.Status)
		}
	}
	v.listen(ctx)
	v.sell()
	v.offline()
	v.killed()
}

func (v *visitor) listen(ctx context.Context) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.base+"/events", nil)
	if err != nil {
		v.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { res.Body.Close() })
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 8<<20)
	v.next = func() (s page) {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(data), &s); err != nil {
					v.t.Fatal(err)
				}
				return s
			}
		}
		v.t.Fatalf("the stream ended: %v", lines.Err())
		return s
	}
}

// sell scans, pays by QR, and looks at the receipt.
func (v *visitor) sell() {
	v.until("everything up", func(s page) bool {
		away := slices.ContainsFunc(s.Till.Devices, func(d struct{ State string }) bool { return d.State != "ready" })
		return s.Till.Link.State == "up" && len(s.Till.Devices) > 0 && !away
	})
	v.must(map[string]any{"what": "scan", "value": "6901234567892"})
	v.until("the sale", func(s page) bool {
		return s.Sale != nil && s.Sale.Total == 6800 && s.Scene != nil && len(s.Scene.Lines) == 1
	})
	v.must(map[string]any{"what": "cashier", "value": "qr"})
	s := v.until("the pay code", func(s page) bool { return s.Scene != nil && s.Scene.Pay != nil && len(s.Payments) == 1 })
	res, err := http.Get(v.base + "/pay.png?side=300&id=" + s.Scene.Pay.PaymentID)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := png.Decode(res.Body); err != nil {
		v.t.Errorf("the pay code's picture: %v", err)
	}
	v.must(map[string]any{"what": "pay", "value": s.Payments[0].ID})
	s = v.until("the receipt", func(s page) bool {
		return s.Report.Closed == 1 && len(s.Printers["lan"].Tickets) == 1 && len(s.Printers["lan"].Tickets[0].QR) > 0
	})
	paper, err := http.Get(fmt.Sprintf("%s/paper/lan/%d", v.base, s.Printers["lan"].Tickets[0].ID))
	if err != nil {
		v.t.Fatal(err)
	}
	defer paper.Body.Close()
	if img, err := png.Decode(paper.Body); err != nil || img.Bounds().Dx() < 576 {
		v.t.Errorf("the receipt's picture: %v", err)
	}
	if a := v.act(map[string]any{"what": "pay", "value": s.Sales[0].ID}); a["ok"] != false {
		v.t.Error("a payment that is not pending is paid")
	}
}

// offline sells without a broker, paid by a phone that is online and shows its
// proof to the scanner; it drains afterwards.
func (v *visitor) offline() {
	v.must(map[string]any{"what": "broker", "value": "down"})
	v.until("the link down", func(s page) bool { return !s.Broker && s.Till.Link.State != "up" })
	v.must(map[string]any{"what": "scan", "value": "6921234567890"})
	v.until("the sale", func(s page) bool { return s.Sale != nil && s.Sale.Total == 1290 })
	v.must(map[string]any{"what": "cashier", "value": "qr"})
	s := v.until("the phone open the code", func(s page) bool { return len(s.Payments) == 1 && s.Payments[0].Offline })
	v.must(map[string]any{"what": "pay", "value": s.Payments[0].ID})
	v.until("the queue grow", func(s page) bool { return s.Till.Queue.Depth > 0 && s.Sale == nil })
	v.must(map[string]any{"what": "broker", "value": "up"})
	v.until("the queue drained", func(s page) bool {
		return s.Report.Closed == 2 && s.Till.Queue.Depth == 0 && len(s.Report.Problems) == 0
	})
}

// killed pulls the power; the open sale is there again.
func (v *visitor) killed() {
	v.must(map[string]any{"what": "scan", "value": "6931234567899"})
	v.until("the sale", func(s page) bool { return s.Sale != nil && s.Sale.Total == 200 })
	v.must(map[string]any{"what": "tilld", "value": "kill"})
	v.until("tilld dead", func(s page) bool { return !s.Tilld.Running && s.Sale == nil })
	v.must(map[string]any{"what": "tilld", "value": "start"})
	v.until("the sale again", func(s page) bool { return s.Tilld.Running && s.Sale != nil && s.Sale.Total == 200 })
	for _, o := range []map[string]any{
		{"what": "printer", "name": "lan", "value": "paper-out"},
		{"what": "printer", "name": "lan", "value": "paper-out"},
		{"what": "unplug", "value": "pole"},
		{"what": "plug", "value": "pole"},
		{"what": "fault", "value": "deny"},
		{"what": "command", "value": "till.report", "data": map[string]any{}},
		{"what": "tear", "name": "lan"},
		{"what": "cashier", "value": "void"},
	} {
		v.must(o)
	}
	for _, o := range []map[string]any{{"what": "launch"}, {"what": "printer", "name": "fax", "value": "off"}, {"what": "fault", "value": "x"}, {"what": "cashier", "value": "steal"}, {"what": "tilld", "value": "x"}} {
		if a := v.act(o); a["ok"] != false {
			v.t.Errorf("%v: %v", o, a)
		}
	}
}

// Only this machine's browser, at the page's own address, may act.
func TestControlPageIsForItsOwnPageOnly(t *testing.T) {
	d := &demo{traffic: newRing()}
	h := d.handler("127.0.0.1:7790")
	for _, tt := range []struct {
		host, site, kind string
		want             int
	}{
		{"127.0.0.1:7790", "same-origin", "application/json", 200},
		{"evil.example:7790", "same-origin", "application/json", 421},
		{"127.0.0.1:80", "same-origin", "application/json", 421},
		{"127.0.0.1:7790", "cross-site", "application/json", 403},
		{"127.0.0.1:7790", "", "text/plain", 415},
	} {
		r, err := http.NewRequest("POST", "http://"+tt.host+"/do", strings.NewReader(`{"what":"nothing"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", tt.kind)
		r.Header.Set("Sec-Fetch-Site", tt.site)
		w := &recorder{header: http.Header{}, code: 200}
		h.ServeHTTP(w, r)
		if w.code != tt.want {
			t.Errorf("%+v: %d", tt, w.code)
		}
	}
}

type recorder struct {
	header http.Header
	code   int
	bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }
func (r *recorder) WriteHeader(c int)   { r.code = c }
