// Package kiosktest drives a headless Chromium for tests of our pages: it opens
// a page in a window of a given size, runs expressions in it, and takes pictures
// of what is on the glass. It speaks the DevTools protocol over a pipe, so it
// needs no port and no other library.
package kiosktest

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"tilld/internal/unchecked"
)

// Limit is how long any one step may take.
const Limit = 40 * time.Second

// Browser is one Chromium with a fresh profile, as one test sees it.
type Browser struct {
	t testing.TB
	*pipe
}

// With is the same Chromium for a subtest, so that one serves a whole binary.
func (b *Browser) With(t testing.TB) *Browser { return &Browser{t: t, pipe: b.pipe} }

// pipe is the DevTools connection.
type pipe struct {
	in      io.WriteCloser
	mu      sync.Mutex
	next    int
	pending map[int]chan reply
	pages   map[string]*Page
}

// Page is one tab.
type Page struct {
	b       *Browser
	session string
	target  string

	mu       sync.Mutex
	errors   []string
	requests []string
	media    map[string]string
}

type reply struct {
	Result json.RawMessage `json:"result,omitempty"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

type message struct {
	ID      int             `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	reply
}

// Start runs Chromium until the test ends. Without one the test is skipped,
// saying so; the machine that checks changes has it.
func Start(t testing.TB, flags ...string) *Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		unchecked.Skip(t, "chromium is not installed (apt-get install chromium)")
	}
	toBrowser, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, fromBrowser, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb",
		"--user-data-dir=" + t.TempDir(), "--remote-debugging-pipe",
	}, flags...)
	cmd := exec.Command(path, append(args, "about:blank")...)
	cmd.ExtraFiles = []*os.File{toBrowser, fromBrowser} // descriptors 3 and 4
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	toBrowser.Close()
	fromBrowser.Close()
	b := &Browser{t: t, pipe: &pipe{in: in, pending: map[int]chan reply{}, pages: map[string]*Page{}}}
	read := make(chan struct{})
	go func() { defer close(read); b.read(out) }()
	t.Cleanup(func() {
		b.send("", "Browser.close", map[string]any{})
		ended := make(chan struct{})
		go func() { cmd.Wait(); close(ended) }()
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			cmd.Process.Kill()
			<-ended
		}
		in.Close()
		out.Close()
		<-read
	})
	return b
}

func (b *pipe) read(out io.Reader) {
	r := bufio.NewReader(out)
	for {
		raw, err := r.ReadBytes(0)
		if err != nil {
			b.mu.Lock()
			for _, ch := range b.pending {
				close(ch)
			}
			b.pending = nil
			b.mu.Unlock()
			return
		}
		var m message
		if json.Unmarshal(raw[:len(raw)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		if ch, ok := b.pending[m.ID]; ok && m.ID != 0 {
			delete(b.pending, m.ID)
			ch <- m.reply
		}
		page := b.pages[m.Session]
		b.mu.Unlock()
		if page != nil && m.Method != "" {
			page.heard(m.Method, m.Params)
		}
	}
}

func (b *pipe) send(session, method string, params any) (chan reply, error) {
	body, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pending == nil {
		return nil, io.ErrClosedPipe
	}
	b.next++
	ch := make(chan reply, 1)
	b.pending[b.next] = ch
	raw, err := json.Marshal(message{ID: b.next, Session: session, Method: method, Params: body})
	if err != nil {
		return nil, err
	}
	_, err = b.in.Write(append(raw, 0))
	return ch, err
}

// call runs one DevTools command and decodes its result into dst, if any.
func (b *Browser) call(session, method string, params, dst any) {
	b.t.Helper()
	if err := b.try(session, method, params, dst); err != nil {
		b.t.Fatal(err)
	}
}

func (b *pipe) try(session, method string, params, dst any) error {
	ch, err := b.send(session, method, params)
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	late := time.NewTimer(Limit)
	defer late.Stop()
	select {
	case r, ok := <-ch:
		switch {
		case !ok:
			return fmt.Errorf("%s: chromium ended", method)
		case r.Error != nil:
			return fmt.Errorf("%s: %s", method, r.Error.Message)
		case dst != nil:
			return json.Unmarshal(r.Result, dst)
		}
		return nil
	case <-late.C:
		return fmt.Errorf("%s: no answer within %v", method, Limit)
	}
}

// Open opens url in a window of the given size. The tab is closed when the test
// ends.
func (b *Browser) Open(url string, width, height int) *Page {
	b.t.Helper()
	var target struct {
		TargetID string `json:"targetId"`
	}
	b.call("", "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct {
		SessionID string `json:"sessionId"`
	}
	b.call("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	p := &Page{b: b, session: attached.SessionID, target: target.TargetID, media: map[string]string{}}
	b.mu.Lock()
	b.pages[p.session] = p
	b.mu.Unlock()
	p.call("Runtime.enable", nil, nil)
	p.call("Log.enable", nil, nil)
	p.call("Page.enable", nil, nil)
	p.call("Network.enable", nil, nil)
	p.Resize(width, height)
	p.call("Page.navigate", map[string]any{"url": url}, nil)
	b.t.Cleanup(p.Close)
	return p
}

// Close closes the tab; a second call does nothing.
func (p *Page) Close() {
	p.b.mu.Lock()
	open := p.b.pages[p.session] == p && p.b.pending != nil
	delete(p.b.pages, p.session)
	p.b.mu.Unlock()
	if !open {
		return
	}
	if err := p.b.try("", "Target.closeTarget", map[string]any{"targetId": p.target}, nil); err != nil {
		p.b.t.Error(err)
	}
}

func (p *Page) call(method string, params, dst any) {
	p.b.t.Helper()
	if params == nil {
		params = map[string]any{}
	}
	p.b.call(p.session, method, params, dst)
}

// Resize sets the window's inner size, one device pixel per CSS pixel.
func (p *Page) Resize(width, height int) { p.b.t.Helper(); p.ResizeAt(width, height, 1) }

// ResizeAt sets the window's inner size in CSS pixels and how many device pixels
// one of them has.
func (p *Page) ResizeAt(width, height int, ratio float64) {
	p.b.t.Helper()
	p.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": ratio, "mobile": false}, nil)
}

// Media sets a media feature: "prefers-color-scheme", "dark".
func (p *Page) Media(name, value string) {
	p.b.t.Helper()
	p.media[name] = value
	var features []map[string]string
	for name, value := range p.media {
		features = append(features, map[string]string{"name": name, "value": value})
	}
	p.call("Emulation.setEmulatedMedia", map[string]any{"features": features}, nil)
}

// Memory is what a page holds after the garbage was collected.
type Memory struct{ HeapBytes, Nodes, Listeners float64 }

// Memory collects garbage and measures.
func (p *Page) Memory() Memory {
	p.b.t.Helper()
	p.call("Performance.enable", nil, nil)
	for range 2 { // what a first collection lets go of holds other things
		p.call("HeapProfiler.collectGarbage", nil, nil)
	}
	var r struct {
		Metrics []struct {
			Name  string
			Value float64
		}
	}
	p.call("Performance.getMetrics", nil, &r)
	var m Memory
	for _, x := range r.Metrics {
		switch x.Name {
		case "JSHeapUsedSize":
			m.HeapBytes = x.Value
		case "Nodes":
			m.Nodes = x.Value
		case "JSEventListeners":
			m.Listeners = x.Value
		}
	}
	return m
}

// Requests returns the addresses of everything that the page asked for so far.
func (p *Page) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.requests...)
}

// heard notes what the page asks for, and its errors: exceptions, refused loads, policy violations.
func (p *Page) heard(method string, params json.RawMessage) {
	switch method {
	case "Network.requestWillBeSent":
		var e struct {
			Request struct{ URL string }
		}
		if json.Unmarshal(params, &e) == nil {
			p.mu.Lock()
			p.requests = append(p.requests, e.Request.URL)
			p.mu.Unlock()
		}
	case "Runtime.exceptionThrown", "Log.entryAdded":
		var e struct {
			Entry struct {
				Level, Text, URL string
			} `json:"entry"`
		}
		if json.Unmarshal(params, &e) == nil && method == "Log.entryAdded" && e.Entry.Level != "error" {
			return
		}
		p.mu.Lock()
		p.errors = append(p.errors, string(params))
		p.mu.Unlock()
	}
}

// Errors returns what went wrong on the page so far.
func (p *Page) Errors() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.errors...)
}

// Eval runs a JavaScript expression, waits if it is a promise, and decodes its
// value into dst, if any.
func (p *Page) Eval(expression string, dst any) {
	p.b.t.Helper()
	if err := p.eval(expression, dst); err != nil {
		p.b.t.Fatal(err)
	}
}

func (p *Page) eval(expression string, dst any) error {
	var r struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		Exception *struct {
			Text      string          `json:"text"`
			Exception json.RawMessage `json:"exception"`
		} `json:"exceptionDetails"`
	}
	params := map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}
	if err := p.b.try(p.session, "Runtime.evaluate", params, &r); err != nil {
		return err
	}
	if r.Exception != nil {
		return fmt.Errorf("%s: %s %s", expression, r.Exception.Text, r.Exception.Exception)
	}
	if dst == nil {
		return nil
	}
	if err := json.Unmarshal(r.Result.Value, dst); err != nil {
		return fmt.Errorf("%s: %w: %s", expression, err, r.Result.Value)
	}
	return nil
}

// Until waits until the expression is true. While the page loads anew it counts
// as false.
func (p *Page) Until(expression string) {
	p.b.t.Helper()
	wait := "new Promise(done => setTimeout(() => { try { done(Boolean(" + expression + ")) } catch (e) { done(String(e)) } }, 20))"
	var last any
	for end := time.Now().Add(Limit); ; {
		err := p.eval(wait, &last)
		if err == nil && last == true {
			return
		}
		if time.Now().After(end) {
			var html string
			p.Eval("document.body.innerHTML", &html)
			p.b.t.Fatalf("not true within %v: %s (%v, %v)\npage errors: %v\n%s", Limit, expression, last, err, p.Errors(), html)
		}
	}
}

// Screenshot returns the glass as PNG, after the pictures that have come are
// unpacked and two frames have been drawn.
func (p *Page) Screenshot() []byte {
	p.b.t.Helper()
	p.Eval(`Promise.all([...document.images].filter(i => i.complete).map(i => i.decode().catch(() => 0)))
		.then(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(0)))))`, nil)
	var shot struct {
		Data string `json:"data"`
	}
	p.call("Page.captureScreenshot", map[string]any{"format": "png", "optimizeForSpeed": true}, &shot)
	body, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		p.b.t.Fatal(err)
	}
	return body
}
