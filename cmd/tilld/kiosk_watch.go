package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// kioskPatience is how long a page may not draw before its browser is ended. Only
// time counts in which the agent answers: without one no page can follow.
type kioskPatience struct {
	look  time.Duration // between two questions to the agent
	quiet time.Duration // without a frame: the page does not draw
	hung  time.Duration // of not drawing, or of an old scene
	load  time.Duration // of the first frame after the start
}

// A page reports every two seconds. A hung one is gone half a minute later.
var kioskPatient = kioskPatience{look: 3 * time.Second, quiet: 10 * time.Second, hung: 20 * time.Second, load: time.Minute}

// named gives the page of one start a name of its own, and returns where to ask
// the agent for it: "" when the page is not a till's.
func (b browser) named() (args []string, ask string) {
	u, err := url.Parse(b.url)
	if err != nil || u.Path != "/screen" || u.Fragment != "" {
		return b.args, ""
	}
	name := "k" + strconv.FormatUint(rand.Uint64()>>16, 36)
	args = slices.Clone(b.args)
	for i, a := range args {
		if strings.HasPrefix(a, "--app=") {
			args[i] = "--app=" + b.url + "#" + name
		}
	}
	u.Path, u.RawQuery = "/screen/page", url.Values{"id": {name}}.Encode()
	return args, u.String()
}

// pageState is the agent's answer about one page.
type pageState struct {
	Drawn    bool  `json:"drawn"`     // ever
	SilentMS int64 `json:"silent_ms"` // since its last frame
	Stuck    bool  `json:"stuck"`     // on an old scene
}

// hangs watches a page until it hangs (true) or ctx ends.
func (k kioskPatience) hangs(ctx context.Context, ask string, slack int, log *slog.Logger) bool {
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}} // and no proxy
	tick := time.NewTicker(k.look)
	defer tick.Stop()
	seen := kioskSeen{patience: k, slack: time.Duration(slack)}
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		page, ok := asked(ctx, client, ask)
		if seen.hangs(time.Now(), page, ok) {
			log.Warn("the page does not draw; the browser is ended", "drawn", seen.drawn, "silent", (time.Duration(page.SilentMS) * time.Millisecond).String(), "old_scene", page.Stuck)
			return true
		}
	}
}

// kioskSeen is what the agent's answers about one page add up to.
type kioskSeen struct {
	patience  kioskPatience
	slack     time.Duration // times the patience
	drawn     bool          // ever
	last      time.Time     // of the last answer in a row
	bad, load time.Duration // for how long it does not draw, or has not yet
}

// hangs takes the answer of now, ok if there was one, and says whether that makes
// the page a hung one.
func (k *kioskSeen) hangs(now time.Time, page pageState, ok bool) bool {
	if !ok {
		k.bad, k.last = 0, time.Time{}
		return false
	}
	passed := time.Duration(0)
	if !k.last.IsZero() {
		passed = min(now.Sub(k.last), 2*k.patience.look) // what a sleeping machine slept does not count
	}
	k.last = now
	k.drawn = k.drawn || page.Drawn
	switch {
	case !k.drawn:
		k.load += passed
	case !page.Drawn || page.SilentMS > k.patience.quiet.Milliseconds() || page.Stuck:
		k.bad += passed
	default:
		k.bad, k.load = 0, 0
	}
	return k.bad >= k.slack*k.patience.hung || k.load >= k.slack*k.patience.load
}

// asked is the agent's word about a page; false when there is none.
func asked(ctx context.Context, client *http.Client, ask string) (pageState, bool) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, ask, nil)
	if err != nil {
		return pageState{}, false
	}
	answer, err := client.Do(r)
	if err != nil {
		return pageState{}, false
	}
	defer answer.Body.Close()
	var page pageState
	if answer.StatusCode != http.StatusOK || json.NewDecoder(http.MaxBytesReader(nil, answer.Body, 1024)).Decode(&page) != nil {
		return pageState{}, false
	}
	return page, true
}
