package device_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tilld/device"
	"tilld/device/devtest"
)

func TestTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := device.NewTracer(1000, nil)
		raw := new(devtest.Recorder)
		p := tr.Wrap("scanner-1", raw)
		p.Write([]byte("before"))
		if tr.Dump("scanner-1") != nil || len(tr.Names()) != 0 {
			t.Error("recorded before it was started")
		}
		tr.Start("scanner-1")
		p.Write([]byte{0x1b, '@'})
		time.Sleep(20 * time.Millisecond)
		raw.Feed([]byte("]Q1134567890123456789\r"))
		p.Read(make([]byte, 100))
		tr.Note("scanner-1", "beep\n> ffff")
		const want = `# trace 1 of scanner-1, from 2000-01-01T00:00:00Z
> 1b40
# after 20ms
< 5d78303030303030303030303030303030303030300d
# "beep\n> ffff"
`
		if got := string(tr.Dump("scanner-1")); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		tr.Stop("scanner-1")
		p.Write([]byte("after"))
		tr.Note("scanner-1", "after")
		if got := string(tr.Dump("scanner-1")); got != want || len(tr.Names()) != 0 {
			t.Errorf("after Stop: recording %v, got\n%s", tr.Names(), got)
		}
		tr.Start("scanner-1")
		if got := string(tr.Dump("scanner-1")); strings.Contains(got, "1b40") {
			t.Errorf("the next recording begins with the last one:\n%s", got)
		}
	})
}

// A day of traffic takes no more memory than a minute of it.
func TestTraceKeepsTheNewest(t *testing.T) {
	tr := device.NewTracer(100, nil)
	p := tr.Wrap("w-1", new(devtest.Recorder))
	tr.Start("w-1")
	for i := range 1000 {
		p.Write([]byte{byte(i), byte(i >> 8), 0, 0, 0, 0, 0, 0, 0, 0})
	}
	got := string(tr.Dump("w-1"))
	if strings.Count(got, "\n> ") != 10 || !strings.Contains(got, "e703") || !strings.Contains(got, "9900 older bytes") {
		t.Errorf("got\n%s", got)
	}
	p.Write(make([]byte, 5000))
	if got := string(tr.Dump("w-1")); len(got) > 500 {
		t.Errorf("one long write is kept whole: %d bytes", len(got))
	}
}

func TestTracedPortIsAPort(t *testing.T) {
	tr := device.NewTracer(1000, nil)
	tr.Start("w-1")
	raw := new(fakePort)
	p := tr.Wrap("w-1", raw)
	if _, ok := device.As[device.Prober](p); !ok {
		t.Error("what the port can do is hidden by the wrapper")
	}
	device.SetReadDeadline(p, time.Unix(1, 0))
	if _, err := p.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read = %v", err)
	}
	if _, err := p.Write([]byte("x")); err != nil {
		t.Errorf("Write = %v: the read deadline is not its own", err)
	}
}

// What was recorded from a device plays its part in a test.
func TestReplay(t *testing.T) {
	tr := device.NewTracer(1000, func(_ string, _ bool, b []byte) []byte { return append([]byte(nil), b...) })
	raw := &devtest.Recorder{Answer: func(b []byte) []byte { return []byte("ok " + string(b)) }}
	tr.Start("w-1")
	talk := func(p device.Port) string {
		got := ""
		for _, s := range []string{"one", "two"} {
			p.Write([]byte(s))
			b := make([]byte, 10)
			n, _ := p.Read(b)
			got += string(b[:n]) + "/"
		}
		return got
	}
	real := talk(tr.Wrap("w-1", raw))
	if played := talk(devtest.Replay(t, string(tr.Dump("w-1")))); played != real || real != "ok one/ok two/" {
		t.Errorf("real device %q, replay %q", real, played)
	}
}

func FuzzParseTrace(f *testing.F) {
	f.Add("# a\n> 1b40\n< 12\n\n")
	f.Add("> 1b 40\n<zz")
	f.Fuzz(func(t *testing.T, text string) {
		steps, err := devtest.ParseTrace(text)
		for _, s := range steps {
			if err != nil || len(s.Data) == 0 {
				t.Errorf("%q: %+v, %v", text, steps, err)
			}
		}
	})
}
