package status

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"tilld/internal/lang"
	"tilld/internal/sale"
	"tilld/internal/till"
)

// Cashier is the page that sells, for shops without POS software. Off, its paths
// answer 404 and its cookie is worth nothing.
type Cashier struct {
	Enabled bool
	PINFile string // 6 to 64 characters, mode 0600; "" lets anybody at this machine in
}

// Wrong PINs of the cashier page. The pause is short enough for a shop to wait,
// and open pages go on selling meanwhile.
const (
	cashierTries = 10
	cashierPause = 10 * time.Minute
)

func (o Cashier) gate() (*pinGate, error) {
	if !o.Enabled || o.PINFile == "" {
		return &pinGate{}, nil
	}
	return openPIN("cashier.pin_file", o.PINFile, cashierTries, cashierPause)
}

func cashierOff() error {
	return problem(sale.CodeNotFound, "", "收银页面未启用：请在配置中写 cashier: {enabled: true} 并重启",
		"the cashier page is off: set cashier: {enabled: true} in the configuration and restart")
}

// cashierView is what the page's template sees. Everything else the page reads
// through the local API, so that a page loaded anew shows what the agent says.
type cashierView struct {
	Lang, Other lang.Tag
	Till        till.TillStatus
	Version     string
	Words       string // JSON object of the module's words
}

func (v cashierView) T(key string) string { return cashierWord(v.Lang, key) }

// serveCashier gives the page to anyone at this machine, with the cookie for what
// it does unless a PIN is asked for first.
func serveCashier(c *call) error {
	if !c.s.o.Cashier.Enabled {
		return cashierOff()
	}
	tag := c.pageLang()
	v := cashierView{Lang: tag, Other: lang.EN, Till: c.s.o.Engine.Status(tag).Till, Version: c.s.o.Version}
	if tag == lang.EN {
		v.Other = lang.ZH
	}
	words, err := json.Marshal(cashierWordsIn(tag))
	if err != nil {
		return err
	}
	v.Words = string(words)
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, "cashier.html", v); err != nil {
		return err
	}
	switch sc := c.s.cookieScope(c.r); {
	case sc == scopeCashier, sc < scopeCashier && c.s.pin.tries == 0:
		c.s.setCookie(c.w, scopeCashier)
	}
	h := c.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", string(tag))
	h.Add("Vary", "Accept-Language")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	c.w.WriteHeader(http.StatusOK)
	c.w.Write(b.Bytes())
	return nil
}

// pinBody is the body of POST /cashier/session.
type pinBody struct {
	PIN string `json:"pin,omitempty"`
}

// openCashier gives an open page its cookie again: after twelve hours, and after
// a restart of the agent, which ends all sessions.
func openCashier(c *call) error {
	var body pinBody
	if err := c.decode(&body); err != nil {
		return err
	}
	if !c.s.o.Cashier.Enabled {
		return cashierOff()
	}
	if c.s.cookieScope(c.r) < scopeCashier {
		switch c.s.pin.admit(body.PIN, body.PIN != "") {
		case http.StatusTooManyRequests:
			c.w.Header().Set("Retry-After", strconv.Itoa(int(cashierPause.Seconds())))
			return problem(codeTooMany, "pin", "PIN 错误次数过多，请 10 分钟后再试", "too many wrong PINs; try again in 10 minutes")
		case http.StatusUnauthorized:
			if body.PIN != "" {
				return problem(codePIN, "pin", "PIN 不正确", "the PIN is wrong")
			}
			return problem(codePIN, "pin", "请输入收银页面的 PIN", "enter the PIN of the cashier page")
		}
	}
	if c.s.cookieScope(c.r) != scopeFull {
		c.s.setCookie(c.w, scopeCashier)
	}
	return c.json(map[string]any{})
}

func getDesk(c *call) error { return c.json(c.s.o.Engine.Desk()) }

// ArticleList is what a search through the price book found.
type ArticleList struct {
	Articles []sale.Article `json:"articles"`
}

func listArticles(c *call) error {
	limit := till.MaxArticles
	if v := c.r.URL.Query().Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > till.MaxArticles {
			return invalid("limit", "必须在 1 到 50 之间", "must be 1 to 50")
		}
		limit = n
	}
	list, err := c.s.o.Engine.Articles(c.r.URL.Query().Get("text"), limit)
	if err != nil {
		return err
	}
	return c.json(ArticleList{Articles: nonNil(list)})
}

func (s *Server) cashierRows() []route {
	file := func(id, name, media string) route {
		return route{
			method: http.MethodGet, path: "/cashier/" + name, id: id, tag: "page", access: byLocal, status: 200,
			media: media, summary: "Part of the cashier page", handle: servePageFile(name, media),
		}
	}
	return []route{
		{
			method: http.MethodGet, path: "/cashier", id: "cashierPage", tag: "page", access: byLocal, status: 200, media: "text/html",
			summary: "Cashier page, for shops without POS software", codes: []string{sale.CodeNotFound}, handle: serveCashier,
		},
		{
			method: http.MethodPost, path: "/cashier/session", id: "openCashierSession", tag: "page", access: byLocal, status: 200, body: pinBody{}, answer: map[string]any{},
			summary: "Cookie of the cashier page, with its PIN where one is set", codes: []string{sale.CodeNotFound, codePIN, codeTooMany, sale.CodeInvalid}, handle: openCashier,
		},
		file("cashierScript", "cashier.js", "text/javascript; charset=utf-8"),
		file("cashierStyle", "cashier.css", "text/css; charset=utf-8"),
		{
			method: http.MethodGet, path: "/v1/cashier", id: "getDesk", tag: "shift", access: byCashier, status: 200, answer: till.Desk{},
			summary: "Who is signed in, which shift is open, which order is to be handed over", handle: getDesk,
		},
		{
			method: http.MethodGet, path: "/v1/articles", id: "listArticles", tag: "sales", access: byCashier, status: 200, answer: ArticleList{},
			query:   []param{{"text", "in name, SKU or codes; 1 to 128 bytes", ""}, {"limit", "1 to 50; 50 when not given", 0}},
			summary: "Search the price book, for goods without a code", codes: []string{sale.CodeInvalid}, handle: listArticles,
		},
	}
}
