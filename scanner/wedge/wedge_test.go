//go:build linux

package wedge

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/creack/pty"
	"go.uber.org/goleak"

	"tilld/device"
	"tilld/device/devtest"
	"tilld/device/nodeport"
	"tilld/internal/fault"
	"tilld/scanner"
	"tilld/scanner/scannertest"
	"tilld/scanner/torn"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, p device.Port, options string) scanner.Scanner {
	t.Helper()
	s, err := Open(t.Context(), p, device.Spec{Name: "scanner-1", Options: json.RawMessage(options)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	scannertest.Scanner(t, func(t *testing.T) (scanner.Scanner, scannertest.Reader) {
		p := new(devtest.Recorder)
		k := keyboard{now: time.Hour, step: 100 * time.Microsecond}
		return open(t, p, `{}`), scannertest.Reader{
			Scan:    func(s string) { k.typeText(s); k.press(28); p.Feed(k.take()) },
			Tear:    func(s string) { k.typeText(s); p.Feed(k.take()) },
			Rest:    func(s string) { k.typeText(s); k.press(28); p.Feed(k.take()) },
			Silence: func() { k.pause(time.Second) }, // in the events' own time
			Unplug:  func() { p.End(io.EOF) },
		}
	})
}

// A node of the real dialer: a pty stands for the keyboard, which it is not, so
// nothing is grabbed and everything else happens.
func TestOnANode(t *testing.T) {
	far, near, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	if err := raw(near); err != nil {
		t.Fatal(err)
	}
	p, err := nodeport.New("", "input").Open(t.Context(), &url.URL{Scheme: "evdev", Path: near.Name()})
	near.Close()
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, p, `{}`)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got, ended := make(chan scanner.Scan, 10), make(chan error, 1)
	go func() { ended <- s.Run(ctx, func(sc scanner.Scan) { got <- sc }) }()
	k := keyboard{now: time.Hour, step: 8 * time.Millisecond}
	k.typeText("6901234567892")
	k.press(28)
	far.Write(k.take())
	select {
	case sc := <-got:
		if string(sc.Data) != "6901234567892" || sc.Device != "scanner-1" {
			t.Errorf("got %q from %q", sc.Data, sc.Device)
		}
	case <-time.After(60 * time.Second):
		t.Fatal("no scan")
	}
	cancel()
	if err := <-ended; err != context.Canceled {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestAKeyboardForPeopleIsNoScanner(t *testing.T) {
	p := new(devtest.Recorder)
	s := open(t, p, `{}`)
	k := keyboard{now: time.Hour, step: 400 * time.Millisecond}
	for range 600 {
		k.typeText("dear sir or madam")
	}
	p.Feed(k.take())
	err := s.Run(t.Context(), func(sc scanner.Scan) { t.Errorf("scan %q", sc.Data) })
	if fault.KindOf(err) != fault.Protocol || fault.HintOf(err) == "" {
		t.Errorf("%v, want kind protocol with a hint", err)
	}
}

func TestFloodIsAFault(t *testing.T) {
	p := new(devtest.Recorder)
	s := open(t, p, `{"max_per_second": 10}`)
	k := keyboard{now: time.Hour}
	for range 500 {
		k.typeText("1")
		k.press(28)
	}
	p.Feed(k.take())
	n := 0
	err := s.Run(t.Context(), func(scanner.Scan) { n++ })
	if fault.KindOf(err) != fault.Protocol || !errors.Is(err, scanner.ErrFlood) || n > 200 {
		t.Errorf("%v after %d scans, want kind protocol", err, n)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, options := range []string{
		`{"sufix": "enter"}`, `{"suffix": "cr"}`, `{"suffix": ""}`, `{"alt": "hex"}`, `{"encoding": "big5"}`,
		`{"gap_ms": 0}`, `{"gap_ms": 99999}`, `{"max_per_second": 0}`, `{"grab": 1}`,
	} {
		spec := device.Spec{Name: "scanner-1", Options: json.RawMessage(options)}
		if err := Check(spec); fault.KindOf(err) != fault.Config {
			t.Errorf("%s: %v, want kind config", options, err)
		}
		if _, err := Open(t.Context(), new(devtest.Recorder), spec); fault.KindOf(err) != fault.Config {
			t.Errorf("%s: %v, want kind config", options, err)
		}
	}
	if _, err := Open(t.Context(), nil, device.Spec{Name: "scanner-1"}); fault.KindOf(err) != fault.Config || !strings.Contains(err.Error(), "evdev://") {
		t.Errorf("no address: %v", err)
	}
}

// The agent is stopped in order in the middle of a code, and started again: the
// rest of it is no code. The kernel's events count from the start of the machine.
func TestRestAfterAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		k := keyboard{now: time.Hour, step: time.Millisecond}
		var got []string
		life := func(text string, enter bool) {
			p := new(devtest.Recorder)
			m := torn.New(torn.Options{Dir: dir})
			defer m.Close()
			s, err := Opener(m)(t.Context(), p, device.Spec{Name: "scanner-1"})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				s.Run(ctx, func(sc scanner.Scan) { got = append(got, string(sc.Data)) })
			}()
			k.typeText(text)
			if enter {
				k.press(28)
			}
			p.Feed(k.take())
			synctest.Wait()
			cancel()
			<-ended
		}
		life("690123", false)
		life("4567892", true)
		life("4567892", true)
		if !slices.Equal(got, []string{"4567892"}) {
			t.Errorf("got %q: the rest of the code that was cut off counts", got)
		}
	})
}

// A code that was cut off by an unplugged cable casts doubt on the next one for
// ten seconds, not for ever.
func TestDoubtEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := torn.New(torn.Options{})
		k := keyboard{now: time.Hour, step: time.Millisecond}
		d := decoder{cfg: with(t, nil), tear: m.Take(device.Spec{Name: "scanner-1"})}
		k.typeText("690123")
		d.Feed(time.Now(), k.take())
		d.abandon()
		m.Keep(d.tear, nil)
		d = decoder{cfg: with(t, nil), tear: m.Take(device.Spec{Name: "scanner-1"})}
		time.Sleep(time.Minute)
		k.now += time.Minute
		k.typeText("4567892")
		k.press(28)
		if got := texts(d.Feed(time.Now(), k.take())); !slices.Equal(got, []string{"|4567892"}) {
			t.Errorf("a minute later: got %q", got)
		}
	})
}

// The cable goes in the middle of a code, and the scanner, a cordless one at its
// station, types the rest into the next port.
func TestRestThroughTheNextPort(t *testing.T) {
	const ean = "6901234567892"
	opener := Opener(torn.New(torn.Options{}))
	k := keyboard{now: time.Hour, step: time.Millisecond}
	life := func(codes ...string) []string {
		for _, c := range codes {
			text, whole := strings.CutSuffix(c, "\n")
			k.typeText(text)
			if whole {
				k.press(28)
			}
		}
		return scannertest.Life(t, opener, "scanner-1", k.take())
	}
	if got := life("690123"); len(got) > 0 {
		t.Errorf("%q from the first port", got)
	}
	if got := life("4567892\n", ean+"\n"); !slices.Equal(got, []string{ean}) {
		t.Errorf("%q from the next port", got)
	}
}
