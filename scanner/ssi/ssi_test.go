package ssi

import (
	"context"
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

// recorded makes a simulator of a port that keeps what the driver writes.
func feed(p *devtest.Recorder, kind byte, code string) {
	sim := new(simulator)
	data := string([]byte{kind}) + code
	for more := true; more; {
		n := min(250, len(data))
		status := byte(0)
		if more = len(data) > n; more {
			status = 2
		}
		p.Feed(sim.packet(status, data[:n]))
		data = data[n:]
	}
}

func TestConformance(t *testing.T) {
	for name, tear := range map[string]func(p *devtest.Recorder, s string){
		"torn in a packet":     func(p *devtest.Recorder, s string) { p.Feed(new(simulator).packet(0, "\x0b"+s)[:9]) },
		"torn between packets": func(p *devtest.Recorder, s string) { p.Feed(new(simulator).packet(2, "\x0b"+s)) },
		"torn in a second one": func(p *devtest.Recorder, s string) {
			p.Feed(new(simulator).packet(2, "\x0b"+s))
			p.Feed([]byte{30, 0xf3})
		},
		"a packet with damage":  func(p *devtest.Recorder, s string) { b := new(simulator).packet(0, "\x0b"+s); b[6] ^= 1; p.Feed(b) },
		"a length too long":     func(p *devtest.Recorder, s string) { b := new(simulator).packet(0, "\x0b"+s); b[0] = 250; p.Feed(b) },
		"a stray byte up front": func(p *devtest.Recorder, s string) { p.Feed([]byte{'x'}); p.Feed(new(simulator).packet(2, "\x0b"+s)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scannertest.Scanner(t, func(t *testing.T) (scanner.Scanner, scannertest.Reader) {
				p := new(devtest.Recorder)
				var rest func(string)
				if strings.HasPrefix(name, "torn between") {
					rest = func(s string) { feed(p, 0x0b, s) }
				}
				return open(t, p, `{"gap_ms": 20}`), scannertest.Reader{
					Rest:    rest,
					Scan:    func(s string) { feed(p, 0x0b, s) },
					Tear:    func(s string) { tear(p, s) },
					Silence: func() { time.Sleep(time.Second) },
					Unplug:  func() { p.End(io.EOF) },
				}
			})
		})
	}
}

func TestSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(devtest.Recorder)
		s := open(t, p, `{"trigger": "host"}`)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx, func(scanner.Scan) {}) }()
		synctest.Wait()
		start, stop := "\x04\xe4\x04\x00\xff\x14", "\x04\xe5\x04\x00\xff\x13"
		if p.Wrote() != start {
			t.Errorf("wrote %x, want a session", p.Wrote())
		}
		p.Reset()
		feed(p, 0x0b, "690")
		synctest.Wait()
		if p.Wrote() != ack+start {
			t.Errorf("after a code %x, want it acknowledged and another session", p.Wrote())
		}
		p.Reset()
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if p.Wrote() != start+start {
			t.Errorf("after 11 s %x, want two sessions", p.Wrote())
		}
		p.Reset()
		cancel()
		if err := <-ended; err != context.Canceled {
			t.Error(err)
		}
		if err := s.Close(); err != nil || p.Wrote() != stop {
			t.Errorf("Close: %v, wrote %x", err, p.Wrote())
		}
	})
}

func TestBeeps(t *testing.T) {
	p := new(devtest.Recorder)
	s := open(t, p, `{}`)
	if err := s.(scanner.Answerer).Answer(t.Context(), true); err != nil || p.Wrote() != "" {
		t.Errorf("a good code: %v, %x", err, p.Wrote())
	}
	if err := s.(scanner.Answerer).Answer(t.Context(), false); err != nil || p.Wrote() != "\x05\xe6\x04\x00\x11\xff\x00" {
		t.Errorf("a refused code: %v, %x", err, p.Wrote())
	}
	p.Reset()
	if err := s.(device.Tester).Test(t.Context()); err != nil || p.Wrote() != "\x05\xe6\x04\x00\x00\xff\x11" {
		t.Errorf("test: %v, %x", err, p.Wrote())
	}
	quiet := open(t, new(devtest.Recorder), `{"beep": false}`).(scanner.Answerer)
	if err := quiet.Answer(t.Context(), false); err != nil {
		t.Error(err)
	}
}

func TestNoiseIsAFault(t *testing.T) {
	for name, flood := range map[string]string{
		"another protocol": strings.Repeat("6901234567892\r", 2000),
		"NULs":             strings.Repeat("\x00", 20_000),
	} {
		p := new(devtest.Recorder)
		s := open(t, p, `{}`)
		p.Feed([]byte(flood))
		err := s.Run(t.Context(), func(sc scanner.Scan) { t.Errorf("scan %q", sc.Data) })
		if fault.KindOf(err) != fault.Protocol || fault.HintOf(err) == "" {
			t.Errorf("%s: %v, want kind protocol with a hint", name, err)
		}
	}
}

// A line on which nothing goes back is not one on which codes may get lost.
func TestAnswersThatCannotBeSent(t *testing.T) {
	p := new(devtest.Recorder)
	s := open(t, p, `{}`)
	p.Fail(io.ErrClosedPipe)
	feed(p, 0x0b, "690")
	if err := s.Run(t.Context(), func(scanner.Scan) {}); fault.KindOf(err) != fault.Absent {
		t.Errorf("%v, want kind absent", err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, options := range []string{
		`{"triger": ""}`, `{"trigger": "me"}`, `{"continuation": "x"}`, `{"encoding": "big5"}`, `{"gap_ms": 0}`, `{"gap_ms": 1999}`, `{"max_per_second": 0}`,
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
	sim := new(simulator)
	if got := life(sim.packet(2, "\x0b690123")); len(got) > 0 {
		t.Errorf("%q from the first port", got)
	}
	if got := life(sim.packet(0, "\x0b4567892"), sim.packet(0, "\x0b42")); !slices.Equal(got, []string{"42"}) {
		t.Errorf("%q from the next port", got)
	}
}
