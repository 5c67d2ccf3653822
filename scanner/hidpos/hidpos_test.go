//go:build linux

package hidpos

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"tilld/device"
	"tilld/device/devtest"
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
	for name, late := range map[string]bool{"AIM identifier at 2": false, "at 3": true} {
		t.Run(name, func(t *testing.T) {
			scannertest.Scanner(t, func(t *testing.T) (scanner.Scanner, scannertest.Reader) {
				p := new(devtest.Recorder)
				return open(t, p, `{"gap_ms": 50}`), scannertest.Reader{
					Scan: func(s string) { p.Feed(reports("]Q1", s, late)) },
					Tear: func(s string) {
						b := reports("]Q1", s, late)
						b[63] = 1
						p.Feed(b)
					},
					Rest:    func(s string) { p.Feed(reports("]Q1", s, late)) },
					Silence: func() { time.Sleep(500 * time.Millisecond) },
					Unplug:  func() { p.End(io.EOF) },
				}
			})
		})
	}
}

func TestBeeps(t *testing.T) {
	p := new(devtest.Recorder)
	s := open(t, p, `{"model": "honeywell"}`)
	if err := s.(scanner.Answerer).Answer(t.Context(), true); err != nil || p.Wrote() != "" {
		t.Errorf("a good code: %v, %q", err, p.Wrote())
	}
	if err := s.(scanner.Answerer).Answer(t.Context(), false); err != nil || p.Wrote() != "\xfd\x09\x16\x07\r\x16\x07\r\x16\x07\r" {
		t.Errorf("a refused code: %v, %q", err, p.Wrote())
	}
	p.Reset()
	if err := s.(device.Tester).Test(t.Context()); err != nil || p.Wrote() != "\xfd\x03\x16\x07\r" {
		t.Errorf("test: %v, %q", err, p.Wrote())
	}
	if _, ok := open(t, new(devtest.Recorder), `{}`).(scanner.Answerer); ok {
		t.Error("a scanner of no known make claims that it can beep")
	}
}

func TestNoiseIsAFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(devtest.Recorder)
		s := open(t, p, `{}`)
		p.Feed(make([]byte, 20_000))
		err := s.Run(t.Context(), func(sc scanner.Scan) { t.Errorf("scan %q", sc.Data) })
		if fault.KindOf(err) != fault.Protocol || fault.HintOf(err) == "" {
			t.Errorf("%v, want kind protocol with a hint", err)
		}
	})
}

func TestOptionsAreChecked(t *testing.T) {
	for _, options := range []string{
		`{"modle": ""}`, `{"model": "acme"}`, `{"encoding": "big5"}`, `{"gap_ms": 0}`, `{"gap_ms": 99999}`, `{"max_per_second": 0}`,
	} {
		spec := device.Spec{Name: "scanner-1", Options: json.RawMessage(options)}
		if err := Check(spec); fault.KindOf(err) != fault.Config {
			t.Errorf("%s: %v, want kind config", options, err)
		}
		if _, err := Open(t.Context(), new(devtest.Recorder), spec); fault.KindOf(err) != fault.Config {
			t.Errorf("%s: %v, want kind config", options, err)
		}
	}
	if _, err := Open(t.Context(), nil, device.Spec{Name: "scanner-1"}); fault.KindOf(err) != fault.Config {
		t.Errorf("no address: %v", err)
	}
}

// The port fails in the middle of a code, and its rest comes through the next one.
func TestRestThroughTheNextPort(t *testing.T) {
	opener := Opener(torn.New(torn.Options{}))
	life := func(bytes ...[]byte) []string { return scannertest.Life(t, opener, "scanner-1", bytes...) }
	code := reports("]Q1", "https://shop.example/"+strings.Repeat("0123456789", 10), false)
	if got := life(code[:64]); len(got) > 0 {
		t.Errorf("%q from the first port", got)
	}
	if got := life(code[64:], reports("]Q1", "2", false)); !slices.Equal(got, []string{"2"}) {
		t.Errorf("%q from the next port", got)
	}
}
