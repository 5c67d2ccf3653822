package status

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"tilld/internal/till"
)

// bodies that each row accepts; rows without one take {}.
var goodBodies = map[string]string{
	"openSale": `{"external_id":"x","items":[{"sku":"tea","name":"茶","unit_price":1250}]}`, "addItem": `{"code":"6901234567892"}`, "changeItem": `{"quantity":"2"}`,
	"pay": `{"method":"qr"}`, "voidSale": `{"reason":"r"}`, "refundSale": `{"reason":"r"}`, "print": `{"job_id":"j","markup":"x"}`,
	"putScreen": `{"scene":{"kind":"message","title":"Hi","lines":[{"name":"a","quantity":"1","total":1}]}}`, "openDrawer": `{"reason":"r"}`, "scanCode": `{"code":"69"}`, "refundOther": `{"code":"05-20261124-0009","reason":"r"}`, "signIn": `{"badge":"b"}`, "closeShift": `{"counted":1}`,
}

type spec struct {
	Paths map[string]map[string]struct {
		OperationID string `json:"operationId"`
		RequestBody struct {
			Content map[string]struct {
				Schema json.RawMessage `json:"schema"`
			} `json:"content"`
		} `json:"requestBody"`
		Responses map[string]struct {
			Description string `json:"description"`
			Content     map[string]struct {
				Schema json.RawMessage `json:"schema"`
			} `json:"content"`
		} `json:"responses"`
	} `json:"paths"`
}

// checker validates against schemas of the published document.
type checker struct {
	t        *testing.T
	compiler *jsonschema.Compiler
	spec     spec
	n        int
}

func newChecker(t *testing.T, doc string) *checker {
	t.Helper()
	c := &checker{t: t, compiler: jsonschema.NewCompiler()}
	if err := json.Unmarshal([]byte(doc), &c.spec); err != nil {
		t.Fatal(err)
	}
	tree, err := jsonschema.UnmarshalJSON(strings.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	if err := c.compiler.AddResource("http://till/openapi.json", tree); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *checker) check(what string, schema json.RawMessage, body string) {
	c.t.Helper()
	text := strings.ReplaceAll(string(schema), `"#/components/`, `"http://till/openapi.json#/components/`)
	tree, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		c.t.Fatalf("%s: %v", what, err)
	}
	c.n++
	url := fmt.Sprintf("http://till/%d.json", c.n)
	if err := c.compiler.AddResource(url, tree); err != nil {
		c.t.Fatal(err)
	}
	sch, err := c.compiler.Compile(url)
	if err != nil {
		c.t.Fatalf("%s: %v", what, err)
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		c.t.Fatalf("%s: %v: %s", what, err, body)
	}
	if err := sch.Validate(v); err != nil {
		c.t.Errorf("%s: %v\n%s", what, err, body)
	}
}

// The published document is true: every row is in it, what each row answers, in
// success and failure, fits its schema, and what each row takes fits too.
func TestSpecIsTrue(t *testing.T) {
	b := newBench(t)
	doc := b.want(t, "GET", "/openapi.json", "", 200, "", "", "Authorization", "")
	c := newChecker(t, doc)
	for _, r := range b.routes {
		path := r.public()
		op, ok := c.spec.Paths[path][strings.ToLower(r.method)]
		if !ok || op.OperationID != r.id {
			t.Errorf("%s %s is not documented as %s", r.method, path, r.id)
			continue
		}
		if r.media == "text/event-stream" || r.tag == "page" {
			continue
		}
		body := ""
		if r.body != nil {
			if body = goodBodies[r.id]; body == "" {
				body = "{}"
			}
			c.check(r.id+" body", op.RequestBody.Content["application/json"].Schema, body)
		}
		resp, answer := b.ask(t, r.method, concrete(r.path), body)
		said, ok := op.Responses[fmt.Sprint(resp.StatusCode)]
		if !ok || resp.StatusCode >= 300 {
			t.Errorf("%s answers %d: %s", r.id, resp.StatusCode, answer)
			continue
		}
		if r.answer != nil {
			c.check(r.id+" answer", said.Content["application/json"].Schema, answer)
		}
		for _, headers := range [][]string{{"Authorization", ""}, {"Host", "evil.test"}, {"Origin", "http://evil.test"}, {"Content-Type", "text/plain"}, {"Idempotency-Key", "\t"}} {
			resp, answer := b.ask(t, r.method, concrete(r.path), body, headers...)
			if resp.StatusCode < 400 {
				continue
			}
			said, ok := op.Responses[fmt.Sprint(resp.StatusCode)]
			if !ok {
				t.Errorf("%s answers %d, which is not documented: %s", r.id, resp.StatusCode, answer)
				continue
			}
			c.check(r.id+" problem", said.Content["application/problem+json"].Schema, answer)
		}
		for _, code := range r.codes {
			b.engine.answer = refusing(code)
			if said, ok := op.Responses[fmt.Sprint(statusOf[code])]; !ok || !strings.Contains(said.Description, code) {
				t.Errorf("%s: problem %s is not documented", r.id, code)
			}
			b.engine.answer = nil
		}
	}
}

// Mistakes that can be made with any call are documented at each, by their code.
func TestMistakesAreDocumented(t *testing.T) {
	b := newBench(t)
	c := newChecker(t, b.want(t, "GET", "/openapi.json", "", 200, "", "", "Authorization", ""))
	for _, r := range b.routes {
		if r.media == "text/event-stream" {
			continue
		}
		op := c.spec.Paths[r.public()][strings.ToLower(r.method)]
		body := ""
		if r.body != nil {
			body = "{}"
		}
		for query, headers := range map[string][]string{"?no_such=1": nil, "": {"Idempotency-Key", "not one word"}} {
			resp, answer := b.ask(t, r.method, concrete(r.path)+query, body, headers...)
			if resp.StatusCode < 400 {
				continue
			}
			var p Problem
			if err := json.Unmarshal([]byte(answer), &p); err != nil {
				t.Errorf("%s: %v: %s", r.id, err, answer)
			}
			if said := op.Responses[fmt.Sprint(resp.StatusCode)]; !strings.Contains(said.Description, p.Code) {
				t.Errorf("%s answers %d %s, documented is %q", r.id, resp.StatusCode, p.Code, said.Description)
			}
		}
	}
}

// Each problem code of the till and of the HTTP side has a status, and
// docs/api.md lists it with that status.
func TestCodesAreListed(t *testing.T) {
	source, err := os.ReadFile("../sale/problem.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`Code\w+\s+= "(\w+)"`).FindAllSubmatch(source, -1) {
		if statusOf[string(m[1])] == 0 {
			t.Errorf("problem %s has no HTTP status", m[1])
		}
	}
	doc, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	for code, status := range statusOf {
		if !bytes.Contains(doc, fmt.Appendf(nil, "| `%s` | %d |", code, status)) {
			t.Errorf("docs/api.md does not list | `%s` | %d |", code, status)
		}
	}
	for _, r := range (&Server{}).table() {
		if r.tag == "page" || r.tag == "health" && r.id == "openapi" {
			continue
		}
		row := r.method + " " + r.public() + "`"
		if !bytes.Contains(doc, []byte("`"+row)) {
			t.Errorf("docs/api.md does not list %s", row)
		}
	}
}

func refusing(code string) func(any) (till.Answer, error) {
	return func(any) (till.Answer, error) { return till.Answer{}, problem(code, "", "不行", "no") }
}

// Every problem of the engine reaches the caller with its status, field and the
// language that was asked for.
func TestProblems(t *testing.T) {
	b := newBench(t)
	for code, status := range statusOf {
		b.engine.answer = refusing(code)
		en := b.want(t, "POST", "/v1/sales/S/park", "", status, code, "", "Accept-Language", "en-GB,en;q=0.9")
		zh := b.want(t, "POST", "/v1/sales/S/park", "", status, code, "", "Accept-Language", "zh")
		other := b.want(t, "POST", "/v1/sales/S/park", "", status, code, "", "Accept-Language", "fr")
		if !strings.Contains(en, `"detail":"no"`) || !strings.Contains(zh, `"detail":"不行"`) || other != zh {
			t.Errorf("%s: en %s zh %s fr %s", code, en, zh, other)
		}
	}
	b.engine.answer = failing
	if body := b.want(t, "POST", "/v1/sales/S/park", "", 500, codeInternal, ""); strings.Contains(body, "fire") {
		t.Errorf("the cause is told: %s", body)
	}
}

func TestReadiness(t *testing.T) {
	b := newBench(t)
	if got := b.want(t, "GET", "/readyz", "", 200, "", "", "Authorization", ""); got != `{"ready":true,"reasons":[]}` {
		t.Errorf("ready: %s", got)
	}
	b.engine.mu.Lock()
	b.engine.ready = []string{"queue: full"}
	b.engine.mu.Unlock()
	if got := b.want(t, "GET", "/readyz", "", 503, "", ""); got != `{"ready":false,"reasons":["queue: full"]}` {
		t.Errorf("not ready: %s", got)
	}
	b.want(t, "GET", "/healthz", "", 200, "", "", "Authorization", "")
	resp, page := b.ask(t, "GET", "/", "", "Authorization", "", "Accept-Language", "en")
	if resp.StatusCode != http.StatusOK || !strings.Contains(page, "queue: full") || !strings.Contains(page, "Not able to sell") {
		t.Errorf("the page does not say why: %d", resp.StatusCode)
	}
}

func TestCallsAreFingerprinted(t *testing.T) {
	b := newBench(t)
	var prints []string
	for _, r := range [][2]string{{"/v1/sales/A/pay", `{"method":"cash"}`}, {"/v1/sales/A/pay", `{"method":"cash","amount":1}`}, {"/v1/sales/B/pay", `{"method":"cash"}`}, {"/v1/sales/A/pay", `{"method":"cash"}`}} {
		b.want(t, "POST", r[0], r[1], 200, "", "", "Idempotency-Key", "k")
		call, _ := b.engine.last()
		prints = append(prints, call.Fingerprint)
	}
	if prints[0] != prints[3] || len(slices.Compact(slices.Sorted(slices.Values(prints)))) != 3 {
		t.Errorf("fingerprints %v", prints)
	}
}
