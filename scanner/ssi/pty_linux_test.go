package ssi

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"tilld/device/dial"
	"tilld/scanner"
)

// A simulated scanner on a real pseudo-terminal, through the real serial port:
// packets that are damaged, answers that are lost, codes of many packets.
func TestScannerOnAPty(t *testing.T) {
	far, near, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	port, err := dial.New(dial.Options{}).Dial(t.Context(), "serial://"+near.Name()+"?baud=9600")
	near.Close()
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, port, `{}`)
	sim := newSimulator(far)
	gone := make(chan struct{})
	go func() { defer close(gone); sim.listen() }()
	ctx, cancel := context.WithCancel(t.Context())
	got, ended := make(chan scanner.Scan, 10), make(chan error, 1)
	go func() { ended <- s.Run(ctx, func(sc scanner.Scan) { got <- sc }) }()

	long := strings.Repeat("https://t.cn/乌龙茶/", 120)
	for i, step := range []struct {
		damage, deaf int
		typed        bool
		kind         byte
		code, want   string
	}{
		{0, 0, false, 0x0b, "6901234567892", "]E0|6901234567892"},
		{0, 0, false, 0x0b, "6901234567892", "]E0|6901234567892"}, // the same article again
		{0, 0, false, 0x1c, long, "]Q1|" + long},
		{0, 0, true, 0x1c, long, "]Q1|" + long},
		{2, 0, false, 0x1c, long, "]Q1|" + long},
		{0, 2, false, 0x1c, long, "]Q1|" + long},
		{1, 1, false, 0x0b, "6901234567892", "]E0|6901234567892"},
		{0, 3, false, 0x03, "ABC", "]C0|ABC"},
		{0, 0, false, 0x0a, "96385074", "]E4|96385074"},
	} {
		sim.mu.Lock()
		sim.damage, sim.deaf, sim.typed = step.damage, step.deaf, step.typed
		sim.mu.Unlock()
		done := make(chan struct{})
		go func() { defer close(done); sim.scan(step.kind, step.code) }()
		select {
		case sc := <-got:
			if text := sc.AIM + "|" + string(sc.Data); text != step.want {
				t.Fatalf("step %d: got %.60q, want %.60q", i, text, step.want)
			}
		case err := <-ended:
			t.Fatalf("step %d: %v", i, err)
		case <-time.After(60 * time.Second):
			t.Fatalf("step %d: no scan", i)
		}
		<-done
	}
	if err := s.(scanner.Answerer).Answer(t.Context(), false); err != nil {
		t.Error(err)
	}
	for end := time.Now().Add(60 * time.Second); !strings.HasSuffix(sim.opcodes(), "\xe6"); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the scanner has not heard the beep")
		}
	}
	if n := strings.Count(sim.opcodes(), "\xd1"); n != 3 {
		t.Errorf("%d packets were asked for again, want the 3 damaged ones", n)
	}
	select {
	case sc := <-got:
		t.Errorf("a code too many: %.60q", sc.Data)
	default:
	}
	cancel()
	if err := <-ended; err != context.Canceled {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	far.Close()
	<-gone
}
