package status

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tilld/internal/feed"
)

func TestMain(m *testing.M) {
	answers.watch()
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) { os.Exit(answers.judge(code)) }))
}

// Every event once, in order, over reconnects; 410 when there would be a gap.
func TestEventsResume(t *testing.T) {
	b := newBench(t)
	first := b.stream(t, "/v1/events")
	first.next() // the opening comment: the stream now follows
	for i := range 3 {
		b.feed.Publish(feed.Scan, map[string]int{"n": i})
	}
	for i := range 2 {
		if name, data := first.next(); name != feed.Scan || data != fmt.Sprintf(`{"n":%d}`, i) {
			t.Fatalf("%s %s", name, data)
		}
	}
	b.feed.Publish(feed.Link, map[string]string{"state": "up"})
	again := b.stream(t, "/v1/events", "Last-Event-ID", first.id)
	again.until(feed.Scan, `{"n":2}`)
	again.until(feed.Link, "up")
	byQuery := b.stream(t, "/v1/events?last_event_id="+first.id)
	byQuery.until(feed.Scan, `{"n":2}`)
	if first.id != fmt.Sprint(1<<32+2) {
		t.Errorf("id %s", first.id)
	}

	b.want(t, "GET", "/v1/events", "", 410, codeGone, "Last-Event-ID", "Last-Event-ID", "7")                           // an earlier start
	b.want(t, "GET", "/v1/events", "", 410, codeGone, "Last-Event-ID", "Last-Event-ID", fmt.Sprint(uint64(1)<<32+999)) // never given out
	b.want(t, "GET", "/v1/events", "", 422, "invalid_field", "Last-Event-ID", "Last-Event-ID", "x")
	for i := range feed.Held + 10 {
		b.feed.Publish(feed.Scan, map[string]int{"n": i})
	}
	b.want(t, "GET", "/v1/events", "", 410, codeGone, "Last-Event-ID", "Last-Event-ID", first.id)
}

// A client that does not read is cut off and holds up nobody.
func TestSlowClientIsCutOff(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	conn, err := net.Dial("tcp", b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /v1/events HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", b.Addr(), b.token)
	good := b.stream(t, "/v1/events")
	good.next()
	big := strings.Repeat("x", 64<<10)
	for i := range 200 {
		b.feed.Publish(feed.Sale, map[string]any{"n": i, "pad": big})
		good.until(feed.Sale, fmt.Sprintf(`"n":%d,`, i))
	}
	for end := time.Now().Add(30 * time.Second); b.streams.count() > 1; {
		if time.Now().After(end) {
			t.Fatal("the client that does not read is still followed")
		}
		b.feed.Publish(feed.Sale, map[string]any{"pad": big})
		good.until(feed.Sale, "pad")
		time.Sleep(20 * time.Millisecond) // the write deadline is 5 s of real time
	}
}

func TestStreamsAreBounded(t *testing.T) {
	b := newBench(t)
	for range maxStreams {
		if !b.streams.enter() {
			t.Fatal("refused early")
		}
	}
	b.want(t, "GET", "/v1/events", "", 503, codeStreams, "")
	for range maxStreams {
		b.streams.leave()
	}
	b.stream(t, "/v1/events").next()
}

// gone is a client that hung up before the first byte of its answer.
type gone struct{ h http.Header }

func (g gone) Header() http.Header       { return g.h }
func (g gone) Write([]byte) (int, error) { return 0, syscall.EPIPE }
func (g gone) WriteHeader(int)           {}
func (g gone) Flush()                    {}

// Clients that hang up at once take no stream from others: a browser that is
// reloaded again and again does.
func TestStreamsOfThoseWhoHungUp(t *testing.T) {
	b := newBench(t)
	for _, path := range []string{"/v1/events", "/page/events"} {
		for range maxStreams + 1 {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.Host, r.RemoteAddr = b.Addr(), "127.0.0.1:5"
			r.Header.Set("Authorization", "Bearer "+b.token)
			b.ServeHTTP(gone{http.Header{}}, r)
		}
		if n := b.streams.count(); n != 0 {
			t.Fatalf("%s: %d streams of clients that are gone", path, n)
		}
	}
}

// Headers that do not end, bodies that do not come, headers that are too large.
func TestSlowAndLargeRequests(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	talk := func(text string) (*http.Response, error) {
		t.Helper()
		conn, err := net.Dial("tcp", b.Addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := conn.Write([]byte(strings.ReplaceAll(text, "{host}", b.Addr()))); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(conn)
		if err != nil {
			return nil, err
		}
		if len(body) == 0 {
			return nil, io.EOF
		}
		_, rest, _ := strings.Cut(string(body), " ")
		var code int
		fmt.Sscan(rest, &code)
		return &http.Response{StatusCode: code}, nil
	}
	large, err := talk("GET /healthz HTTP/1.1\r\nHost: {host}\r\nX: " + strings.Repeat("a", 64<<10) + "\r\n\r\n")
	if err != nil || large.StatusCode != 431 {
		t.Errorf("large header: %+v, %v", large, err)
	}
	t.Run("slow", func(t *testing.T) {
		t.Run("header", func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			if _, err := talk("GET /healthz HTTP/1.1\r\nHost: {host}\r\nX: "); err != nil && err != io.EOF {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
		})
		t.Run("body", func(t *testing.T) {
			t.Parallel()
			resp, err := talk("POST /v1/sales HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer " + b.token + "\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{")
			if err != nil || resp.StatusCode != 408 {
				t.Errorf("%+v, %v", resp, err)
			}
		})
	})
	if b.engine.count() != 0 {
		t.Error("half a request ran")
	}
}

// Hundreds of connections that ask nothing do not keep a caller out.
func TestIdleConnectionsGiveWay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var conns []net.Conn
	for range maxConns + 60 {
		c, err := net.Dial("tcp", b.Addr())
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	b.want(t, "GET", "/healthz", "", 200, "", "")
	closed := 0
	for _, c := range conns[:60] {
		if err := c.SetReadDeadline(time.Now().Add(60 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); err != nil {
			closed++
		}
	}
	if closed < 50 {
		t.Errorf("%d of the oldest were closed", closed)
	}
	for _, c := range conns {
		c.Close()
	}
}

func TestMetrics(t *testing.T) {
	b := newBench(t)
	watch := b.stream(t, "/v1/events")
	watch.next()
	b.feed.Publish(feed.Scan, map[string]any{"seq": 1})
	b.feed.Publish(feed.Scan, map[string]any{"seq": 2, "refused": map[string]string{"code": "unknown_code"}})
	for range 2 {
		b.feed.Publish(feed.Sale, map[string]any{"id": "A", "state": "closed"})
	}
	b.feed.Publish(feed.Print, map[string]any{"job_id": "A/receipt", "outcome": "confirmed"})
	want := []string{
		`tilld_scans_total{result="ok"} 1`, `tilld_scans_total{result="refused"} 1`, "tilld_sales_closed_total 1", `tilld_prints_total{outcome="confirmed"} 1`,
		"tilld_queue_depth 3", "tilld_link_up 1", `tilld_device_state{device="printer-1",kind="printer",state="absent"} 1`, "tilld_ready 1", "go_goroutines", `tilld_info{till="acme/sh-001/03",version="1.4.0"} 1`,
	}
	for end := time.Now().Add(60 * time.Second); ; {
		text := b.want(t, "GET", "/metrics", "", 200, "", "", "Authorization", "")
		missing := ""
		for _, w := range want {
			if !strings.Contains(text, w) {
				missing = w
			}
		}
		if missing == "" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s is missing in\n%s", missing, text)
		}
		time.Sleep(5 * time.Millisecond) // the counter follows the feed
	}
}

// Stop ends open streams in order, at once: one that held it up would be cut when
// the time for running calls is over.
func TestStopEndsStreams(t *testing.T) {
	b := newBench(t, withScreen)
	open := map[string]*sse{}
	for _, path := range []string{"/v1/events", "/page/events", "/screen/events"} {
		open[path] = b.stream(t, path)
		open[path].next()
	}
	b.halt()
	for path, s := range open {
		for s.r.Scan() {
		}
		if err := s.r.Err(); err != nil {
			t.Errorf("%s was cut: %v", path, err)
		}
	}
	if n := b.streams.count(); n != 0 {
		t.Errorf("%d streams are left", n)
	}
}
