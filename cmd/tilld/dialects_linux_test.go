package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"tilld/internal/qr"
	"tilld/internal/sim"
	"tilld/internal/unchecked"
)

// shopFloor is a lane with two printers, and what a client of a dialect needs to
// work it: one URL for each thing.
type shopFloor struct {
	*lane
	printers map[string]*sim.Printer
}

// openFloor opens a lane that speaks dialects.
func openFloor(t *testing.T, dialects string) *shopFloor {
	t.Helper()
	f := &shopFloor{printers: map[string]*sim.Printer{}}
	var devices strings.Builder
	for _, name := range []string{"till-1", "kitchen"} {
		p := sim.NewPrinter(sim.Model{})
		ctx, cancel := context.WithCancel(context.Background())
		var all sync.WaitGroup
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() { p.Run(ctx) })
		all.Go(func() { p.ServeTCP(ctx, l) })
		t.Cleanup(func() { cancel(); all.Wait() })
		fmt.Fprintf(&devices, "  - {name: %s, kind: printer, driver: escpos, address: \"tcp://%s\"}\n", name, l.Addr())
		f.printers[name] = p
	}
	f.lane = openLaneWith(t, "info", "paid", devices.String()+dialects)
	return f
}

// port is where a dialect listens; the newest line of the log says it.
func (f *shopFloor) port(name string) string {
	var port string
	line := regexp.MustCompile(`msg="dialect listening" part=dialect dialect="?` + name + `"? addr=127\.0\.0\.1:(\d+)|"msg":"dialect listening","part":"dialect","dialect":"` + name + `","addr":"127\.0\.0\.1:(\d+)"`)
	f.await("the port of "+name, func() bool {
		log, err := os.ReadFile(f.log)
		if err != nil {
			return false
		}
		all := line.FindAllStringSubmatch(string(log), -1)
		if len(all) == 0 {
			return false
		}
		last := all[len(all)-1]
		port = last[1] + last[2]
		return true
	})
	return port
}

// lines is what stands on all paper of a printer.
func (f *shopFloor) lines(printer string) []string {
	lines := []string{}
	tickets, _ := f.printers[printer].Tickets(0)
	for _, t := range tickets {
		for _, l := range t.Lines {
			if l = strings.TrimSpace(l); l != "" {
				lines = append(lines, l)
			}
		}
	}
	return lines
}

// control serves the hardware to a client in another language.
func (f *shopFloor) control() string {
	mux := http.NewServeMux()
	handle := func(pattern string, do func(r *http.Request) string) {
		mux.HandleFunc("GET "+pattern, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, do(r)) })
	}
	handle("/paper/{printer}", func(r *http.Request) string {
		body, err := json.Marshal(f.lines(r.PathValue("printer")))
		f.must(err)
		return string(body)
	})
	handle("/qr/{printer}", func(r *http.Request) string {
		tickets, _ := f.printers[r.PathValue("printer")].Tickets(0)
		return strings.Join(tickets[len(tickets)-1].QR, "|")
	})
	handle("/ticket/{printer}/{text}", func(r *http.Request) string {
		f.await(r.PathValue("text"), func() bool { return slices.Contains(f.lines(r.PathValue("printer")), r.PathValue("text")) })
		return ""
	})
	handle("/pulses/{printer}", func(r *http.Request) string { return strconv.Itoa(f.printers[r.PathValue("printer")].Stats().Pulses) })
	handle("/set/{printer}/{what}/{value}", func(r *http.Request) string {
		f.printers[r.PathValue("printer")].Set(func(s *sim.Switches) {
			f.must(json.Unmarshal([]byte(fmt.Sprintf(`{%q: %s}`, r.PathValue("what"), r.PathValue("value"))), s))
		})
		return ""
	})
	handle("/wait/{subject}/{code}", func(r *http.Request) string {
		f.await(r.PathValue("code"), func() bool { return f.up(r.PathValue("code"), r.PathValue("subject")) })
		return ""
	})
	handle("/scan/{code}", func(r *http.Request) string { f.scan("]E0" + r.PathValue("code") + "\r"); return "" })
	handle("/sale", func(*http.Request) string {
		if status, _ := f.call("GET", "/v1/sales/current", ""); status == http.StatusNotFound {
			return "none"
		}
		return "one"
	})
	handle("/png", func(*http.Request) string {
		code, err := qr.Make("https://example.cn/qz", "M")
		f.must(err)
		png, err := code.PNG(6, 4)
		f.must(err)
		return base64.StdEncoding.EncodeToString(png)
	})
	handle("/sending/{printer}", func(r *http.Request) string {
		f.await("a ticket that is being printed", func() bool { return f.printers[r.PathValue("printer")].Stats().Hanging > 0 })
		return ""
	})
	handle("/kill", func(*http.Request) string { f.must(f.cmd.Process.Kill()); f.cmd.Wait(); return "" })
	handle("/start", func(*http.Request) string {
		f.must(os.Remove(filepath.Join(f.dir, "http-addr")))
		f.run()
		f.await("the agent's address", func() bool {
			addr, err := os.ReadFile(filepath.Join(f.dir, "http-addr"))
			f.base = "http://" + strings.TrimSpace(string(addr))
			return err == nil && len(addr) > 0
		})
		f.ready()
		return ""
	})
	handle("/port", func(*http.Request) string { return f.port("qz") })
	server := httptest.NewServer(mux)
	f.t.Cleanup(server.Close)
	return server.URL
}

func mustRead(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(name)
	if err != nil {
		t.Error(err)
	}
	return body
}

// up reports whether a condition is up.
func (f *shopFloor) up(code, subject string) bool {
	var s struct {
		Conditions []struct{ Code, Subject string }
	}
	f.must(json.Unmarshal(f.get("/v1/status"), &s))
	return slices.ContainsFunc(s.Conditions, func(c struct{ Code, Subject string }) bool { return c.Code == code && c.Subject == subject })
}

// clients are the packages that the scripts in testdata/dialects need, with
// their versions. They stay test tools: none is shipped.
var clients = []string{"qz-tray@2.3.0", "ws@8.23.0", "node-thermal-printer@4.6.1", "@point-of-sale/network-receipt-printer@2.0.1"}

var installClients = sync.OnceValues(func() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	dir := filepath.Join(base, "tilld-test", "dialect-clients-1")
	done := filepath.Join(dir, "installed")
	if _, err := os.Stat(done); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	args := append([]string{"install", "--prefix", dir, "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"}, clients...)
	if out, err := exec.Command("npm", args...).CombinedOutput(); err != nil {
		return string(out), err
	}
	return dir, os.WriteFile(done, nil, 0o644)
})

// node runs one of the scripts.
func (f *shopFloor) node(script string, env ...string) {
	f.t.Helper()
	dir, err := installClients()
	if err != nil {
		unchecked.Skip(f.t, "the clients could not be installed by npm: %v\n%s", err, dir)
	}
	name, err := filepath.Abs(filepath.Join("testdata", "dialects", script))
	f.must(err)
	cmd := exec.Command("node", "--test", "--test-reporter", "tap", name)
	cmd.Env = append(append(os.Environ(), "NODE_PATH="+filepath.Join(dir, "node_modules"), "CONTROL="+f.control()), env...)
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("# fail 0")) || bytes.Contains(out, []byte("# pass 0")) {
		f.t.Errorf("%v\n%s\n%s", err, out, mustRead(f.t, f.log))
	}
}

func TestQZClient(t *testing.T) {
	f := openFloor(t, "dialects: {qz: {enabled: true, listen: [\"127.0.0.1:0\"], tls_listen: []}}\n")
	f.node("qz.cjs", "QZ_PORT="+f.port("qz"))
}

func TestRawClients(t *testing.T) {
	f := openFloor(t, "dialects: {raw9100: {enabled: true, listen: \"127.0.0.1:0\"}}\n")
	f.node("raw.cjs", "RAW_PORT="+f.port("raw9100 till-1"))
}

// epos sends one ePOS-Print body as a page of an origin does, and returns the
// attributes of the answer.
func (f *shopFloor) epos(body, query, origin string) map[string]string {
	f.t.Helper()
	req, err := http.NewRequest("POST", "http://127.0.0.1:"+f.port("epos")+"/cgi-bin/epos/service.cgi?devid=local_printer"+query, strings.NewReader(body))
	f.must(err)
	if origin != "" {
		req.Header.Set("Origin", origin)
	}
	resp, err := http.DefaultClient.Do(req)
	f.must(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	f.must(err)
	got := map[string]string{"http": strconv.Itoa(resp.StatusCode), "cors": resp.Header.Get("Access-Control-Allow-Origin")}
	for _, a := range regexp.MustCompile(`(\w+)="([^"]*)"`).FindAllStringSubmatch(string(text), -1) {
		got[a[1]] = a[2]
	}
	return got
}

func soap(inner string) string {
	return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><epos-print xmlns="http://www.epson-pos.com/schemas/2011/03/epos-print">` +
		inner + `</epos-print></s:Body></s:Envelope>`
}

const posPage = "https://pos.example.cn"

// What Odoo and the vendor's SDK send, end to end.
func TestEPOS(t *testing.T) {
	f := openFloor(t, "dialects: {epos: {enabled: true, listen: \"127.0.0.1:0\", allowed_origins: [\""+posPage+"\"]}}\n")
	expect := func(what string, got map[string]string, success, code string) {
		t.Helper()
		if got["http"] != "200" || got["success"] != success || got["code"] != code {
			t.Errorf("%s: %v, want success=%s code=%q", what, got, success, code)
		}
	}
	good := f.epos(soap(""), "", posPage)
	expect("status", good, "true", "")
	if good["status"] != "251658260" || good["cors"] != posPage {
		t.Errorf("status of a good printer: %v", good)
	}
	code, err := qr.Make("https://example.cn/epos", "M")
	f.must(err)
	img := code.Image(6, 4)
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	bits := make([]byte, (w+7)/8*h)
	for y := range h {
		for x := range w {
			if img.GrayAt(x, y).Y < 128 {
				bits[y*((w+7)/8)+x/8] |= 0x80 >> (x % 8)
			}
		}
	}
	picture := fmt.Sprintf(`<image width="%d" height="%d" align="center">%s</image><cut type="feed"/>`, w, h, base64.StdEncoding.EncodeToString(bits))
	printed := f.epos(soap(picture), "", posPage)
	expect("Odoo's receipt", printed, "true", "")
	if printed["status"] != "251658262" {
		t.Errorf("status after a print: %v", printed)
	}
	if tickets, _ := f.printers["till-1"].Tickets(0); len(tickets) != 1 || strings.Join(tickets[0].QR, "") != "https://example.cn/epos" {
		t.Errorf("on paper: %+v", tickets)
	}
	expect("the drawer", f.epos(soap(`<pulse/>`), "", posPage), "true", "")
	f.await("the drawer", func() bool { return f.printers["till-1"].Stats().Pulses == 1 })
	sdk := `<text lang="zh-cn" align="center" dw="true" dh="true" em="true">合计 12.50&#10;</text><text dw="false" dh="false" em="false" align="left">谢谢&#10;</text>` +
		`<symbol type="qrcode_model_2" level="level_m" width="6">https://example.cn/sdk</symbol><feed line="2"/><cut/>`
	withID := `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header><parameter xmlns="http://www.epson-pos.com/schemas/2011/03/epos-print"><devid>local_printer</devid><timeout>60000</timeout><printjobid>ABC123</printjobid></parameter></s:Header><s:Body><epos-print xmlns="http://www.epson-pos.com/schemas/2011/03/epos-print">%s</epos-print></s:Body></s:Envelope>`
	for range 2 { // the same id: the same job
		got := f.epos(fmt.Sprintf(withID, sdk), "", "")
		expect("the vendor's SDK", got, "true", "")
		if got["printjobid"] != "ABC123" {
			t.Errorf("no job id in %v", got)
		}
	}
	expect("asked again", f.epos(fmt.Sprintf(withID, ""), "", ""), "true", "")
	expect("another job under its id", f.epos(fmt.Sprintf(withID, sdk+"<feed/>"), "", ""), "false", "EX_SPOOLER")
	expect("a job nobody knows", f.epos(strings.Replace(fmt.Sprintf(withID, ""), "ABC123", "ZZZ", 1), "", ""), "false", "JobNotFound")
	if got := f.lines("till-1"); !slices.Equal(got, []string{"合计 12.50", "谢谢"}) {
		t.Errorf("on paper: %q", got)
	}
	expect("an element it does not know", f.epos(soap(`<text>x</text><page/>`), "", posPage), "false", "SchemaError")
	expect("another printer", f.epos(soap("<text>to the kitchen&#10;</text><cut/>"), "&devid=x", ""), "true", "") // the first devid counts
	expect("no printer", f.epos(strings.Replace(fmt.Sprintf(withID, sdk), "local_printer", "nope", 1), "", ""), "false", "DeviceNotFound")
	f.printers["till-1"].Set(func(s *sim.Switches) { s.PaperOut = true })
	expect("no paper", f.epos(soap("<text>lost?&#10;</text><cut/>"), "", posPage), "false", "EPTR_REC_EMPTY")
	f.printers["till-1"].Set(func(s *sim.Switches) { s.PaperOut = false })
	f.await("the printer is ready", func() bool { return !f.up("printer_paper_out", "till-1") })
	// Retry while the first is unresolved: identical bytes, one ticket.
	f.printers["till-1"].Set(func(s *sim.Switches) { s.DotsPerSecond = 100 })
	answers := make(chan map[string]string, 2)
	for range 2 {
		go func() { answers <- f.epos(soap("<text>retried&#10;</text><cut/>"), "", posPage) }()
	}
	expect("first", <-answers, "true", "")
	expect("retry", <-answers, "true", "")
	f.printers["till-1"].Set(func(s *sim.Switches) { s.DotsPerSecond = 0 })
	if n := len(slices.DeleteFunc(f.lines("till-1"), func(l string) bool { return l != "retried" })); n != 1 {
		t.Errorf("retried %d times on paper", n)
	}
	if got := f.epos(soap("<text>evil&#10;</text><pulse/>"), "", "https://evil.example"); got["http"] != "403" {
		t.Errorf("a foreign page: %v", got)
	}
	if lines := strings.Join(f.lines("till-1"), "|"); strings.Contains(lines, "evil") || strings.Contains(lines, "lost?") || f.printers["till-1"].Stats().Pulses != 1 {
		t.Errorf("on paper: %s; %d pulses", lines, f.printers["till-1"].Stats().Pulses)
	}
}

// proxy makes one hw_proxy call.
func (f *shopFloor) proxy(route, params, media, origin string) string {
	req, err := http.NewRequest("POST", "http://127.0.0.1:"+f.port("hwproxy")+"/hw_proxy/"+route, strings.NewReader(`{"jsonrpc":"2.0","method":"call","params":`+params+`,"id":7}`))
	f.must(err)
	req.Header.Set("Content-Type", media)
	req.Header.Set("Origin", origin)
	resp, err := http.DefaultClient.Do(req)
	f.must(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	f.must(err)
	if resp.StatusCode != http.StatusOK {
		return strconv.Itoa(resp.StatusCode)
	}
	var answer struct {
		Result json.RawMessage
		Error  struct{ Message string }
		ID     int
	}
	f.must(json.Unmarshal(body, &answer))
	if answer.ID != 7 {
		f.t.Errorf("%s: id %d", route, answer.ID)
	}
	if answer.Error.Message != "" {
		return "error: " + answer.Error.Message
	}
	return string(answer.Result)
}

func TestHWProxy(t *testing.T) {
	f := openFloor(t, "dialects: {hwproxy: {enabled: true, listen: \"127.0.0.1:0\", allowed_origins: [\""+posPage+"\"]}}\n")
	call := func(route, params, want string) {
		t.Helper()
		if got := f.proxy(route, params, "application/json", posPage); got != want {
			t.Errorf("%s %.80s: %s, want %s", route, params, got, want)
		}
	}
	call("handshake", "{}", "true")
	call("status_json", "{}", `{"printer":{"status":"connected","messages":""},"scanner":{"status":"connected","messages":""}}`)
	code, err := qr.Make("https://example.cn/hw", "M")
	f.must(err)
	receipt := image.NewGray(image.Rect(0, 0, 512, 2600)) // 50 lines and more
	draw.Draw(receipt, receipt.Rect, image.White, image.Point{}, draw.Src)
	mark := code.Image(8, 4)
	draw.Draw(receipt, mark.Bounds().Add(image.Pt(100, 2300)), mark, image.Point{}, draw.Src)
	var out bytes.Buffer
	f.must(jpeg.Encode(&out, receipt, nil))
	// A busy machine may need more than the ten seconds that a client waits: with an
	// id of its own it may ask again, and gets one ticket.
	action := `{"data":{"action":"print_receipt","action_unique_id":"r-1","receipt":"` + base64.StdEncoding.EncodeToString(out.Bytes()) + `"}}`
	f.await("the receipt", func() bool { return f.proxy("default_printer_action", action, "application/json", posPage) == "true" })
	call("default_printer_action", action, "true")
	tickets, _ := f.printers["till-1"].Tickets(0)
	if len(tickets) != 1 || strings.Join(tickets[0].QR, "") != "https://example.cn/hw" || tickets[0].Height < 2600 {
		t.Errorf("on paper: %+v", tickets)
	}
	call("default_printer_action", `{"data":{"action":"print_receipt","receipt":"bm90IGEgcGljdHVyZQ=="}}`, "false")
	call("default_printer_action", `{"data":{"action":"cashbox"}}`, "true")
	f.await("the drawer", func() bool { return f.printers["till-1"].Stats().Pulses == 1 })
	// Scans: the first poll claims; what comes between two polls is kept.
	first := make(chan string, 1)
	go func() { first <- f.proxy("scanner", "{}", "application/json", posPage) }()
	f.await("the claim", func() bool { return f.claimed() })
	f.scan("]E06901234567892\r")
	if got := <-first; got != `"6901234567892"` {
		t.Errorf("first scan: %s", got)
	}
	f.scan("]E04006381333931\r")
	f.scan("]E096385074\r")
	call("scanner", "{}", `"4006381333931"`)
	call("scanner", "{}", `"96385074"`)
	if status, _ := f.call("GET", "/v1/sales/current", ""); status != http.StatusNotFound {
		t.Errorf("a sale was opened: %d", status)
	}
	if got := f.proxy("handshake", "{}", "text/plain", posPage); got != "415" {
		t.Errorf("text/plain: %s", got)
	}
	if got := f.proxy("default_printer_action", `{"data":{"action":"cashbox"}}`, "application/json", "https://evil.example"); got != "403" {
		t.Errorf("a foreign page: %s", got)
	}
	call("send_text_customer_display", `{"text_to_display":"[\"Total 12.50\", \"Thank you\"]"}`, "true")
	f.await("the customer's screen", func() bool { return strings.Contains(string(f.news.bytes()), "Thank you") })
}

// claimed reports whether a program reads the scanners.
func (f *shopFloor) claimed() bool {
	return bytes.Contains(mustRead(f.t, f.log), []byte(`"scanners are read by a program"`))
}
