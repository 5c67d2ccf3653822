package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"tilld/internal/config"
	"tilld/internal/lang"
)

var known = config.Known{
	Drivers: map[string][]string{"scanner": {"line"}, "printer": {"escpos"}, "display": {"cd5220", "screen"}},
	Options: func(d config.Device) error {
		if strings.Contains(string(d.Options), "suffixx") {
			return errors.New(`no option "suffixx"`)
		}
		return nil
	},
}

const whole = `till:    {merchant: acme, store: sh-001, till: "03", number: 7}
http:    {listen: "127.0.0.1:7780", allowed_hosts: [], lan: {listen: ""}}
cloud:
  url: mqtt://127.0.0.1:1883
  window: 256
queue:   {max_bytes: 1GiB, reserve_bytes: 32MiB, keep_acked: 3d}
receipt: {copies: 2, qr: [{title: "加入社群", url: "https://example.cn/g"}]}
payment: {qr_ttl: 90s, offline: {enabled: false, max_amount: "200.00"}}
devices:
  - {name: scanner-1, kind: scanner, driver: line,   address: "serial:///dev/ttyACM0?baud=9600", options: {suffix: cr}}
  - {name: screen,    kind: display, driver: screen}
log: {level: debug}
`

func load(t *testing.T, text string, env ...string) (config.Config, []string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tilld.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, problems, _, err := config.Load(file, env, known)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, p := range problems {
		list = append(list, strings.TrimPrefix(p.In(lang.EN), file))
	}
	return c, list
}

func TestMall(t *testing.T) {
	c, problems := load(t, "till: {merchant: acme, store: sh-001, till: \"03\"}\nmall:\n  url: mqtts://m:8883\n  merchant: tenant\n  redact: [member]\n")
	if m := c.Mall.Named(c.Till); problems != nil || m.Path() != "tenant/sh-001/03" || m.ClientID != "tenant_sh-001_03" || len(m.Events) != 4 || len(m.Redact) != 1 {
		t.Errorf("%+v, %v", m, problems)
	}
	known := known
	known.Copyable, known.Redactable = []string{"sale.closed"}, []string{"member"}
	file := filepath.Join(t.TempDir(), "tilld.yaml")
	text := "till: {merchant: acme, store: sh-001, till: \"03\"}\nmall:\n  url: mqtt://127.0.0.1:1883\n  events: [sale.closd]\n" +
		"  redact: [member, total]\n  max_bytes: 2GiB\n  window: 9999\n  store: \"a b\"\n  ack: maybe\n  cert_file: x\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, list, _, err := config.Load(file, nil, known)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range list {
		got = append(got, strings.TrimPrefix(p.In(lang.EN), file))
	}
	want := []string{
		":4: mall.events: ", ":5: mall.redact: ", ":6: mall.max_bytes: ", ":7: mall.window: ", ":8: mall.store: ", ":9: mall.ack: ", ":10: mall.cert_file: ",
	}
	for i, w := range want {
		if i >= len(got) || !strings.HasPrefix(got[i], w) {
			t.Errorf("problem %d does not begin with %q: %v", i, w, got)
		}
	}
	if len(got) != len(want) {
		t.Errorf("problems %v", got)
	}
	if _, problems = load(t, "till: {merchant: acme, store: sh-001, till: \"03\"}\nmall: {url: \"mqtt://127.0.0.1:1883\"}\n"); len(problems) != 1 || !strings.Contains(problems[0], "mall.url: is the broker and the topics of cloud") {
		t.Errorf("the cloud's own topics: %v", problems)
	}
}

func TestLoad(t *testing.T) {
	c, problems := load(t, whole, "TILLD_CLOUD_CLIENT_ID=x_1", "TILLD_QUEUE_MAX_BYTES=3GiB", "HOME=/root")
	if problems != nil {
		t.Fatalf("problems: %q", problems)
	}
	want := config.Defaults()
	want.Till.Merchant, want.Till.Store, want.Till.Till, want.Till.Number = "acme", "sh-001", "03", 7
	want.HTTP.AllowedHosts = []string{}
	want.Cloud.Window, want.Cloud.ClientID = 256, "x_1"
	want.Queue = config.Queue{MaxBytes: 3 << 30, ReserveBytes: 32 << 20, KeepAcked: config.Duration(72 * time.Hour)}
	want.Receipt.Copies = 2
	want.Receipt.QR = []config.QR{{Title: "加入社群", URL: "https://example.cn/g"}}
	want.Payment.QRTTL = config.Duration(90 * time.Second)
	want.Payment.Offline.MaxAmount = 20000
	want.Devices = []config.Device{
		{Name: "scanner-1", Kind: "scanner", Driver: "line", Address: "serial:///dev/ttyACM0?baud=9600", Options: config.Raw(`{"suffix":"cr"}`)},
		{Name: "screen", Kind: "display", Driver: "screen"},
	}
	want.Log.Level = "debug"
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
	if c.Path() != "acme/sh-001/03" {
		t.Errorf("path %q", c.Path())
	}
}

// Every problem of a file is told in one go, each with its line and the cure.
func TestProblems(t *testing.T) {
	_, got := load(t, `till: {merchant: acme, till: 03}
clod:
  url: x
cloud:
  url: http://x
  window: many
  windw: 3
queue: {keep_acked: soon}
queue: {}
devices:
  - {name: a, kind: scanner, driver: lin, address: "serial:///dev/ttyS0"}
  - {name: a, kind: robot, driver: line, address: "ftp://x"}
  - name: b
    kind: scanner
    driver: line
    address: serial:///dev/ttyS0
    options: {suffixx: cr}
  - {name: p, kind: printer, driver: escpos}
http: {listen: "0.0.0.0:7780"}
data_dir: [a]
`, "TILLD_CLOUD_WINDOW=wide")
	want := []string{
		`environment: TILLD_CLOUD_WINDOW: "wide" does not fit cloud.window; see cloud.window in the configuration's description`,
		`:1: till.till: text is needed here, but 03 is a number or a truth value to YAML; put it in quotes: "03"`,
		`:1: till.store: is missing; write this till's id, for example "03" (letters, digits, _ and -, 1 to 32 of them)`,
		`:2: clod: unknown key; did you mean cloud?`,
		`:5: cloud.url: "http://x" is no MQTT address; write for example mqtts://mqtt.example.com:8883, or "" for no cloud`,
		`:6: cloud.window: wrong type, needs a whole number; write for example 512`,
		`:7: cloud.windw: unknown key; did you mean window?`,
		`:8: queue.keep_acked: "soon" is not a duration; write for example 500ms, 10s, 5m, 2h or 7d`,
		`:9: queue: this key was set on line 8 already; keep one of them`,
		`:11: devices[0].driver: there is no driver "lin"; write one of line`,
		`:12: devices[1].name: "a" is the name of devices[0] already; give each device its own name`,
		`:12: devices[1].kind: "robot" is no kind of device; write one of display, printer, scanner`,
		`:12: devices[1].address: "ftp://x" is no device address; begin with one of serial://, tcp://, usblp://, evdev://, hidraw://, v4l2://, fb://, file://, sim://`,
		`:17: devices[2].options: no option "suffixx"; see the device's description`,
		`:18: devices[3].address: is missing; write for example serial:///dev/ttyACM0?baud=9600 or tcp://192.168.1.87:9100`,
		`:19: http.listen: "0.0.0.0:7780" is not an address of this machine alone; write 127.0.0.1:7780, and use http.lan for the store's network`,
		`:20: data_dir: wrong type, needs text; write for example "…"`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestPrinterProblems(t *testing.T) {
	_, got := load(t, `till: {merchant: a, store: b, till: c}
receipt: {qr_hosts: ["*.example.cn", "https://x.cn"]}
devices:
  - {name: s, kind: scanner, driver: line, address: "serial:///dev/ttyS0", backup: p1}
  - {name: p1, kind: printer, driver: escpos, address: "tcp://10.0.0.1:9100", backup: p2, backup_after: 30s}
  - {name: p2, kind: printer, driver: escpos, address: "tcp://10.0.0.2:9100", backup: p2}
  - {name: p3, kind: printer, driver: escpos, address: "tcp://10.0.0.3:9100", backup: nobody, backup_after: 1s}
  - {name: p4, kind: printer, driver: escpos, address: "tcp://10.0.0.4:9100", backup_after: 1m}
`)
	want := []string{
		`:2: receipt.qr_hosts: "https://x.cn" is no host name; write for example club.example.cn or *.example.cn`,
		`:4: devices[0].backup: only a printer has a backup; remove this line`,
		`:5: devices[1].backup: "p2" has a backup itself; a backup printer has none of its own`,
		`:6: devices[2].backup: there is no other printer "p2"; write the name of another printer`,
		`:7: devices[3].backup: there is no other printer "nobody"; write the name of another printer`,
		`:7: devices[3].backup_after: is out of range; write 10s to 24h`,
		`:8: devices[4].backup_after: has no effect without backup; set backup too, or remove this line`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestDialects(t *testing.T) {
	_, got := load(t, strings.Join([]string{
		"till: {merchant: a, store: b, till: c}",
		"devices:",
		"  - {name: p1, kind: printer, driver: escpos, address: 'tcp://127.0.0.1:9100'}",
		"  - {name: p2, kind: printer, driver: escpos, address: 'tcp://127.0.0.2:9100'}",
		"dialects:",
		"  raw9100: {enabled: true, listen: '127.0.0.1:8068'}",
		"  hwproxy: {enabled: true, allowed_origins: [pos.example.com]}",
		"  epos: {enabled: true, listen: '0.0.0.0:7781', allowed_origins: ['https://Pos.example.com']}",
		"  qz: {enabled: true, listen: [], tls_listen: []}",
	}, "\n"))
	want := []string{
		`:6: dialects.raw9100.listen: 127.0.0.1:8069 is the port of dialects.hwproxy.listen too; write another port`,
		`:7: dialects.hwproxy.allowed_origins: "pos.example.com" is no origin; write for example https://pos.example.com`,
		`:8: dialects.epos.allowed_origins: "https://Pos.example.com" is no origin; write for example https://pos.example.com`,
		`:8: dialects.epos.listen: "0.0.0.0:7781" is not an address of this machine alone; write 127.0.0.1:7781`,
		`:9: dialects.qz.listen: there is no address to listen on; write for example ["127.0.0.1:8182"]`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	_, got = load(t, "till: {merchant: a, store: b, till: c}\ndialects: {raw9100: {enabled: true}}\n")
	if want := []string{`:2: dialects.raw9100.enabled: has no use without a printer under devices; add a printer, or write false`}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSyntaxErrorHasLine(t *testing.T) {
	_, got := load(t, "till: {merchant: acme\ncloud: x\n")
	if len(got) == 0 || !strings.Contains(got[0], "YAML syntax") || !strings.HasPrefix(got[0], ":") {
		t.Errorf("got %q, want a syntax error with its line", got)
	}
}

func TestUnitsRefuse(t *testing.T) {
	for _, s := range []string{"", "d", "-1d", "1w", "-5s", "99999999d"} {
		var d config.Duration
		if d.UnmarshalText([]byte(s)) == nil {
			t.Errorf("duration %q is accepted as %v", s, d.Std())
		}
	}
	for _, s := range []string{"", "-1", "MiB", "1PiB", "9999999999GiB", "1.5GiB"} {
		var n config.Size
		if n.UnmarshalText([]byte(s)) == nil {
			t.Errorf("size %q is accepted as %d", s, n)
		}
	}
	for _, s := range []string{"", ".5", "1.234", "-1", "1,0"} {
		var a config.Amount
		if a.UnmarshalText([]byte(s)) == nil {
			t.Errorf("amount %q is accepted as %d", s, a)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(whole)
	f.Add("till: &a {merchant: *a}")
	f.Add("? [a]\n: b")
	f.Add("--- \n---\n")
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(t.TempDir(), "f.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := config.Load(file, nil, known); err != nil {
			t.Fatal(err)
		}
	})
}

func TestScreenProblems(t *testing.T) {
	const ids = `till: {merchant: acme, store: sh-001, till: "03"}
`
	if c, got := load(t, ids+`screen: {brand: {name: 鲜果时光, color: "#0a7B3f", logo: /etc/tilld/logo.png}, theme: dark, text: large, pay_apps: [wechat, alipay]}`); got != nil || c.Screen.Theme != "dark" || len(c.Screen.PayApps) != 2 {
		t.Errorf("%+v: %q", c.Screen, got)
	}
	if c, got := load(t, ids); got != nil || c.Screen.Theme != "auto" || c.Screen.Text != "normal" {
		t.Errorf("defaults: %+v: %q", c.Screen, got)
	}
	_, got := load(t, ids+`screen:
  theme: pink
  text: huge
  brand: {color: red, logo: logo.png}
  playlist_dir: films
  pay_apps: [paypal]
`)
	want := []string{
		`:3: screen.theme: "pink" is not a choice; write one of auto, light, dark`,
		`:4: screen.text: "huge" is not a choice; write one of normal, large`,
		`:5: screen.brand.color: "red" is no colour; write for example "#17375e", in quotes`,
		`:5: screen.brand.logo: "logo.png" is no whole path; write the path from the root on`,
		`:6: screen.playlist_dir: "films" is no whole path; write the path from the root on`,
		`:7: screen.pay_apps: "paypal" is not a choice; write one of wechat, alipay, unionpay, ecny`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A PIN for a page that is off has no effect, and says so with its line.
func TestCashierPage(t *testing.T) {
	const head = "till: {merchant: acme, store: sh-001, till: \"03\"}\n"
	if c, problems := load(t, head); problems != nil || c.Cashier.Enabled || c.Cashier.PINFile != "" {
		t.Errorf("by default %+v, %q", c.Cashier, problems)
	}
	if c, problems := load(t, head+"cashier: {enabled: true, pin_file: /etc/tilld/pin}\n"); problems != nil || !c.Cashier.Enabled || c.Cashier.PINFile != "/etc/tilld/pin" {
		t.Errorf("on: %+v, %q", c.Cashier, problems)
	}
	if _, problems := load(t, head+"cashier:\n  pin_file: /etc/tilld/pin\n"); len(problems) != 1 || !strings.HasPrefix(problems[0], ":3: cashier.pin_file: has no effect while the cashier page is off") {
		t.Errorf("a PIN alone: %q", problems)
	}
	if _, problems := load(t, head+"cashier: {enable: true}\n"); len(problems) != 1 || !strings.Contains(problems[0], "cashier.enable") {
		t.Errorf("a typo: %q", problems)
	}
}

func TestTooSmallAQueueAndWrongOrigins(t *testing.T) {
	const head = "till: {merchant: acme, store: sh-001, till: \"03\"}\n"
	for text, want := range map[string]string{
		"queue: {max_bytes: 1023KiB, reserve_bytes: 1KiB}\n":            ":2: queue.max_bytes: is too small",
		"dialects: {qz: {enabled: true, allowed_origins: [\"pos\"]}}\n": ":2: dialects.qz.allowed_origins",
	} {
		if _, problems := load(t, head+text); len(problems) == 0 || !strings.HasPrefix(problems[0], want) {
			t.Errorf("%s: %q, want %s", text, problems, want)
		}
	}
}

// Payment without a link needs the till's number, and says so at its key.
func TestOfflineNeedsTheNumber(t *testing.T) {
	const text = "till: {merchant: acme, store: sh-001, till: \"03\"}\npayment:\n  offline: {enabled: %t, url_prefix: HTTPS://P.EXAMPLE.CN/P/, max_amount: \"500.00\"}\n"
	if _, problems := load(t, fmt.Sprintf(text, true)); len(problems) != 1 || !strings.Contains(problems[0], "till.number: is needed for payment.offline; write the number that the till was given at enrolment") {
		t.Errorf("%q", problems)
	}
	if _, problems := load(t, fmt.Sprintf(text, false)); len(problems) != 0 {
		t.Errorf("while it is off: %q", problems)
	}
}

// The short code instead of a proof is off without its key file, and bounded with
// it.
func TestPayCodes(t *testing.T) {
	text := func(more string) string {
		return "till: {merchant: acme, store: sh-001, till: \"03\", number: 7}\npayment:\n  offline: {enabled: true, url_prefix: HTTPS://P.EXAMPLE.CN/P/, max_amount: \"500.00\", max_count: 20" + more + "}\n"
	}
	for more, want := range map[string]string{
		"": "", `, code_key_file: /etc/tilld/codes.json, code_max_amount: "200.00"`: "", `, code_key_file: /k, code_max_amount: "500.00", code_max_count: 20`: "",
		`, code_key_file: /k`:                                              ":3: payment.offline.code_max_amount: is out of range",
		`, code_key_file: /k, code_max_amount: "500.01"`:                   ":3: payment.offline.code_max_amount: is out of range",
		`, code_key_file: /k, code_max_amount: "1.00", code_max_count: 0`:  ":3: payment.offline.code_max_count: is out of range",
		`, code_key_file: /k, code_max_amount: "1.00", code_max_count: 21`: ":3: payment.offline.code_max_count: is out of range",
		`, code_max_amount: "1.00"`:                                        ":3: payment.offline.code_max_amount: has no effect without code_key_file",
	} {
		c, problems := load(t, text(more))
		if want == "" && len(problems) > 0 || want != "" && (len(problems) != 1 || !strings.HasPrefix(problems[0], want)) {
			t.Errorf("%s: %q, want %q", more, problems, want)
		}
		if c.Payment.Offline.CodeMaxCount == 0 && !strings.Contains(more, "count: 0") {
			t.Errorf("%s: no default", more)
		}
	}
}

// A value from the environment that does not do is told by its variable: the
// file is not wrong, and names nobody's mistake.
func TestProblemsOfTheEnvironment(t *testing.T) {
	const file = `till: {merchant: acme, store: sh-001, till: "03"}
cloud: {window: 256}
`
	_, got := load(t, file, "TILLD_CLOUD_URL=http://x", "TILLD_CLOUD_WINDOW=0", "TILLD_TILL_STORE=sh 001", "TILLD_LOG_LEVEL=loud")
	want := []string{
		`environment: TILLD_TILL_STORE: "sh 001" is no id; use letters, digits, _ and -, 1 to 32 of them`,
		`environment: TILLD_LOG_LEVEL: "loud" is not a choice; write one of debug, info, warn, error`,
		`environment: TILLD_CLOUD_URL: "http://x" is no MQTT address; write for example mqtts://mqtt.example.com:8883, or "" for no cloud`,
		`environment: TILLD_CLOUD_WINDOW: is out of range; write 1 to 4096, usually 512`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What the guard tells the agent is no key, and nothing to warn about.
func TestTheGuardsVariablesAreNoKeys(t *testing.T) {
	_, problems, warnings, err := config.Load("", []string{
		"TILLD_TILL_MERCHANT=acme", "TILLD_TILL_STORE=sh-001", "TILLD_TILL_TILL=03",
		"TILLD_GUARD=1", "TILLD_SLOT=a", "TILLD_GUARD_DATA=/var/lib/tilld", "TILLD_GUARD_HEALTH=5m", "TILLD_GUARDS=1",
	}, known)
	if err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
	}
	if len(warnings) != 1 || warnings[0].Key != "TILLD_GUARDS" {
		t.Errorf("warnings: %v", warnings)
	}
}

// A port that there is not is found before the agent tries to listen on it.
func TestPorts(t *testing.T) {
	for _, tt := range []struct {
		http, want string
	}{
		{`{listen: "127.0.0.1:99999"}`, `:2: http.listen: "127.0.0.1:99999" is not address:port; write for example 127.0.0.1:7780`},
		{`{listen: "127.0.0.1:"}`, `:2: http.listen: "127.0.0.1:" is not address:port; write for example 127.0.0.1:7780`},
		{`{listen: "[::1]:0"}`, ""},
		{`{lan: {listen: "7443", tls_cert: c, tls_key: k, pin_file: p}}`, `:2: http.lan.listen: "7443" is not address:port; write for example :7443`},
		{`{lan: {listen: ":70000", tls_cert: c, tls_key: k, pin_file: p}}`, `:2: http.lan.listen: ":70000" is not address:port; write for example :7443`},
		{`{lan: {listen: ":7443", tls_cert: c, tls_key: k, pin_file: p}}`, ""},
	} {
		_, got := load(t, "till: {merchant: acme, store: sh-001, till: \"03\"}\nhttp: "+tt.http+"\n")
		if strings.Join(got, "\n") != tt.want {
			t.Errorf("%s: %q", tt.http, got)
		}
	}
}

// Editors on Windows save with a byte order mark, or in the encoding of the
// country: the first means nothing, the second would garble names and receipts.
func TestEncodings(t *testing.T) {
	c, got := load(t, "\ufeff"+whole)
	if len(got) > 0 || c.Receipt.QR[0].Title != "加入社群" {
		t.Errorf("with a byte order mark: %q", got)
	}
	gbk := strings.Replace(whole, "加入社群", "\xbc\xd3\xc8\xeb\xc9\xe7\xc8\xba", 1)
	if _, got = load(t, gbk); !slices.Equal(got, []string{":7: is not UTF-8 text; save the file as UTF-8"}) {
		t.Errorf("in GBK: %q", got)
	}
	if _, got = load(t, "# \xbc\xd3\xc8\xeb\n"+whole+"# \xc9\xe7\n"); len(got) > 0 {
		t.Errorf("comments in GBK: %q", got)
	}
	if _, got = load(t, "\xff\xfet\x00i\x00"); !slices.Equal(got, []string{":1: is not UTF-8 text; save the file as UTF-8"}) {
		t.Errorf("in UTF-16: %q", got)
	}
}

// A window that never opens is worth a word.
func TestAWindowThatNeverOpens(t *testing.T) {
	for window, want := range map[string]int{"03:00-03:00": 1, "23:00-01:00": 0, "02:00-05:00": 0} {
		file := filepath.Join(t.TempDir(), "tilld.yaml")
		if err := os.WriteFile(file, []byte(whole+"firmware: {window: \""+window+"\"}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, problems, warnings, err := config.Load(file, nil, known)
		if err != nil || len(problems) > 0 || len(warnings) != want {
			t.Errorf("%s: %v, %v, %v", window, problems, warnings, err)
		}
	}
}
