package status

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tilld/internal/lang"
	"tilld/internal/sale"
	"tilld/internal/till"
)

//go:embed page
var pageFiles embed.FS

// pageEvery is how often an open page hears what has changed.
const pageEvery = time.Second

// sections of the page that are replaced when their HTML changes.
var sections = []string{"verdict", "conditions", "devices", "link", "queue", "about", "updates", "sales"}

// view is what the templates see.
type view struct {
	Lang, Other lang.Tag
	till.Status
	Ready   bool
	Reasons []string
	Worst   string
	Sales   []saleRow
	Full    bool // signed in with the token
	Screen  bool
	Cashier bool        // the cashier page is there
	Updates *updateView // nil when unknown
	zone    *time.Location
}

// saleRow is one of the last sales, without anything personal.
type saleRow struct {
	ID             string
	Number         int
	At             time.Time
	State, Outcome string
	Total          string
	Tenders        string
	Refunds        []paperRef
}

// paperRef is a refund that has a receipt.
type paperRef struct {
	ID     string
	Number int
}

// lastSales is how many sales the page lists.
const lastSales = 10

func (s *Server) look(tag lang.Tag) view {
	v := view{Lang: tag, Other: lang.EN, Status: s.status(tag), Screen: s.o.Screen != nil, Cashier: s.o.Cashier.Enabled, Updates: s.updates()}
	if tag == lang.EN {
		v.Other = lang.ZH
	}
	var err error
	if v.zone, err = time.LoadLocation(v.Till.Timezone); err != nil {
		v.zone = time.Local
	}
	v.Ready, v.Reasons = s.o.Engine.Ready()
	for _, c := range v.Conditions {
		v.Worst = string(c.Severity) // the list is worst first
		break
	}
	list, _, err := s.o.Engine.Sales(till.Filter{Limit: lastSales})
	if err != nil {
		s.log.Debug("last sales for the page", "err", err)
	}
	for _, one := range list {
		v.Sales = append(v.Sales, v.row(one))
	}
	return v
}

func (v view) row(one sale.Sale) saleRow {
	r := saleRow{ID: one.ID, Number: one.Number, At: one.OpenedAt, State: string(one.State), Total: one.Total.Decimal(one.Currency)}
	if one.ClosedAt != nil {
		r.At = *one.ClosedAt
	}
	if one.Receipt != nil {
		r.Outcome = one.Receipt.Outcome
	}
	for _, back := range one.Refunds {
		if back.Number > 0 {
			r.Refunds = append(r.Refunds, paperRef{back.ID, back.Number})
		}
	}
	var names []string
	for _, t := range one.Tenders {
		names = append(names, word(v.Lang, "tender."+t.Method, t.Method))
	}
	r.Tenders = strings.Join(names, ", ")
	return r
}

// Level is how the till is doing as a whole: good, warn or bad.
func (v view) Level() string {
	switch {
	case !v.Ready:
		return "bad"
	case v.Worst == "error" || v.Worst == "warning":
		return "warn"
	}
	return "good"
}

func (v view) T(key string) string { return word(v.Lang, key, key) }

// W is a word of a closed set: {{.W "device" .State}}.
func (v view) W(set string, value any) string {
	s := fmt.Sprint(value)
	return word(v.Lang, set+"."+s, s)
}

// Has reports whether there is a label.
func (v view) Has(set string, value any) bool {
	_, ok := words[set+"."+fmt.Sprint(value)]
	return ok
}

// When is a moment in the till's zone; the module turns it into "3 min ago".
func (v view) When(t time.Time) template.HTML {
	if t.IsZero() {
		return "–"
	}
	at := t.In(v.zone)
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s</time>`, at.Format(time.RFC3339), at.Format("01-02 15:04:05")))
}

func (v view) Bytes(n int64) string {
	switch {
	case n >= 1<<30:
		return strconv.FormatFloat(float64(n)/(1<<30), 'f', 1, 64) + " GiB"
	case n >= 1<<20:
		return strconv.FormatFloat(float64(n)/(1<<20), 'f', 1, 64) + " MiB"
	default:
		return strconv.FormatInt(n>>10, 10) + " KiB"
	}
}

// Age is a number of seconds as "42 s", "7 min", "3 h", "2 d".
func (v view) Age(seconds float64) string {
	unit := func(zh, en string, n float64) string {
		return strconv.FormatFloat(n, 'f', 0, 64) + " " + lang.Text{ZH: zh, EN: en}.In(v.Lang)
	}
	switch {
	case seconds < 120:
		return unit("秒", "s", seconds)
	case seconds < 7200:
		return unit("分钟", "min", seconds/60)
	case seconds < 172800:
		return unit("小时", "h", seconds/3600)
	default:
		return unit("天", "d", seconds/86400)
	}
}

// pages holds the parsed templates.
var pages = template.Must(template.New("").ParseFS(pageFiles, "page/*.html"))

// pageLang is ?lang= or what the browser asks for.
func (c *call) pageLang() lang.Tag {
	switch t := lang.Tag(c.r.URL.Query().Get("lang")); t {
	case lang.ZH, lang.EN:
		return t
	}
	return c.lang
}

// servePage shows the status page. It holds no secrets, so it is given to anyone
// at this machine, with a cookie that is good for the page's own calls.
func servePage(c *call) error {
	v := c.s.look(c.pageLang())
	v.Full = c.s.cookieScope(c.r) == scopeFull
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, "status.html", v); err != nil {
		return err
	}
	if c.s.cookieScope(c.r) == noScope {
		c.s.setCookie(c.w, scopePage)
	}
	h := c.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", string(v.Lang))
	h.Add("Vary", "Accept-Language")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	c.w.WriteHeader(http.StatusOK)
	c.w.Write(b.Bytes())
	return nil
}

// streamPage sends the page's sections as they change.
func streamPage(c *call) error {
	tag := c.pageLang()
	st, err := c.begin()
	if err != nil {
		return err
	}
	defer c.s.streams.leave()
	sent := map[string]string{}
	for id := uint64(1); ; id++ {
		changed, err := c.s.changes(tag, c.s.cookieScope(c.r) == scopeFull, sent)
		if err != nil {
			c.s.log.Error("status page", "err", err)
			return errAnswered
		}
		var b strings.Builder
		frame(&b, "page", id, changed)
		if err := st.send(b.String()); err != nil {
			return errAnswered
		}
		if !c.wait(pageEvery) {
			return errAnswered
		}
	}
}

// changes renders the sections and returns those that differ from sent as a JSON
// object; {} tells the page that we are alive.
func (s *Server) changes(tag lang.Tag, full bool, sent map[string]string) ([]byte, error) {
	v := s.look(tag)
	v.Full = full
	news := map[string]string{}
	for _, name := range sections {
		var b bytes.Buffer
		if err := pages.ExecuteTemplate(&b, name, v); err != nil {
			return nil, err
		}
		if html := b.String(); sent[name] != html {
			sent[name], news[name] = html, html
		}
	}
	return json.Marshal(news)
}

// servePageFile serves the page's module, style sheet and icon.
func servePageFile(name, media string) func(*call) error {
	return func(c *call) error {
		body, err := fs.ReadFile(pageFiles, "page/"+name)
		if err != nil {
			return err
		}
		c.w.Header().Set("Content-Type", media)
		c.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		c.w.Write(body)
		return nil
	}
}

// signInBody is the body of POST /page/session.
type signInBody struct {
	Token string `json:"token"`
}

// openSession gives a browser the rights of the token for half an hour.
func openSession(c *call) error {
	var body signInBody
	if err := c.decode(&body); err != nil {
		return err
	}
	if !c.s.token.is(strings.TrimSpace(body.Token)) {
		return errWrongToken
	}
	c.s.setCookie(c.w, scopeFull)
	return c.json(map[string]any{})
}

func closeSession(c *call) error {
	if err := c.decode(&empty{}); err != nil {
		return err
	}
	c.s.clearCookie(c.w)
	return c.json(map[string]any{})
}

func (s *Server) pageRows() []route {
	file := func(path, name, media string) route {
		return route{
			method: http.MethodGet, path: path, id: "file" + strings.ReplaceAll(name, ".", "_"), tag: "page", access: byLocal, status: 200,
			media: media, summary: "Part of the status page", handle: servePageFile(name, media),
		}
	}
	rows := []route{
		{method: http.MethodGet, path: "/{$}", id: "page", tag: "page", access: byLocal, status: 200, media: "text/html", summary: "Status page for store IT", handle: servePage},
		{
			method: http.MethodGet, path: "/page/events", id: "pageEvents", tag: "page", access: byPage, status: 200, media: "text/event-stream",
			query: []param{{"lang", "zh-CN or en", ""}}, summary: "What changes on the status page", codes: []string{codeStreams}, handle: streamPage,
		},
		{
			method: http.MethodPost, path: "/page/session", id: "openSession", tag: "page", access: byLocal, status: 200, body: signInBody{}, needs: []string{"token"},
			answer: map[string]any{}, summary: "Sign in with the token: sets a cookie for half an hour", codes: []string{codeUnauthorized, codeTooMany, sale.CodeInvalid}, handle: openSession,
		},
		{method: http.MethodDelete, path: "/page/session", id: "closeSession", tag: "page", access: byLocal, status: 200, body: empty{}, answer: map[string]any{}, summary: "Sign out", handle: closeSession},
		file("/page/status.js", "status.js", "text/javascript; charset=utf-8"),
		file("/page/status.css", "status.css", "text/css; charset=utf-8"),
		file("/page/icon.svg", "icon.svg", "image/svg+xml"),
		file("/favicon.ico", "icon.svg", "image/svg+xml"),
	}
	rows[len(rows)-1].id = "favicon"
	if s.o.Screen != nil {
		for _, path := range []string{"/screen", "/screen/{rest...}"} {
			rows = append(rows, route{
				method: http.MethodGet, path: path, id: "screen" + strconv.Itoa(len(rows)), tag: "page", access: byLocal, status: 200,
				media: "text/html", summary: "Customer screen: page, pictures and the scene's event stream (/screen/events)", handle: serveScreen,
			})
		}
		rows = append(rows, route{
			method: http.MethodPost, path: "/screen/beat", id: "screenBeat", tag: "page", access: byLocal, status: http.StatusNoContent,
			body: screenBeatBody{}, needs: []string{"page", "shown"}, codes: []string{sale.CodeInvalid},
			summary: "The customer screen's page says that it draws, and which scene", handle: screenBeat,
		})
	}
	return rows
}

// screenBeatBody is what the customer screen's page reports about itself.
type screenBeatBody struct {
	Page  string `json:"page" doc:"drawn by the page for itself, 1 to 16 characters"`
	Shown uint64 `json:"shown" doc:"id of the scene that it drew last; 0 before the first"`
}

func screenBeat(c *call) error {
	var b screenBeatBody
	if err := c.decode(&b); err != nil {
		return err
	}
	if len(b.Page) == 0 || len(b.Page) > 16 {
		return invalid("page", "必须是 1 到 16 个字符", "must have 1 to 16 characters")
	}
	c.r.Body = io.NopCloser(bytes.NewReader(c.body))
	return serveScreen(c)
}

// serveScreen hands over to the customer screen; its streams end with the server.
func serveScreen(c *call) error {
	if c.r.Method == http.MethodGet && c.r.URL.Path == "/screen/beat" { // the mux has GET /screen/… for all others
		c.w.Header().Set("Allow", http.MethodPost)
		return problem(codeMethod, "", "此地址只支持 POST", "this path takes POST only")
	}
	ctx, cancel := c.s.untilStop(c.r.Context())
	defer cancel()
	c.s.o.Screen.ServeHTTP(c.w, c.r.WithContext(ctx))
	return nil
}
