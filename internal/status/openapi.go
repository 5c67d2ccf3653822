package status

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tilld/internal/feed"
	"tilld/internal/sale"
)

// everyCode is what any row but the local ones may answer with.
var everyCode = []string{codeUnauthorized, codeScope, codeTooMany, codeForeign, codeWrongHost, codeInternal, codeStorage}

// bodyCodes is what any row that reads a body may answer with besides.
var bodyCodes = []string{codeInvalidJSON, codeUnknownField, codeMediaType, codeTooLarge, codeTimeout}

// document writes the route table as OpenAPI 3.1.
func document(rows []route, version string) ([]byte, error) {
	in, out := newRegistry("Input"), newRegistry("")
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "tilld local API", Version: orDev(version),
			Description: "What a POS application and store IT can ask of one till. Money is integers in minor units of the till's currency, quantities are decimal strings, times RFC 3339 with zone. See docs/api.md.",
		},
		Servers: []*huma.Server{{URL: "/"}},
		Paths:   map[string]*huma.PathItem{},
	}
	problemRef := out.Schema(reflect.TypeFor[Problem](), true, "")
	for _, r := range rows {
		path := r.public()
		item := doc.Paths[path]
		if item == nil {
			item = &huma.PathItem{}
			doc.Paths[path] = item
		}
		op := operation(r, in, out, problemRef)
		switch r.method {
		case "GET":
			item.Get = op
		case "POST":
			item.Post = op
		case "PUT":
			item.Put = op
		case "PATCH":
			item.Patch = op
		case "DELETE":
			item.Delete = op
		default:
			return nil, fmt.Errorf("status: method %s of %s is not documented", r.method, r.path)
		}
	}
	schemas := tidy(out, false)
	for name, s := range tidy(in, true) {
		schemas[name] = s
	}
	doc.Components = &huma.Components{
		SecuritySchemes: map[string]*huma.SecurityScheme{
			"token": {Type: "http", Scheme: "bearer", Description: "The file api-token in the data directory."},
			"page":  {Type: "apiKey", In: "cookie", Name: "tilld_{port}", Description: "The status page's own cookie."},
		},
	}
	body, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	return withSchemas(body, schemas)
}

// withSchemas puts the schemas of both registries into the document.
func withSchemas(body []byte, schemas map[string]*huma.Schema) ([]byte, error) {
	var tree map[string]any
	if err := json.Unmarshal(body, &tree); err != nil {
		return nil, err
	}
	tree["components"].(map[string]any)["schemas"] = schemas
	return json.Marshal(tree)
}

var openPath = regexp.MustCompile(`\{(\w+)\.\.\.\}`)

func orDev(v string) string {
	if v == "" {
		return "dev"
	}
	return v
}

func operation(r route, in, out huma.Registry, problemRef *huma.Schema) *huma.Operation {
	op := &huma.Operation{
		OperationID: r.id, Summary: r.summary, Tags: []string{r.tag},
		Responses: map[string]*huma.Response{}, Parameters: params(r, in),
	}
	codes := slices.Clone(r.codes)
	switch r.access {
	case byLocal:
		op.Security = []map[string][]string{}
		codes = append(codes, codeNotLocal, codeForeign, codeWrongHost, codeInternal)
	default:
		op.Security = []map[string][]string{{"token": {}}, {"page": {}}}
		codes = append(codes, everyCode...)
	}
	if r.body != nil {
		codes = append(codes, bodyCodes...)
		schema := in.Schema(reflect.TypeOf(r.body), true, r.id)
		if s := in.SchemaFromRef(schema.Ref); s != nil {
			s.Required = r.needs
		}
		op.RequestBody = &huma.RequestBody{
			Required: len(r.needs) > 0,
			Content:  map[string]*huma.MediaType{"application/json": {Schema: schema}},
		}
	}
	if len(r.query) > 0 || r.effect() { // a query, or the header Idempotency-Key
		codes = append(codes, sale.CodeInvalid)
	}
	if len(r.query) > 0 || r.access != byLocal {
		codes = append(codes, codeUnknownField)
	}
	op.Responses[strconv.Itoa(r.status)] = &huma.Response{Description: "Done", Content: success(r, out)}
	if r.created {
		op.Responses["201"] = &huma.Response{Description: "Something new was made", Content: success(r, out)}
	}
	if new := op.Responses["201"]; new != nil && r.made.under != "" {
		new.Headers = map[string]*huma.Param{"Location": {Description: "Where it is: " + r.made.under + "{" + r.made.key + "}", Schema: &huma.Schema{Type: "string"}}}
	}
	if r.id == "readyz" {
		op.Responses["503"] = &huma.Response{Description: "Not able to sell", Content: success(r, out)}
	}
	if strings.HasPrefix(r.path, "/screen/{") {
		op.Responses["404"] = &huma.Response{Description: "A page that says so", Content: success(r, out)}
	}
	byStatus := map[string][]string{}
	for _, code := range codes {
		s := strconv.Itoa(statusOf[code])
		if !slices.Contains(byStatus[s], code) {
			byStatus[s] = append(byStatus[s], code)
		}
	}
	for status, codes := range byStatus {
		slices.Sort(codes)
		op.Responses[status] = &huma.Response{
			Description: strings.Join(codes, ", "),
			Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: problemRef}},
		}
	}
	return op
}

func success(r route, out huma.Registry) map[string]*huma.MediaType {
	switch {
	case r.answer != nil:
		return map[string]*huma.MediaType{"application/json": {Schema: out.Schema(reflect.TypeOf(r.answer), true, r.id)}}
	case r.media == "text/event-stream":
		return map[string]*huma.MediaType{r.media: {Schema: &huma.Schema{
			Type:        "string",
			Description: "Frames of event, id and data; events: " + strings.Join([]string{feed.Scan, feed.Sale, feed.Scene, feed.Print, feed.Device, feed.Link, feed.Condition}, " "),
		}}}
	case r.media != "":
		return map[string]*huma.MediaType{r.media: {Schema: &huma.Schema{Type: "string"}}}
	}
	return nil
}

var pathParam = regexp.MustCompile(`\{(\w+)\}`)

func params(r route, in huma.Registry) []*huma.Param {
	var list []*huma.Param
	for _, m := range pathParam.FindAllStringSubmatch(r.public(), -1) {
		schema := &huma.Schema{Type: "string"}
		if m[1] == "line" || m[1] == "seq" {
			schema = &huma.Schema{Type: "integer"}
		}
		list = append(list, &huma.Param{Name: m[1], In: "path", Required: true, Schema: schema})
	}
	for _, q := range r.query {
		list = append(list, &huma.Param{Name: q.name, In: "query", Description: q.text, Schema: in.Schema(reflect.TypeOf(q.sample), true, q.name)})
	}
	if r.effect() {
		list = append(list, &huma.Param{Name: "Idempotency-Key", In: "header", Description: "The same key gives the same answer, also after a restart: 1 to 255 visible ASCII characters.", Schema: &huma.Schema{Type: "string"}})
	}
	return append(list, &huma.Param{Name: "Accept-Language", In: "header", Description: "zh-CN or en, for text meant for people", Schema: &huma.Schema{Type: "string"}})
}
