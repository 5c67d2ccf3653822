package status

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
)

// anyRow are answers that are made before a row's own work, or by the same few
// lines for all rows: one row stands for all.
var anyRow = map[string]string{
	"408": "a body that does not come, see TestSlowBody",
	"429": "wrong tokens, counted over all rows",
	"500": "a bug, or a disk that cannot be read",
	"503": "a device, the cloud or the store that is not there now",
	"507": "no room, see the engine's tests",
}

// elsewhere are documented answers that no test of this package gets, and why.
var elsewhere = map[string]string{
	"GET /page/events 200":                    "a stream: TestEventsResume reads it with a client of its own",
	"GET /page/events 422":                    "as of /v1/events, one handler",
	"GET /v1/events 200":                      "a stream: TestEventsResume reads it with a client of its own",
	"GET /v1/detect 404":                      "a build without it; tilld has it",
	"GET /v1/journal 404":                     "a build without it; tilld has it",
	"GET /v1/journal/epochs 404":              "a build without it; tilld has it",
	"GET /v1/log 404":                         "a build without it; tilld has it",
	"GET /v1/queue/dead 404":                  "a build without it; tilld has it",
	"GET /v1/update 404":                      "a build without it; tilld has it",
	"GET /v1/devices/{name}/trace 404":        "recordings are cmd/tilld's, see its trace_test.go",
	"GET /v1/devices/{name}/trace 409":        "recordings are cmd/tilld's, see its trace_test.go",
	"POST /v1/devices/{name}/trace/start 404": "recordings are cmd/tilld's, see its trace_test.go",
	"POST /v1/devices/{name}/trace/start 409": "recordings are cmd/tilld's, see its trace_test.go",
	"POST /v1/devices/{name}/trace/stop 404":  "recordings are cmd/tilld's, see its trace_test.go",
	"POST /v1/devices/{name}/trace/stop 409":  "recordings are cmd/tilld's, see its trace_test.go",
}

// answers notes which answers of the table's rows the tests of this package get:
// what the document promises and nothing ever answers is no truth either.
var answers = recorder{seen: map[string]bool{}}

type recorder struct {
	mu   sync.Mutex
	seen map[string]bool // "GET /v1/sales/{id} 404"
	mux  *http.ServeMux
	rows []route
}

// watch has what the tests' clients ask noted.
func (r *recorder) watch() {
	r.rows = (&Server{}).table()
	r.mux = http.NewServeMux()
	for _, row := range r.rows {
		r.mux.HandleFunc(row.method+" "+row.path, func(http.ResponseWriter, *http.Request) {})
	}
	http.DefaultTransport = noting{http.DefaultTransport.(*http.Transport)}
}

type noting struct{ *http.Transport }

func (n noting) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := n.Transport.RoundTrip(req)
	if err == nil {
		answers.note(req, resp.StatusCode)
	}
	return resp, err
}

func (r *recorder) note(req *http.Request, status int) {
	_, pattern := r.mux.Handler(req)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, row := range r.rows {
		if row.method+" "+row.path == pattern {
			r.seen[fmt.Sprintf("%s %s %d", row.method, row.public(), status)] = true
		}
	}
}

// judge fails a whole run of the package's tests in which a documented answer was
// not got and is not among the exceptions, or an exception is none.
func (r *recorder) judge(code int) int {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return code
		}
	}
	if code != 0 {
		return code
	}
	for _, line := range r.unreached() {
		fmt.Fprintln(os.Stderr, "openapi:", line)
		code = 1
	}
	return code
}

func (r *recorder) unreached() (list []string) {
	var s spec
	doc, err := document(r.rows, "")
	if err == nil {
		err = json.Unmarshal(doc, &s)
	}
	if err != nil {
		return []string{err.Error()}
	}
	once, documented := map[string]bool{}, map[string]bool{}
	for path, ops := range s.Paths {
		for method, op := range ops {
			for status := range op.Responses {
				at := strings.ToUpper(method) + " " + path + " " + status
				documented[at] = true
				once[status] = once[status] || r.seen[at]
				if _, excepted := elsewhere[at]; !r.seen[at] && !excepted && anyRow[status] == "" {
					list = append(list, at+": documented, and no test gets it")
				}
			}
		}
	}
	for status := range anyRow {
		if !once[status] {
			list = append(list, status+": no test gets it of any row")
		}
	}
	for at := range elsewhere {
		if r.seen[at] || !documented[at] {
			list = append(list, at+": is no exception any more")
		}
	}
	slices.Sort(list)
	return list
}
