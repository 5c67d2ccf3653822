package star_test

import (
	"bytes"
	"net"
	"testing"
	"testing/synctest"

	"tilld/device"
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
	for _, c := range []struct {
		name, options string
		count         byte // before the job
		answer        []byte
		proves        printer.Evidence
	}{
		{"document", `{}`, 0, echo(mark), printer.ProcessID},
		{"another's document", `{}`, 0, echo(printer.Mark("b")), ""},
		{"half an answer", `{}`, 0, echo(mark)[8:], ""},
		{"etb", `{"language": "line"}`, 7, frame(8), printer.InOrder},
		{"power lost", `{"language": "line"}`, 7, frame(0), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			printertest.LateEvidence(t, printertest.Late{
				Open: func(t *testing.T, p device.Port) printer.Printer {
					d, err := star.Open(t.Context(), p, spec(c.options))
					if err != nil {
						t.Fatal(err)
					}
					return d
				},
				Status: func(sent []byte) []byte {
					if !bytes.HasSuffix(sent, []byte{0x1b, 0x06, 0x01}) {
						return nil
					}
					return frame(c.count)
				},
				Answer: c.answer, Proves: c.proves,
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
