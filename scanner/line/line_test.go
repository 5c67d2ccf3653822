package line_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"tilld/device"
	"tilld/device/devtest"
	"tilld/internal/fault"
	"tilld/scanner"
	"tilld/scanner/line"
	"tilld/scanner/scannertest"
	"tilld/scanner/torn"
)

func open(t testing.TB, p device.Port, options string) scanner.Scanner {
	t.Helper()
	s, err := line.Open(t.Context(), p, device.Spec{Name: "scanner-1", Options: json.RawMessage(options)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	for name, c := range map[string]struct{ options, before, after string }{
		"as delivered": {`{}`, "", "\r"},
		"crlf":         {`{"suffix": "crlf"}`, "", "\r\n"},
		"stx etx":      {`{"prefix": "stx", "suffix": "etx"}`, "\x02", "\x03"},
		"no suffix":    {`{"suffix": "none", "gap_ms": 20}`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			scannertest.Scanner(t, func(t *testing.T) (scanner.Scanner, scannertest.Reader) {
				p := new(devtest.Recorder)
				r := scannertest.Reader{
					Scan:    func(s string) { p.Feed([]byte(c.before + s + c.after)) },
					Tear:    func(s string) { p.Feed([]byte(c.before + s)) },
					Silence: func() { time.Sleep(700 * time.Millisecond) },
					Rest:    func(s string) { p.Feed([]byte(s + c.after)) },
					Unplug:  func() { p.End(io.EOF) },
				}
				if c.after == "" {
					r.Rest = nil
					r.Tear = func(string) {} // without a suffix nothing tells half a code
				}
				return open(t, p, c.options), r
			})
		})
	}
}

// scans runs the driver on chunks, each followed by a pause, in fake time.
func scans(t *testing.T, options string, pause time.Duration, chunks ...string) (got []scanner.Scan, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := new(devtest.Recorder)
		s := open(t, p, options)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx, func(sc scanner.Scan) { got = append(got, sc) }) }()
		for _, c := range chunks {
			p.Feed([]byte(c))
			time.Sleep(pause)
			synctest.Wait()
		}
		cancel()
		err = <-done
	})
	return got, err
}

func TestFraming(t *testing.T) {
	gb, err := simplifiedchinese.GB18030.NewEncoder().String("乌龙茶")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, options string
		pause         time.Duration
		chunks        []string
		want          []string // AIM identifier, "|", payload
	}{
		{"cr", `{}`, 0, []string{"690\r"}, []string{"|690"}},
		{"cr lf is one end", `{}`, 0, []string{"690\r\n691\r\n"}, []string{"|690", "|691"}},
		{"cr lf torn apart", `{}`, time.Second, []string{"690\r", "\n691\r", "\n"}, []string{"|690", "|691"}},
		{"lf", `{"suffix": "lf"}`, 0, []string{"690\n691\n"}, []string{"|690", "|691"}},
		{"tab", `{"suffix": "tab"}`, 0, []string{"690\t69\r1\t"}, []string{"|690", "|69\r1"}},
		{"bytes", `{"suffix": "hex:2323"}`, 0, []string{"69#0##691##"}, []string{"|69#0", "|691"}},
		{"etx", `{"prefix": "stx", "suffix": "etx"}`, 0, []string{"\x02690\x03\r\n\x02691\x03"}, []string{"|690", "|691"}},
		{"a new beginning cancels the old", `{"prefix": "stx", "suffix": "etx"}`, 0, []string{"\x0269\x02691\x03"}, []string{"|691"}},
		{"a line without the prefix is noise", `{"prefix": "hex:41"}`, 0, []string{"690\rA691\r"}, []string{"|691"}},
		{"a letter as prefix may be in the code", `{"prefix": "hex:41"}`, 0, []string{"ABA1\r"}, []string{"|BA1"}},
		{"empty lines are nothing", `{}`, 0, []string{"\r\r\n\r690\r"}, []string{"|690"}},
		{"aim", `{"aim": true}`, 0, []string{"]Q1https://t.cn/x\r]E06901234567892\r690\r"}, []string{"]Q1|https://t.cn/x", "]E0|6901234567892", "|690"}},
		{"aim off leaves the payload", `{}`, 0, []string{"]Q1\r"}, []string{"|]Q1"}},
		{"aim alone is no code", `{"aim": true}`, 0, []string{"]Q1\r690\r"}, []string{"|690"}},
		{"no AIM identifier with a space in it", `{"aim": true}`, 0, []string{"]Q 1\r]Q~1\r"}, []string{"|]Q 1", "]Q~|1"}},
		{"GS survives", `{"aim": true}`, 0, []string{"]C10109521234543213\x1d10AB\r"}, []string{"]C1|0109521234543213\x1d10AB"}},
		{"no suffix, silence ends", `{"suffix": "none"}`, 60 * time.Millisecond, []string{"690", "691"}, []string{"|690", "|691"}},
		{"no suffix, no silence", `{"suffix": "none"}`, 40 * time.Millisecond, []string{"690", "691", "", ""}, []string{"|690691"}},
		{"torn, then silence", `{}`, 600 * time.Millisecond, []string{"690", "1\r2\r"}, []string{"|2"}},
		{"torn before its end", `{}`, 600 * time.Millisecond, []string{"690", "\r1\r"}, []string{"|1"}},
		{"torn, then a number that checks", `{}`, 600 * time.Millisecond, []string{"690", "96385074\r"}, []string{"|96385074"}},
		{"torn long ago", `{}`, 11 * time.Second, []string{"690", "1\r"}, []string{"|1"}},
		{"torn, then a prefix", `{"prefix": "stx"}`, 600 * time.Millisecond, []string{"\x02690", "\x021\r"}, []string{"|1"}},
		{"torn, then an AIM identifier", `{"aim": true}`, 600 * time.Millisecond, []string{"]Q1690", "]Q11\r"}, []string{"]Q1|1"}},
		{"slow, but no silence", `{}`, 400 * time.Millisecond, []string{"6", "9", "0", "\r"}, []string{"|690"}},
		{"utf-8", `{}`, 0, []string{"乌龙茶\r"}, []string{"|乌龙茶"}},
		{"gb18030", `{}`, 0, []string{gb + "\r"}, []string{"|乌龙茶"}},
		{"latin 1", `{"encoding": "latin1"}`, 0, []string{"caf\xe9\r"}, []string{"|café"}},
		{"neither", `{}`, 0, []string{"caf\xff\r"}, []string{"|cafÿ"}},
		{"a break's NULs", `{}`, 0, []string{"\x00\x00690\r6\x0090\r"}, []string{"|690"}},
		{"end of transmission before the end", `{}`, 0, []string{"690"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := scans(t, tt.options, tt.pause, tt.chunks...)
			var list []string
			for _, s := range got {
				list = append(list, s.AIM+"|"+string(s.Data))
			}
			if !slices.Equal(list, tt.want) {
				t.Errorf("got %q, want %q", list, tt.want)
			}
		})
	}
}

func TestAtIsWhenTheLastByteArrived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(devtest.Recorder)
		s := open(t, p, `{"suffix": "none", "gap_ms": 50}`)
		got := make(chan scanner.Scan, 1)
		go s.Run(t.Context(), func(sc scanner.Scan) { got <- sc })
		time.Sleep(time.Second)
		p.Feed([]byte("690"))
		fed := time.Now()
		if sc := <-got; !sc.At.Equal(fed) || time.Since(fed) != 51*time.Millisecond { // the gap and one more look at the port
			t.Errorf("At is %v after the last byte, emitted %v after it", sc.At.Sub(fed), time.Since(fed))
		}
	})
}

// stalled is a port on a machine that stood still in the middle of a code: the
// deadline has passed, and the rest of the code waits.
type stalled struct {
	devtest.Recorder
	reads int
}

func (p *stalled) Read(b []byte) (int, error) {
	p.reads++
	switch p.reads {
	case 1:
		return copy(b, "690"), nil
	case 2:
		time.Sleep(time.Second)
		return 0, os.ErrDeadlineExceeded
	case 3:
		return copy(b, "1234567892\r"), nil
	}
	return p.Recorder.Read(b)
}

// Half a code can be the number of another article.
func TestStallTearsNoCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, new(stalled), `{}`)
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan string, 4)
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx, func(sc scanner.Scan) { got <- string(sc.Data) }) }()
		if code := <-got; code != "6901234567892" {
			t.Errorf("got %q, want the whole code", code)
		}
		cancel()
		<-done
	})
}

// Bytes at random, as from a line of another speed: what looks like a code in
// them is rare, and does not keep the line in service.
func TestRandomNoise(t *testing.T) {
	noise := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{7}).Read(noise)
	got, err := scans(t, `{}`, 0, string(noise))
	if fault.KindOf(err) != fault.Protocol || len(got) > 20 {
		t.Errorf("%v after %d scans, want kind protocol after a few", err, len(got))
	}
}

// Ten megabytes are read away within seconds, so that the code after them is
// what the next attempt finds.
func TestNoiseIsReadAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(devtest.Recorder)
		noise := make([]byte, 10<<20)
		rand.NewChaCha8([32]byte{8}).Read(noise)
		p.Feed(noise)
		began := time.Now()
		err := open(t, p, `{}`).Run(t.Context(), func(scanner.Scan) {})
		if took := time.Since(began); fault.KindOf(err) != fault.Protocol || took > 5*time.Second {
			t.Errorf("%v after %v, want kind protocol within 5 s", err, took)
		}
		p.Feed([]byte("6901234567892\r"))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var got []string
		open(t, p, `{}`).Run(ctx, func(s scanner.Scan) { got = append(got, string(s.Data)); cancel() })
		if !slices.Equal(got, []string{"6901234567892"}) {
			t.Errorf("the next attempt reads %q", got)
		}
	})
}

// Noise without end is given up, and an orderly stop does not wait for its end.
func TestEndlessNoise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, stop := range []time.Duration{time.Second, time.Hour} {
			p := new(devtest.Recorder)
			ctx, cancel := context.WithTimeout(t.Context(), stop)
			done := make(chan struct{})
			go func() {
				for tick := time.NewTicker(100 * time.Millisecond); ; <-tick.C {
					select {
					case <-done:
						return
					default:
						p.Feed(bytes.Repeat([]byte("x"), 10_000))
					}
				}
			}()
			began := time.Now()
			open(t, p, `{}`).Run(ctx, func(scanner.Scan) {})
			close(done)
			if took := time.Since(began); took > min(stop, 6*time.Second)+100*time.Millisecond {
				t.Errorf("ended after %v", took)
			}
			cancel()
			time.Sleep(time.Second)
		}
	})
}

// Latin-1 without configuration: letters are text, control characters are not.
func TestNeitherUTF8NorGB18030(t *testing.T) {
	got, _ := scans(t, `{}`, 0, "Gr\xfc\xdf\r", "\x01\xfc\xff\r", "\xfc\xff\x85\r", "A\x1d\xff\r")
	if len(got) != 2 || string(got[0].Data) != "Grüß" || string(got[1].Data) != "A\x1dÿ" {
		t.Errorf("%q", got)
	}
	got, _ = scans(t, `{"encoding": "latin1"}`, 0, "\x01\xfc\xff\r")
	if len(got) != 1 || string(got[0].Data) != "\x01üÿ" {
		t.Errorf("latin1: %q", got)
	}
}

// A wrong speed, a printer on the scanner's port, a broken cable.
func TestNoiseIsAFault(t *testing.T) {
	for name, flood := range map[string]string{
		"NULs":        strings.Repeat("\x00", 20_000),
		"no end":      strings.Repeat("x", 20_000),
		"only ends":   strings.Repeat("\r", 20_000),
		"no prefixes": strings.Repeat("1234567\x03", 3_000),
		"codes":       strings.Repeat("\x0269\x03", 2_000),
	} {
		options := `{}`
		if strings.Contains(flood, "\x03") {
			options = `{"prefix": "stx", "suffix": "etx"}`
		}
		got, err := scans(t, options, 0, flood)
		if fault.KindOf(err) != fault.Protocol || fault.HintOf(err) == "" || len(got) > 1000 {
			t.Errorf("%s: %v after %d scans, want kind protocol with a hint", name, err, len(got))
		}
	}
}

func TestBeepsDoNotDisturbReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(devtest.Recorder)
		s := open(t, p, `{"model": "honeywell"}`)
		got := make(chan string, 10)
		go s.Run(t.Context(), func(sc scanner.Scan) { got <- string(sc.Data) })
		p.Feed([]byte("69012"))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := s.(scanner.Answerer).Answer(ctx, false); err != nil {
			t.Fatal(err)
		}
		if want := "\x16\x07\r\x16\x07\r\x16\x07\r"; p.Wrote() != want {
			t.Errorf("wrote %q, want %q", p.Wrote(), want)
		}
		if err := s.(scanner.Answerer).Answer(ctx, true); err != nil || len(p.Wrote()) != 9 {
			t.Errorf("a good code: %v, %q", err, p.Wrote())
		}
		time.Sleep(300 * time.Millisecond)
		p.Feed([]byte("34\r"))
		if data := <-got; data != "6901234" {
			t.Errorf("got %q", data)
		}
	})
	if _, ok := open(t, new(devtest.Recorder), `{}`).(scanner.Answerer); ok {
		t.Error("a scanner of no known make claims that it can beep")
	}
}

// plain is a port with one deadline for both directions.
type plain struct{ p *devtest.Recorder }

func (p plain) Read(b []byte) (int, error)    { return p.p.Read(b) }
func (p plain) Write(b []byte) (int, error)   { return p.p.Write(b) }
func (p plain) Close() error                  { return p.p.Close() }
func (p plain) SetDeadline(t time.Time) error { return p.p.SetDeadline(t) }

// On such a port a beep's deadline ends a read early; that is no silence.
func TestSomebodyElsesDeadlineIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(devtest.Recorder)
		s := open(t, plain{p}, `{}`)
		got := make(chan string, 10)
		go s.Run(t.Context(), func(sc scanner.Scan) { got <- string(sc.Data) })
		p.Feed([]byte("69012"))
		synctest.Wait()
		p.SetDeadline(time.Now().Add(100 * time.Millisecond))
		time.Sleep(200 * time.Millisecond)
		p.Feed([]byte("34\r"))
		if data := <-got; data != "6901234" {
			t.Errorf("got %q", data)
		}
	})
}

// A port fails in the middle of a code, and the rest comes through the next one,
// as a serial server on the network does it. Of another device's halves the
// scanner knows nothing, and what it reads later is in no doubt.
func TestRestThroughTheNextPort(t *testing.T) {
	const ean = "6901234567892"
	opener := line.Opener(torn.New(torn.Options{}))
	life := func(name string, chunks ...string) []string {
		var bytes [][]byte
		for _, c := range chunks {
			bytes = append(bytes, []byte(c))
		}
		return scannertest.Life(t, opener, name, bytes...)
	}
	for _, c := range []struct {
		name, first string
		second      []string
		want        []string
	}{
		{"the rest", "690123", []string{"4567892\r", ean + "\r"}, []string{ean}},
		{"a whole code", "690123", []string{ean + "\r"}, []string{ean}},
		{"nothing was torn", ean + "\r", []string{"4567892\r"}, []string{"4567892"}},
	} {
		if got := life("scanner-1", c.first); len(got) > 1 {
			t.Errorf("%s: %q from the first port", c.name, got)
		}
		if got := life("scanner-2", "42\r"); !slices.Equal(got, []string{"42"}) {
			t.Errorf("%s: the other scanner gives %q", c.name, got)
		}
		if got := life("scanner-1", c.second...); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// The agent is killed in the middle of a code, and the rest of it comes to the
// agent's next life; so does what lay whole in the cable meanwhile.
func TestRestAfterAKill(t *testing.T) {
	const ean = "6901234567892"
	for _, c := range []struct{ options, half, next, want string }{
		{`{}`, "690123", "4567892\r" + ean + "\r", ean},
		{`{}`, "690123", ean + "\r", ean},
		{`{}`, "42\r6901", "234567892\r", "42"},
		{`{}`, "", "4567892\r", "4567892"},
		{`{}`, ean + "\r", "4567892\r", ean + " 4567892"},
		{`{}`, strings.Repeat("9", 4000), "9999\r" + ean + "\r", ean},
		{`{"prefix": "stx"}`, "\x02690123", "4567892\r\x0242\r", "42"},
		{`{"aim": true}`, "]Q1https", "://t.cn/1\r]Q142\r", "42"},
		{`{"suffix": "none"}`, "690123", "4567892", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			dir := t.TempDir()
			var got []string
			life := func(bytes string) (kill func()) {
				p := new(devtest.Recorder)
				m := torn.New(torn.Options{Dir: dir})
				s, err := line.Opener(m)(t.Context(), p, device.Spec{Name: "scanner-1", Options: json.RawMessage(c.options)})
				if err != nil {
					t.Fatal(err)
				}
				dead := false
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					s.Run(ctx, func(sc scanner.Scan) {
						if !dead {
							got = append(got, string(sc.Data))
						}
					})
				}()
				p.Feed([]byte(bytes))
				synctest.Wait() // the bytes are read, and no time has passed
				return func() { dead = true; m.Close(); cancel(); <-ended }
			}
			life(c.half)()
			kill := life(c.next)
			time.Sleep(time.Second)
			synctest.Wait()
			kill()
			if list := strings.Join(got, " "); list != c.want {
				t.Errorf("%s: %.30q, killed, then %q: got %q, want %q", c.options, c.half, c.next, list, c.want)
			}
		})
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, options := range []string{
		`{"sufix": "cr"}`, `{"suffix": "enter"}`, `{"suffix": "hex:"}`, `{"suffix": "hex:0"}`, `{"prefix": "hex:010203040506070809"}`,
		`{"encoding": "big5"}`, `{"model": "acme"}`, `{"gap_ms": -1}`, `{"gap_ms": 99999}`, `{"max_per_second": 0}`,
	} {
		if _, err := line.Open(t.Context(), new(devtest.Recorder), device.Spec{Name: "scanner-1", Options: json.RawMessage(options)}); fault.KindOf(err) != fault.Config {
			t.Errorf("%s: %v, want kind config", options, err)
		}
	}
	if _, err := line.Open(t.Context(), nil, device.Spec{Name: "scanner-1"}); fault.KindOf(err) != fault.Config {
		t.Errorf("no address: %v", err)
	}
}

// More codes than a reader can read are not believed, and the fault says so.
func TestFloodIsAFault(t *testing.T) {
	p := new(devtest.Recorder)
	s := open(t, p, `{"max_per_second": 10}`)
	p.Feed([]byte(strings.Repeat("6901234567892\r", 300)))
	n := 0
	err := s.Run(t.Context(), func(scanner.Scan) { n++ })
	if fault.KindOf(err) != fault.Protocol || !errors.Is(err, scanner.ErrFlood) || n < 100 || n > 200 {
		t.Errorf("%v after %d scans, want kind protocol", err, n)
	}
}
