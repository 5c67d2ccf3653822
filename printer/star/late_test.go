package star_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tilld/printer"
	"tilld/printer/printertest"
	"tilld/printer/star"
)

func frame(count byte) []byte {
	return []byte{0x23, 0x06, 0, 0, 0, 0, 0, count&7<<1 | count>>3<<5, 0}
}

// A printer that was slower than anybody waits tells later, when nobody asks, that
// the job is on paper: the ledger hears of it. What another job's answer or a
// counter that began anew says proves nothing.
func TestLateEvidence(t *testing.T) {
	mark := printer.Mark("a")
	echo := func(m string) []byte {
		return []byte("\x1b\x1d\x03\x01" + m[:2] + "\x01\x00" + "\x1b\x1d\x03\x00" + m[2:] + "\x01\x00")
	}
	sent := []string{"a sending", "a sent status"}
	for _, c := range []struct {
		name, options string
		count         byte // before the job
		answer        []byte
		want          []string
	}{
		{"document", `{}`, 0, echo(mark), append(slices.Clone(sent), "a confirmed process_id")},
		{"another's document", `{}`, 0, echo(printer.Mark("b")), sent},
		{"half an answer", `{}`, 0, echo(mark)[8:], sent},
		{"etb", `{"language": "line"}`, 7, frame(8), append(slices.Clone(sent), "a confirmed in_order")},
		{"power lost", `{"language": "line"}`, 7, frame(0), sent},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				go func() {
					buf := make([]byte, 65536)
					for {
						n, err := far.Read(buf)
						if err != nil {
							return
						}
						if bytes.HasSuffix(buf[:n], []byte{0x1b, 0x06, 0x01}) {
							go far.Write(frame(c.count))
						}
					}
				}()
				d, err := star.Open(t.Context(), near, spec(c.options))
				if err != nil {
					t.Fatal(err)
				}
				var l printertest.Ledger
				l.Add(printer.Job{ID: "a", Printer: "printer-1", Doc: printer.Doc{printer.Text{Line: "x"}}})
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error)
				st := printer.Station{Name: "printer-1", Ledger: &l, Log: slog.New(slog.DiscardHandler)}
				go func() { done <- st.Serve(ctx, d) }()
				time.Sleep(time.Minute)
				go far.Write(c.answer)
				time.Sleep(time.Minute)
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
				if got := l.Log(); !slices.Equal(got, c.want) {
					t.Errorf("ledger %q, want %q", got, c.want)
				}
				d.Close()
				far.Close()
			})
		})
	}
}

// A printer whose receive buffer ran over has lost something, whatever its
// counter says.
func TestBufferOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go func() {
			buf := make([]byte, 65536)
			for count := byte(0); ; {
				n, err := far.Read(buf)
				if err != nil {
					return
				}
				f := frame(count)
				if bytes.Contains(buf[:n], []byte{0x17}) {
					count++
					f = frame(count)
					f[4] = 0x40
				}
				go far.Write(f)
			}
		}()
		d, err := star.Open(t.Context(), near, spec(`{"language": "line"}`))
		if err != nil {
			t.Fatal(err)
		}
		r, err := d.Print(t.Context(), "a", printer.Doc{printer.Text{Line: "x"}})
		if err == nil || !r.Started {
			t.Errorf("%+v, %v", r, err)
		}
		d.Close()
		far.Close()
	})
}
