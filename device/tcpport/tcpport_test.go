package tcpport_test

import (
	"net"
	"net/url"
	"testing"

	"tilld/device"
	"tilld/device/devtest"
	"tilld/device/tcpport"
	"tilld/internal/fault"
)

func open(t *testing.T, addr string) (device.Port, error) {
	t.Helper()
	u, err := url.Parse(addr)
	if err != nil {
		t.Fatal(err)
	}
	p, err := tcpport.Open(t.Context(), u)
	if err == nil {
		t.Cleanup(func() { p.Close() })
	}
	return p, err
}

func TestConformance(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	devtest.Port(t, func(t *testing.T) devtest.Pair {
		near, err := open(t, "tcp://"+l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		far, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { far.Close() })
		return devtest.Pair{Near: near, Far: far, Unplug: func() { far.Close() }}
	})
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	for addr, want := range map[string]fault.Kind{
		"tcp://" + closed:                fault.Absent,
		"tcp://127.0.0.1":                fault.Config,
		"tcp://127.0.0.1:0":              fault.Config,
		"tcp://127.0.0.1:70000":          fault.Config,
		"tcp://:9100":                    fault.Config,
		"tcp://127.0.0.1:9100/raw":       fault.Config,
		"tcp://127.0.0.1:9100?baud=9600": fault.Config,
	} {
		_, err := open(t, addr)
		if got := fault.KindOf(err); got != want || fault.HintOf(err) == "" {
			t.Errorf("%s: %v, hint %q, want kind %v and a hint", addr, err, fault.HintOf(err), want)
		}
		if _, ok := device.AdviceOf(err); !ok {
			t.Errorf("%s: no advice in both languages", addr)
		}
	}
}
