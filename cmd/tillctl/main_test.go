package main

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// answers are what the agent says in these tests.
var answers = map[string]string{
	"GET /v1/status": `{"till":{"merchant":"acme","store":"sh-001","till":"03"},"version":"1.4.0","started_at":"2026-11-24T08:00:00Z",
		"link":{"state":"up","since":"2026-11-24T08:00:00Z","broker":"mqtts://b:8883","error":""},
		"mall":{"state":"down","since":"2026-11-24T08:00:00Z","broker":"mqtts://mall:8883","error":"refused","depth":9,"oldest_seconds":60,"acked_seq":4},
		"queue":{"depth":3,"oldest_seconds":12.4,"bytes":4096,"limit":2147483648,"last_seq":45,"acked_seq":42,"dead":1,"epoch":"00ff"},
		"devices":[{"name":"pole-1","kind":"display","driver":"cd5220","address":"serial:///dev/ttyUSB1","state":"absent","since":"2026-11-24T08:00:00Z","hint":"plug it in\u001b[31m"}],
		"conditions":[{"code":"device_absent","severity":"warning","text":"pole-1 is absent","remedy":"plug it in"}],
		"clock":{"offset_ms":-12,"trusted":true}}`,
	"GET /v1/devices":                     `{"devices":[{"name":"pole-1","driver":"cd5220","state":"ready","since":"2026-11-24T08:00:00Z"}]}`,
	"POST /v1/devices/pole-1/test":        `{"name":"pole-1","ok":true}`,
	"GET /v1/queue/dead":                  `{"records":[{"id":1,"sequence":7,"bucket":"outbox","reason":"checksum","data":"/w=="}]}`,
	"GET /v1/journal":                     `{"events":[{"id":"e-1"},{"id":"e-2"}],"next":2}`,
	"GET /v1/sales":                       `{"sales":[{"id":"01J","number":4,"state":"closed","total":1250,"currency":"CNY","opened_at":"2026-11-24T08:00:00Z","receipt":{"job_id":"01J/receipt","outcome":"confirmed"}}],"next":""}`,
	"GET /v1/print/01J/receipt":           `{"job_id":"01J/receipt","outcome":"confirmed","evidence":"in_order"}`,
	"POST /v1/sales/01J/reprint":          `{"job_id":"01J/receipt/copy-1","outcome":"queued"}`,
	"POST /v1/devices/pole-1/trace/start": `{"device":"pole-1","on":true}`,
	"GET /v1/devices/pole-1/trace":        "> 1b40\n",
	"GET /v1/detect":                      `{"found":[{"name":"POS80","config":"- {name: printer-1, kind: printer}   # POS80"}]}`,
	"GET /readyz":                         `{"ready":true}`,
	"GET /metrics":                        "tilld_queue_depth 3\n",
	"GET /openapi.json":                   `{}`,
	"GET /v1/events":                      "event: scene\nid: 0\ndata: {\"picture\":\"" + strings.Repeat("x", 2<<20) + "\"}\n\nevent: sale\nid: 1\ndata: {\"id\":\"01J\"}\n\n",
}

// ctl runs tillctl against an agent that says answers.
func ctl(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer s3cret" {
			w.WriteHeader(http.StatusUnauthorized)
			io.WriteString(w, `{"detail":"the token is wrong","code":"unauthorized"}`)
			return
		}
		text, ok := answers[r.Method+" "+r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, `{"detail":"no such thing","code":"not_found"}`)
			return
		}
		if rest, down := strings.CutPrefix(text, "503"); down {
			w.WriteHeader(http.StatusServiceUnavailable)
			text = rest
		}
		io.WriteString(w, text)
	}))
	defer agent.Close()
	token := filepath.Join(t.TempDir(), "api-token")
	if err := os.WriteFile(token, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LANG", "en_GB.UTF-8")
	var stdout, stderr bytes.Buffer
	code = run(append([]string{"--url", agent.URL, "--token-file", token}, args...), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestCommands(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{"status"}, []string{"acme/sh-001/03, tilld 1.4.0", "3 waiting, oldest 12 s, last 45, acked 42, set aside 1", "-12 ms, trusted", "mqtts://mall:8883, 9 waiting, oldest 60 s, acked 4 refused", "pole-1  cd5220  absent", "warning: pole-1 is absent. plug it in"}},
		{[]string{"devices"}, []string{"pole-1  cd5220  ready"}},
		{[]string{"test", "pole-1"}, []string{"pole-1: test done"}},
		{[]string{"trace", "pole-1", "start"}, []string{"pole-1: recording true"}},
		{[]string{"trace", "pole-1"}, []string{"> 1b40"}},
		{[]string{"detect"}, []string{"  - {name: printer-1, kind: printer}   # POS80\n"}},
		{[]string{"queue"}, []string{"epoch 00ff", "waiting 3"}},
		{[]string{"queue", "--dead"}, []string{"7 outbox: checksum (1 bytes)"}},
		{[]string{"journal"}, []string{"{\"id\":\"e-1\"}\n{\"id\":\"e-2\"}\n"}},
		{[]string{"sales"}, []string{"01J  4  closed  1250 CNY", "receipt confirmed"}},
		{[]string{"receipt", "01J"}, []string{"01J/receipt: confirmed in_order"}},
		{[]string{"receipt", "01J", "--reprint"}, []string{"01J/receipt/copy-1: queued"}},
		{[]string{"watch"}, []string{`sale       {"id":"01J"}`}},
		{[]string{"queue", "--json"}, []string{`{"depth":3,`}},
		{[]string{"--json", "watch"}, []string{`{"event":"sale","data":{"id":"01J"}}`}},
	} {
		code, out, errs := ctl(t, tt.args...)
		if code != 0 {
			t.Errorf("%v: exit %d: %s", tt.args, code, errs)
		}
		for _, want := range tt.want {
			if !strings.Contains(out, want) {
				t.Errorf("%v: no %q in\n%s", tt.args, want, out)
			}
		}
		if strings.Contains(out, "\x1b") {
			t.Errorf("%v: outside text reaches the terminal as commands: %q", tt.args, out)
		}
	}
}

func TestTrouble(t *testing.T) {
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"test", "nothing"}, 1, "no such thing (not_found)"},
		{[]string{"update"}, 1, "no such thing (not_found)"},
		{[]string{"frobnicate"}, 2, "unexpected argument frobnicate"},
		{[]string{"--url", "http://127.0.0.1:1", "status"}, 1, "no agent answers"},
		{[]string{"--url", "127.0.0.1:1", "status"}, 1, "no agent answers"},
		{[]string{"--token-file", "/nonexistent", "status"}, 1, "the API token cannot be read"},
	} {
		if code, _, errs := ctl(t, tt.args...); code != tt.code || !strings.Contains(errs, tt.want) {
			t.Errorf("%v: exit %d, %q; want %d, %q", tt.args, code, errs, tt.code, tt.want)
		}
	}
}

// A bundle holds what can be had and says what cannot.
func TestSupportBundle(t *testing.T) {
	file := filepath.Join(t.TempDir(), "b.zip")
	if code, _, errs := ctl(t, "support-bundle", "-o", file); code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var names []string
	for _, f := range z.File {
		names = append(names, f.Name)
	}
	got := strings.Join(names, " ")
	if want := "status.json devices.json detect.json readyz.json metrics.txt update.json.missing.txt log.jsonl.missing.txt openapi.json"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if code, _, errs := ctl(t, "support-bundle", "-o", file); code != 1 || !strings.Contains(errs, "is not written over: name another file with --out") {
		t.Errorf("an old bundle: exit %d: %s", code, errs)
	}
}

// Bundles made within one second do not stand in each other's way.
func TestSupportBundlesAtOnce(t *testing.T) {
	t.Chdir(t.TempDir())
	made := map[string]bool{}
	for range 5 {
		code, out, errs := ctl(t, "support-bundle")
		if code != 0 {
			t.Fatalf("exit %d: %s", code, errs)
		}
		made[strings.TrimSpace(out)] = true
	}
	if code, out, _ := ctl(t, "--json", "support-bundle"); code != 0 || !strings.HasPrefix(out, `{"file":"tilld-support-`) {
		t.Errorf("exit %d: %s", code, out)
	}
	if len(made) != 5 {
		t.Errorf("made %v", made)
	}
	files, err := filepath.Glob("tilld-support-*.zip")
	if err != nil || len(files) != 6 {
		t.Errorf("%v, %v", files, err)
	}
}

// Why a till cannot sell is what a bundle is for.
func TestBundleOfTillThatCannotSell(t *testing.T) {
	old := answers["GET /readyz"]
	defer func() { answers["GET /readyz"] = old }()
	answers["GET /readyz"] = `503{"ready":false,"reasons":["the disk is full"]}`
	file := filepath.Join(t.TempDir(), "b.zip")
	if code, _, errs := ctl(t, "support-bundle", "-o", file); code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	f, err := z.Open("readyz.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if text, err := io.ReadAll(f); err != nil || !strings.Contains(string(text), "the disk is full") {
		t.Errorf("%s, %v", text, err)
	}
}
