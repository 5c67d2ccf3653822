package screen_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tilld/device"
	"tilld/display"
	"tilld/display/screen"
	"tilld/internal/fault"
)

// The test of the screen is seen on every page, for a moment: the scene comes back
// by itself, or another one takes its place at once. A pay code is left alone.
func TestTestIsSeen(t *testing.T) {
	stage := display.NewStage(display.Scene{Kind: display.Idle, Language: "en"})
	s := screen.New(stage, screen.Options{})
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(func() { shut(srv) })
	glass, err := s.Open(t.Context(), nil, device.Spec{Name: "screen-7", Driver: "screen"})
	if err != nil {
		t.Fatal(err)
	}
	tester, ok := glass.(device.Tester)
	if !ok {
		t.Fatal("the screen has no test")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"/screen/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	rest := ""
	until := func(parts ...string) {
		t.Helper()
		buf := make([]byte, 4096)
		for {
			for {
				event, after, whole := strings.Cut(rest, "\n\n")
				if !whole {
					break
				}
				rest = after
				if strings.Contains(event, parts[0]) && strings.Contains(event, parts[len(parts)-1]) {
					return
				}
			}
			n, err := resp.Body.Read(buf)
			if err != nil {
				t.Fatalf("%v before %q", err, parts)
			}
			rest += string(buf[:n])
		}
	}
	run := func() <-chan error {
		done := make(chan error, 1)
		go func() { done <- tester.Test(ctx) }()
		return done
	}

	until(`"kind":"idle"`)
	done := run()
	until(`"title":"Display test"`, `"text":"screen-7"`)
	until(`"kind":"idle"`)
	if err := <-done; err != nil {
		t.Error(err)
	}

	done = run()
	until(`"title":"Display test"`)
	stage.Set(paying("P", time.Hour))
	until(`"kind":"paying"`)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := tester.Test(ctx); fault.KindOf(err) != fault.Refused {
		t.Errorf("over a pay code: %v, want kind refused", err)
	}
}
