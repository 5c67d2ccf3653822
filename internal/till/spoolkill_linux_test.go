package till_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/internal/sim"
	"tilld/internal/till"
	"tilld/printer"
	"tilld/printer/escpos"
)

// spoolSteps are the places where the agent dies while it prints one job, and
// what must have become of the job once it is up again.
var spoolSteps = []struct {
	step    string
	want    []printer.Outcome // one of these, with the printer untouched
	printed []int             // how many whole receipts there may be
	outage  []printer.Outcome // the same when the printer loses its power too
}{
	{"queued", []printer.Outcome{printer.Confirmed}, []int{1}, []printer.Outcome{printer.Confirmed}},
	{"before begin", []printer.Outcome{printer.Confirmed}, []int{1}, []printer.Outcome{printer.Confirmed}},
	{"after begin", []printer.Outcome{printer.Uncertain}, []int{0}, []printer.Outcome{printer.Uncertain}},
	{"mid bytes", []printer.Outcome{printer.Uncertain}, []int{0}, []printer.Outcome{printer.Uncertain}},
	// The printer still prints: its answer comes to the agent's next life.
	{"all bytes", []printer.Outcome{printer.Confirmed}, []int{1}, []printer.Outcome{printer.Uncertain}},
	// The answer was heard and is lost with the agent.
	{"before end", []printer.Outcome{printer.Uncertain}, []int{1}, []printer.Outcome{printer.Uncertain}},
	{"after end", []printer.Outcome{printer.Confirmed}, []int{1}, []printer.Outcome{printer.Confirmed}},
}

// A job is printed at most once by itself, whatever dies when, and the next
// receipt is on clean paper.
func TestSpoolKilledAtEachStep(t *testing.T) {
	for _, c := range spoolSteps {
		for _, outage := range []bool{false, true} {
			name := c.step
			if outage {
				name += ", printer too"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p, addr := simPrinter(t)
				dir := filepath.Join(t.TempDir(), "data")
				if c.step == "all bytes" { // slow enough to be still at it when the agent is dead
					p.Set(func(s *sim.Switches) { s.DotsPerSecond = 400 })
				}
				child := exec.Command(os.Args[0], "-test.run=^TestSpoolChild$", "-test.count=1")
				child.Env = append(os.Environ(), "SPOOL_DIR="+dir, "SPOOL_ADDR="+addr, "SPOOL_STEP="+c.step)
				out, err := child.CombinedOutput()
				if ws, ok := child.ProcessState.Sys().(syscall.WaitStatus); !ok || !ws.Signaled() || ws.Signal() != syscall.SIGKILL {
					t.Fatalf("the child was to be killed: %v\n%s", err, out)
				}
				// Only when the printer has noticed too does it keep what it has to tell.
				for late := time.Now().Add(time.Minute); p.Stats().Held; time.Sleep(2 * time.Millisecond) {
					if time.Now().After(late) {
						t.Fatal("the printer still talks to a dead agent")
					}
				}
				want := c.want
				if outage {
					want = c.outage
					p.Set(func(s *sim.Switches) { s.Off = true })
					p.Set(func(s *sim.Switches) { s.Off = false })
				}
				p.Set(func(s *sim.Switches) { s.DotsPerSecond = 0 })
				afterwards(t, p, addr, dir, want, c.printed, outage)
			})
		}
	}
}

// afterwards starts the till again, has it print another job and looks at the
// paper.
func afterwards(t *testing.T, p *sim.Printer, addr, dir string, want []printer.Outcome, printed []int, outage bool) {
	r := &rig{t: t, dir: dir, o: spoolOptions(), cloud: &fakeCloud{}, log: &strings.Builder{}, kicks: make(chan struct{}, 1)}
	r.start()
	t.Cleanup(func() { r.halt() })
	stop := spool(t, r.till, addr, nil)
	defer stop()
	if _, err := r.print(till.PrintRequest{JobID: "next", Markup: "the next shopper"}); err != nil {
		t.Fatal(err)
	}
	r.until("the next job is confirmed", func() bool {
		j, err := r.till.Job("next")
		return err == nil && j.Outcome == printer.Confirmed
	})
	r.until("the first has become what it must", func() bool {
		j, err := r.till.Job("first")
		return err == nil && slices.Contains(want, j.Outcome)
	})
	whole := 0
	list, _ := p.Tickets(0)
	for _, k := range list {
		if slices.Contains(k.Lines, "line 59") {
			whole++
		}
		if slices.Contains(k.Lines, "the next shopper") && (len(k.Lines) != 1 || k.Height > 100) {
			t.Errorf("the next receipt is %d dots long and says %q", k.Height, k.Lines)
		}
	}
	if !slices.Contains(printed, whole) && !outage {
		t.Errorf("%d whole receipts, want %v", whole, printed)
	}
	if whole > 1 {
		t.Errorf("printed %d times", whole)
	}
	if n := p.Stats().Pulses; n > 0 {
		t.Errorf("the drawer opened %d times", n)
	}
}

// simPrinter is a printer on a TCP port.
func simPrinter(t testing.TB) (*sim.Printer, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := sim.NewPrinter(sim.Model{})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{}, 2)
	go func() { p.Run(ctx); done <- struct{}{} }()
	go func() { p.ServeTCP(ctx, l); done <- struct{}{} }()
	t.Cleanup(func() { cancel(); <-done; <-done })
	return p, l.Addr().String()
}

// spoolOptions are a till whose markup is one line, or for "long" sixty lines
// and a code.
func spoolOptions() till.Options {
	return till.Options{
		Till: till.TillStatus{Merchant: "acme", Store: "sh-001", Till: "03"}, Location: time.UTC,
		ReceiptPrinter: "printer-1", Printers: []string{"printer-1"},
		Markup: func(src string) (printer.Doc, error) {
			if src != "long" {
				return printer.Doc{printer.Text{Line: src}, printer.Cut{}}, nil
			}
			doc := printer.Doc{printer.QR{Payload: strings.Repeat("https://example.cn/", 12), MM: 60}}
			for i := range 60 {
				doc = append(doc, printer.Text{Line: fmt.Sprintf("line %d", i)})
			}
			return append(doc, printer.Cut{}), nil
		},
	}
}

// spool keeps a printer in service as the agent does: opened again after each
// failure.
func spool(t *testing.T, l printer.Ledger, addr string, wrap func(device.Port) device.Port) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	st := &printer.Station{Name: "printer-1", Ledger: l, Log: slog.New(slog.DiscardHandler)}
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				continue
			}
			var port device.Port = conn
			if wrap != nil {
				port = wrap(conn)
			}
			d, err := escpos.Open(ctx, port, device.Spec{Name: "printer-1", Driver: "escpos", Options: []byte(`{"profile":"epson-tm-t81"}`)})
			if err != nil {
				t.Error(err)
				conn.Close()
				return
			}
			if err := st.Serve(ctx, d); err != nil && !fault.KindOf(err).Transient() {
				t.Errorf("the printer failed: %v", err)
			}
			d.Close()
		}
	}()
	return func() { cancel(); <-done }
}

// TestSpoolChild is the agent that is killed; it does nothing by itself.
func TestSpoolChild(t *testing.T) {
	step := os.Getenv("SPOOL_STEP")
	if step == "" {
		t.Skip("runs as the child of TestSpoolKilledAtEachStep")
	}
	r := &rig{t: t, dir: os.Getenv("SPOOL_DIR"), o: spoolOptions(), cloud: &fakeCloud{}, log: &strings.Builder{}, kicks: make(chan struct{}, 1)}
	r.start()
	if _, err := r.print(till.PrintRequest{JobID: "first", Markup: "long"}); err != nil {
		t.Fatal(err)
	}
	if step == "queued" {
		die()
	}
	spool(t, deadly{r.till, step}, os.Getenv("SPOOL_ADDR"), func(p device.Port) device.Port {
		return &deadlyPort{Port: p, step: step}
	})
	<-time.After(2 * time.Minute)
	t.Fatal("nobody died")
}

func die() {
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// deadly is a ledger that dies at a step.
type deadly struct {
	*till.Till
	step string
}

func (d deadly) Begin(ctx context.Context, name, id string) error {
	if d.step == "before begin" {
		die()
	}
	err := d.Till.Begin(ctx, name, id)
	if d.step == "after begin" {
		die()
	}
	return err
}

func (d deadly) End(ctx context.Context, id string, o printer.Outcome, e printer.Evidence, reason string) error {
	if d.step == "before end" {
		die()
	}
	err := d.Till.End(ctx, id, o, e, reason)
	if d.step == "after end" {
		die()
	}
	return err
}

// deadlyPort dies in the middle of the job, or right behind it.
type deadlyPort struct {
	device.Port
	step string
	sent int
	end  bool
}

func (p *deadlyPort) Write(b []byte) (int, error) {
	if p.step == "mid bytes" && p.sent+len(b) > 5000 { // in the picture
		p.Port.Write(b[:len(b)/2])
		die()
	}
	n, err := p.Port.Write(b)
	p.sent += n
	p.end = p.end || bytes.Contains(b, []byte("\x1d(H"))
	if p.step == "all bytes" && p.end {
		die()
	}
	return n, err
}
