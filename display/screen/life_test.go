package screen_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"tilld/display"
	"tilld/display/screen"
	"tilld/display/screen/kiosktest"
)

// basket is a scene with n lines, the last one new.
func basket(id string, n int) display.Scene {
	s := display.Scene{Kind: display.Basket, Currency: "CNY", Language: "zh-CN", SaleID: id, Lines: []display.Line{}, Offers: []display.Offer{}, QR: []display.QR{}}
	total := int64(0)
	for i := range n {
		l := display.Line{Line: i + 1, Name: fmt.Sprintf("商品 %d 号 新老包装随机发货 请以实物为准 限时特惠", i+1), Quantity: "1", UnitPrice: int64(i%7) * 1000, Total: int64(i%7) * 1000, Highlight: i == n-1}
		if i%3 == 0 {
			l.Name, l.OldPrice, l.Discount = "苹果", l.UnitPrice+500, 100
		}
		total += l.Total
		s.Lines = append(s.Lines, l)
	}
	s.Total, s.Discount = &total, int64(n/4)*100
	return s
}

func paying(id string, ttl time.Duration) display.Scene {
	return display.Scene{
		Kind: display.Paying, Currency: "CNY", Language: "en", SaleID: id, Total: money(100), Lines: []display.Line{}, Offers: []display.Offer{}, QR: []display.QR{},
		Pay: &display.Pay{PaymentID: "p-" + id, URL: payURL, Amount: 100, ExpiresAt: time.Now().Add(ttl)},
	}
}

// unread fails when any reader still finds a pay code on the glass.
func unread(t *testing.T, page *kiosktest.Page, what string) {
	t.Helper()
	shot := page.Screenshot()
	if strings.Contains(kiosktest.Read(t, shot)+kiosktest.ReadAgain(t, shot), payURL) {
		t.Errorf("%s: the pay code can be read from the glass", what)
	}
}

// A code goes when it expires, when the scene goes, and when the agent is silent
// for three seconds; a page whose agent is back shows what is so now.
func testBlank(t *testing.T, b *kiosktest.Browser) {
	stage, _, url := serve(t, screen.Options{})
	page := b.Open(url, 1024, 600)

	short := paying("S", time.Minute)
	stage.Set(short)
	page.Until(`document.querySelector(".paycard img")?.naturalWidth`)
	pay := *short.Pay
	pay.ExpiresAt = time.Now().Add(1500 * time.Millisecond) // however late it is heard of, it is over then
	short.Pay = &pay
	stage.Set(short)
	page.Until(`document.querySelector(".paycard.blank") && !document.querySelector(".paycard img")`)
	unread(t, page, "expired")

	stage.Set(paying("W", time.Minute))
	page.Until(`document.body.dataset.sale === "W" && document.querySelector(".paycard img")?.naturalWidth`)
	stage.Set(basket("W", 3))
	page.Until(`document.body.dataset.kind === "basket"`)
	unread(t, page, "withdrawn")
	page.Close()

	// An agent that hangs: its connection stays, nothing comes any more.
	silent, over := make(chan struct{}), make(chan struct{})
	hung := display.NewStage(paying("H", time.Minute))
	inner := screen.New(hung, screen.Options{}).Handler()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-silent:
			<-over // the request's context does not end while its body waits to be read
		default:
			if r.URL.Path == "/screen/events" {
				w = &mute{ResponseWriter: w, silent: silent}
			}
			inner.ServeHTTP(w, r)
		}
	}))
	defer shut(srv)
	defer close(over)
	page = b.Open(srv.URL+"/screen", 1024, 600)
	page.Until(`document.querySelector(".paycard img")?.naturalWidth`)
	page.Eval(watchBlank, nil)
	close(silent)
	page.Until(`window.blanked`)
	var after, late float64
	page.Eval("window.blanked - window.lastBeat", &after)
	page.Eval("window.lag", &late)
	// What the machine held the page up is not ours.
	if after > 3000+late {
		t.Errorf("the pay code went %.0f ms after the last beat (page held up by %.0f ms)", after, late)
	}
	unread(t, page, "agent hangs")
	page.Eval("{ const now = performance.now.bind(performance); performance.now = () => now() + 12000; } 0", nil)
	page.Until(`document.body.classList.contains("gone") && getComputedStyle(document.getElementById("stage")).visibility === "hidden"`) // 15 s: not even the prices are certain
	keep(t, "gone", page.Screenshot())
}

// watchBlank notes when the last event came, when the code went, and by how much
// the page's own timers were late meanwhile.
const watchBlank = `(() => {
	window.lag = 0;
	let due = performance.now() + 50;
	setInterval(() => { window.lag = Math.max(window.lag, performance.now() - due); due = performance.now() + 50; }, 50);
	window.lastBeat = performance.now();
	const es = new EventSource("/screen/events");
	es.addEventListener("beat", () => { window.lastBeat = performance.now(); });
	new MutationObserver(() => { if (!window.blanked && document.querySelector(".paycard.blank")) window.blanked = performance.now(); })
		.observe(document.body, {subtree: true, childList: true, attributes: true});
	return new Promise(ok => es.addEventListener("hello", ok, {once: true})).then(() => 0);
})()`

// mute is an agent whose writes go nowhere once it hangs.
type mute struct {
	http.ResponseWriter
	silent chan struct{}
}

func (m *mute) Write(p []byte) (int, error) {
	select {
	case <-m.silent:
		return len(p), nil
	default:
		return m.ResponseWriter.Write(p)
	}
}
func (m *mute) Unwrap() http.ResponseWriter { return m.ResponseWriter }

// The agent is started anew at the same address: the page is back within a
// second, with the scene that is on now, and without the pay code of before.
func testReconnect(t *testing.T, b *kiosktest.Browser) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	start := func(l net.Listener, boot uint32, sc display.Scene) *httptest.Server {
		srv := httptest.NewUnstartedServer(screen.New(display.NewStage(sc), screen.Options{Boot: boot}).Handler())
		srv.Listener.Close()
		srv.Listener = l
		srv.Start()
		return srv
	}
	first := start(l, 1, paying("OLD", time.Minute))
	page := b.Open("http://"+addr+"/screen", 800, 480)
	page.Until(`document.querySelector(".paycard img")?.naturalWidth`)
	shut(first)
	if l, err = net.Listen("tcp", addr); err != nil {
		t.Fatal(err)
	}
	page.Eval("window.back = 0; window.lag = 0; { let due = performance.now() + 50; setInterval(() => { window.lag = Math.max(window.lag, performance.now() - due); due = performance.now() + 50; }, 50); } window.up = performance.now(); new MutationObserver(() => { if (!window.back && document.body.dataset.sale === 'NEW') window.back = performance.now() }).observe(document.body, {attributes: true})", nil)
	held := heldUp()
	second := start(l, 2, basket("NEW", 2))
	defer shut(second)
	page.Until("window.back")
	agent := held()
	var took float64
	page.Eval("window.back - window.up", &took)
	var late float64
	page.Eval("window.lag", &late)
	// What the machine held the page and the agent up is not ours.
	if took > 1000+late+agent {
		t.Errorf("the page was back %.0f ms after the agent (page held up by %.0f ms, agent by %.0f ms)", took, late, agent)
	}
	unread(t, page, "restarted")
}

// heldUp begins to watch by how much this program's own timers are late; the
// function it returns ends that and tells the most, in milliseconds.
func heldUp() func() float64 {
	end, most := make(chan struct{}), make(chan time.Duration)
	go func() {
		const step = 20 * time.Millisecond
		worst := time.Duration(0)
		for due := time.Now().Add(step); ; due = time.Now().Add(step) {
			select {
			case <-end:
				most <- worst
				return
			case <-time.After(step):
				worst = max(worst, time.Since(due))
			}
		}
	}()
	return func() float64 { close(end); return float64((<-most).Milliseconds()) }
}

// withheld holds the scenes of an event stream back until they are let go.
type withheld struct {
	http.ResponseWriter
	let chan struct{}
}

func (w *withheld) Write(p []byte) (int, error) {
	if bytes.HasPrefix(p, []byte("event: scene")) {
		<-w.let
	}
	return w.ResponseWriter.Write(p)
}
func (w *withheld) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// A new agent is heard before it has said what is on: the pay code of the one
// before does not come back meanwhile, whatever has the page drawn.
func testStaleCode(t *testing.T, b *kiosktest.Browser) {
	var mu sync.Mutex
	agent := screen.New(display.NewStage(paying("OLD", time.Minute)), screen.Options{Boot: 1}).Handler()
	let := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		now := agent
		mu.Unlock()
		now.ServeHTTP(w, r)
	}))
	defer shut(srv)
	page := b.Open(srv.URL+"/screen", 1024, 600)
	page.Until(`document.querySelector(".paycard img")?.naturalWidth`)
	mu.Lock()
	agent = http.NotFoundHandler()
	mu.Unlock()
	srv.CloseClientConnections()
	page.Until(`document.querySelector(".paycard.blank")`)
	page.Eval(`window.back = 0; new MutationObserver(() => { if (document.querySelector(".paycard:not(.blank)")) window.back++ }).observe(document.body, {subtree: true, childList: true, attributes: true}); 0`, nil)
	page.Eval(`dispatchEvent(new Event("resize")); 0`, nil) // while nobody is heard

	next := screen.New(display.NewStage(basket("NEW", 2)), screen.Options{Boot: 2}).Handler()
	mu.Lock()
	agent = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/screen/events" {
			w = &withheld{w, let}
		}
		next.ServeHTTP(w, r)
	})
	mu.Unlock()
	page.Until(`!document.body.classList.contains("away")`) // heard, and drawn if at all
	page.Eval(`dispatchEvent(new Event("resize")); 0`, nil)
	close(let)
	page.Until(`document.body.dataset.sale === "NEW"`)
	var back int
	if page.Eval("window.back", &back); back != 0 {
		t.Errorf("the code of the agent before was on the glass (%d changes of the page)", back)
	}
}

// Whatever a product is called, no script of it runs, and its text stays in its
// row: it has never the size, the colour or the place of what the till says.
func testHarmless(t *testing.T, b *kiosktest.Browser) {
	stage, _, url := serve(t, screen.Options{})
	page := b.Open(url, 1024, 600)
	nasty := []string{
		`<script>window.hit=1</script><img src=x onerror="window.hit=1">`, "\u202e005.1 \u2066¥ latoT\u2069", "Z" + strings.Repeat("\u0301\u0489", 5000) + "algo",
		"javascript:window.hit=1", strings.Repeat("很长的商品名称", 300), "a\x00b\x1bc\u200bd\u2028e", "✅ 支付成功 ¥0.01", "\n\n\n支付成功\n\n\n",
		"</li></ol><style>body{background:green}</style>", "𝐏𝐀𝐈𝐃 ✔️ 👨\u200d👩\u200d👧\u200d👦",
	}
	scene := display.Scene{Kind: display.Basket, Currency: "CNY", Language: "zh-CN", Total: money(100), SaleID: "NASTY", Title: nasty[0], Text: nasty[2]}
	for i, name := range nasty {
		scene.Lines = append(scene.Lines, display.Line{Line: i + 1, Name: name, Quantity: nasty[0], Unit: nasty[1], UnitPrice: 1, Total: 1})
	}
	stage.Set(scene)
	page.Until(fmt.Sprintf(`document.querySelectorAll(".line").length === %d`, len(nasty)))
	var r struct {
		Hit             bool
		Elements        int
		Names           []string
		Tallest, Right  float64
		Spread, Looks   int
		NameSize, Title float64
		Green           int
	}
	page.Eval(`(() => {
		const names = [...document.querySelectorAll(".name")], rows = [...document.querySelectorAll(".line")];
		const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		let spread = 0, green = 0;
		while (walk.nextNode()) if (/支付成功|𝐏𝐀𝐈𝐃|很长的/.test(walk.currentNode.data) && !walk.currentNode.parentElement.closest(".line .name, #say")) spread++;
		for (const e of document.querySelectorAll("body, body *")) {
			const m = /^rgb\((\d+), (\d+), (\d+)\)$/.exec(getComputedStyle(e).backgroundColor);
			if (m && +m[2] > +m[1] + 40 && +m[2] > +m[3] + 20) green++;
		}
		const size = e => parseFloat(getComputedStyle(e).fontSize);
		return {hit: Boolean(window.hit), elements: document.querySelectorAll("#stage script, #stage style, #stage img, #stage iframe").length,
			names: names.map(e => e.textContent), tallest: Math.max(...rows.map(e => e.getBoundingClientRect().height)), right: document.querySelector(".panel").getBoundingClientRect().right,
			spread, green, looks: new Set(names.map(e => getComputedStyle(e).color + size(e))).size, nameSize: Math.max(...names.map(size)), title: size(document.querySelector(".digits.huge"))};
	})()`, &r)
	switch {
	case r.Hit || r.Elements != 0:
		t.Errorf("text became markup: %+v", r)
	case r.Right != 1024 || r.Tallest > 120:
		t.Errorf("text moved what is beside it: %+v", r)
	case r.Spread != 0 || r.Looks != 1 || r.NameSize*2 > r.Title || r.Green != 0:
		t.Errorf("an article's name looks like what the till says: %+v", r)
	}
	for _, name := range r.Names {
		if strings.ContainsAny(name, "\u202e\u2066\u2069\u200b\u2028\x00\x1b") || strings.Count(name, "\u0301") > 2 || len([]rune(name)) > 170 {
			t.Errorf("shown: %.100q", name)
		}
	}
	keep(t, "nasty", page.Screenshot())
}

// Lines that arrive, one after the other and with notices between, move nothing
// that is on the glass already.
func testShift(t *testing.T, b *kiosktest.Browser) {
	stage, _, url := serve(t, screen.Options{})
	page := b.Open(url, 1024, 600)
	stage.Set(basket("CLS", 1))
	page.Until(`document.querySelectorAll(".line").length === 1`)
	page.Eval(`window.cls = 0; window.moved = []; new PerformanceObserver(l => { for (const e of l.getEntries()) { window.cls += e.value; window.moved.push(...e.sources.map(s => s.node?.outerHTML?.slice(0, 80) + JSON.stringify([s.previousRect, s.currentRect]))); } }).observe({type: "layout-shift", buffered: false}); 0`, nil)
	for n := 2; n <= 40; n++ {
		sc := basket("CLS", n)
		if n%5 == 0 {
			sc.Title, sc.Text = "未能识别", "找不到商品"
		}
		stage.Set(sc)
		page.Until(fmt.Sprintf(`document.querySelector(".line:last-child .name").textContent === %q && document.querySelectorAll(".line").length === %d`, sc.Lines[n-1].Name, n))
		page.Eval("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))", nil)
	}
	// A line further up gets another quantity and is the new one for it.
	stage.Set(basket("CLS2", 6))
	page.Until(`document.querySelectorAll(".line").length === 6`)
	for _, at := range []int{1, 3} {
		sc := basket("CLS2", 6)
		for i := range sc.Lines {
			sc.Lines[i].Highlight = i == at
		}
		sc.Lines[at].Quantity = "2"
		stage.Set(sc)
		page.Until(fmt.Sprintf(`document.querySelectorAll(".line")[%d].classList.contains("highlight")`, at))
		page.Eval("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))", nil)
	}
	var cls float64
	var moved []string
	page.Eval("window.cls", &cls)
	page.Eval("window.moved.slice(0, 5)", &moved)
	if cls != 0 {
		t.Errorf("cumulative layout shift %v: %q", cls, moved)
	}
	// Who asked for less motion sees none.
	var moving, still int
	page.Media("prefers-reduced-motion", "no-preference")
	stage.Set(basket("CLS", 41))
	page.Until(`document.querySelectorAll(".line").length === 40 && document.getAnimations().length > 0`)
	page.Media("prefers-reduced-motion", "reduce")
	stage.Set(basket("CLS", 42))
	page.Until(fmt.Sprintf(`document.querySelector(".line:last-child .name").textContent === %q`, basket("CLS", 42).Lines[41].Name))
	page.Eval("document.getAnimations().length", &still)
	processing := basket("CLS", 2)
	processing.Kind = display.Processing
	stage.Set(processing)
	page.Until(`document.body.dataset.kind === "processing"`)
	page.Eval("document.getAnimations().length", &moving)
	if still != 0 || moving != 0 {
		t.Errorf("%d and %d animations although less motion is wanted", still, moving)
	}
	stage.Set(basket("CLS", 43))
	page.Until(`document.body.dataset.kind === "basket"`)
	// The measure works: something that is made to jump is seen.
	page.Eval(`document.querySelector(".panel .grand").style.paddingTop = "90px"; new Promise(done => setTimeout(done, 100))`, nil)
	page.Until("window.cls > 0")
}
