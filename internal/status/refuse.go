package status

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"

	"tilld/internal/lang"
	"tilld/internal/sale"
)

// What is sent most when somebody sends junk: these refusals are made once, so
// that a million of them cost next to nothing.
var (
	badHost = problem(codeWrongHost, "Host", "请用 127.0.0.1 或 localhost 访问本机，或把主机名加入 http.allowed_hosts",
		"ask this till as 127.0.0.1 or localhost, or add the host name to http.allowed_hosts")
	badOrigin = problem(codeForeign, "Origin", "来自其他网站的请求被拒绝；收银网页的来源须写入 http.allowed_origins",
		"requests from other web sites are refused; a POS page's origin must be in http.allowed_origins")
	noToken = problem(codeUnauthorized, "Authorization", "缺少令牌：请使用数据目录中 api-token 文件的内容",
		"the token is missing; it is in the file api-token in the data directory")
	badMedia = problem(codeMediaType, "Content-Type", "请求内容必须是 application/json（UTF-8，不压缩）", "the body must be application/json in UTF-8, not compressed")
	bigBody  = tooLarge(maxBody)
	hugeBody = tooLarge(maxLargeBody)
)

func tooLarge(limit int64) *sale.Problem {
	n := strconv.FormatInt(limit>>10, 10)
	return problem(codeTooLarge, "", "请求内容超过 "+n+" KiB", "the body is larger than "+n+" KiB")
}

// ready are answers that were made before.
type ready struct {
	status int
	body   map[lang.Tag][]byte
}

var readyMade = func() map[*sale.Problem]ready {
	all := map[*sale.Problem]ready{}
	for _, p := range []*sale.Problem{badHost, badOrigin, noToken, badMedia, bigBody, hugeBody} {
		a := ready{status: statusOf[p.Code], body: map[lang.Tag][]byte{}}
		for _, tag := range []lang.Tag{lang.ZH, lang.EN} {
			a.body[tag] = problemBody(p, a.status, tag)
		}
		all[p] = a
	}
	return all
}()

// problemBody is a problem as it is sent.
func problemBody(p *sale.Problem, status int, tag lang.Tag) []byte {
	body, err := json.Marshal(Problem{
		Type: "urn:tilld:problem:" + p.Code, Title: http.StatusText(status), Status: status,
		Detail: p.Detail.In(tag), Code: p.Code, Field: p.Field,
	})
	if err != nil {
		panic("status: problem: " + err.Error()) // plain strings only
	}
	return body
}

var (
	problemType = []string{"application/problem+json"}[:1:1]
	languages   = map[lang.Tag][]string{lang.ZH: {string(lang.ZH)}, lang.EN: {string(lang.EN)}}
)

// refuse sends a ready-made problem; false when there is none for it.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, tag lang.Tag, err error) bool {
	p, ok := err.(*sale.Problem) // ours are never wrapped; others go the long way
	if !ok {
		return false
	}
	a, ok := readyMade[p]
	body := a.body[tag]
	if !ok || body == nil {
		return false
	}
	s.hold(r, s.junk.wait(time.Now()))
	h := w.Header()
	h["Content-Type"], h["Content-Language"] = problemType, languages[tag]
	s.metrics.refused(p.Code)
	w.WriteHeader(a.status)
	w.Write(body)
	return true
}

// junkRate is how many such refusals a second are sent at most; who sends more
// waits, at no cost, so that a flood never takes more than a part of the
// processor from those who work. junkBurst of them are sent at once.
const (
	junkRate  = 4000
	junkBurst = 400
)

// pacer gives each refusal its moment.
type pacer struct {
	gap time.Duration // between two; 0: no pacing
	mu  sync.Mutex
	due time.Time // of the next
}

// wait is how long a refusal has to wait from now on.
func (p *pacer) wait(now time.Time) time.Duration {
	if p.gap == 0 {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if first := now.Add(-junkBurst * p.gap); p.due.Before(first) {
		p.due = first
	}
	wait := p.due.Sub(now)
	p.due = p.due.Add(p.gap)
	return max(0, wait)
}

// hold waits, unless the caller goes away or the server stops.
func (s *Server) hold(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	pause := time.NewTimer(d)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-r.Context().Done():
	case <-s.stopping:
	}
}
