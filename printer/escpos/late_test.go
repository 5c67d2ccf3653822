package escpos_test

import (
	"bytes"
	"errors"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tilld/device"
	"tilld/printer"
	"tilld/printer/escpos"
	"tilld/printer/printertest"
)

// An answer that comes while the next job prints belongs to the job before: it
// confirms nothing. When an answer is lost for good, later jobs get theirs again.
func TestLateAnswers(t *testing.T) {
	status, inOrder := printer.StatusGood, printer.InOrder
	for _, c := range []struct {
		name    string
		answers []int // to GS r, given while job i prints
		want    []printer.Evidence
	}{
		{"in time", []int{1, 1}, []printer.Evidence{inOrder, inOrder}},
		{"one late", []int{0, 1}, []printer.Evidence{status, status}},
		{"late and in time", []int{0, 2, 1}, []printer.Evidence{status, inOrder, inOrder}},
		{"lost", []int{0, 0, 1, 1}, []printer.Evidence{status, status, inOrder, inOrder}},
		{"one lost", []int{1, 0, 1, 1, 1}, []printer.Evidence{inOrder, status, status, inOrder, inOrder}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := answered(t, c.answers); !slices.Equal(got, c.want) {
					t.Errorf("evidence %q, want %q", got, c.want)
				}
			})
		})
	}
}

// answered prints one job for each number of answers.
func answered(t *testing.T, answers []int) []printer.Evidence {
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		job := 0
		buf := make([]byte, 65536)
		for {
			n, err := far.Read(buf)
			if err != nil {
				return
			}
			out := bytes.Repeat([]byte{0x12}, bytes.Count(buf[:n], []byte{0x10, 0x04}))
			switch {
			case bytes.Equal(buf[:n], []byte{0x1d, 'r', 1}): // a question by itself
				out = append(out, 0)
			case bytes.Contains(buf[:n], []byte{0x1d, 'r', 1}):
				out = append(out, make([]byte, answers[job])...)
				job++
			}
			if len(out) > 0 {
				go far.Write(out)
			}
		}
	}()
	d, err := escpos.Open(t.Context(), near, spec("generic-80mm"))
	if err != nil {
		t.Fatal(err)
	}
	var got []printer.Evidence
	for range answers {
		r, err := d.Print(t.Context(), "job", printer.Doc{printer.Text{Line: "x"}})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.Evidence)
	}
	d.Close()
	far.Close()
	<-done
	return got
}

// A printer that stood still for longer than anybody waits tells later, when
// nobody asks, that the job is on paper: the ledger hears of it.
func TestLateEvidence(t *testing.T) {
	for _, c := range []struct {
		name, profile, answer string
		proves                printer.Evidence
	}{
		{"process id", "epson-tm-t81", "\x37\x22" + printer.Mark("a") + "\x00", printer.ProcessID},
		{"in order", "generic-80mm", "\x00", printer.InOrder},
		{"another's process id", "epson-tm-t81", "\x37\x22" + printer.Mark("b") + "\x00", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			printertest.LateEvidence(t, printertest.Late{
				Open: func(t *testing.T, p device.Port) printer.Printer {
					d, err := escpos.Open(t.Context(), p, spec(c.profile))
					if err != nil {
						t.Fatal(err)
					}
					return d
				},
				Status: func(sent []byte) []byte { return bytes.Repeat([]byte{0x12}, bytes.Count(sent, []byte{0x10, 0x04})) },
				Answer: []byte(c.answer), Proves: c.proves,
			})
		})
	}
}

// An answer about the status that comes late is no answer to the next question: a
// closed drawer would be an open cover.
func TestLateStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go func() {
			buf, asked, held := make([]byte, 64), 0, []byte(nil)
			for {
				n, err := far.Read(buf)
				if err != nil {
					return
				}
				out := held
				held = nil
				for _, q := range bytes.SplitAfter(buf[:n], []byte{0x10, 0x04})[1:] {
					asked++
					answer := byte(0x12)
					if q[0] == 1 {
						answer = 0x16 // the drawer is closed
					}
					if asked == 4 {
						held = []byte{answer} // late
						continue
					}
					out = append(out, answer)
				}
				if len(out) > 0 {
					go far.Write(out)
				}
			}
		}()
		d, err := escpos.Open(t.Context(), near, spec("generic-80mm"))
		if err != nil {
			t.Fatal(err)
		}
		d.(printer.Attentive).OnAttention(func(err error) {
			if err != nil {
				t.Errorf("told %v", err)
			}
		})
		for range 3 {
			if err := d.(device.Checker).Check(t.Context()); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Minute)
		}
		d.Close()
		far.Close()
	})
}

// A printer that answers no real-time status still tells that its roll is almost
// empty: with the answer that stands behind a job.
func TestPaperLowInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go func() {
			buf := make([]byte, 65536)
			for {
				n, err := far.Read(buf)
				if err != nil {
					return
				}
				if bytes.Contains(buf[:n], []byte{0x1d, 'r', 1}) {
					go far.Write([]byte{0x03})
				}
			}
		}()
		d, err := escpos.Open(t.Context(), near, spec("generic-80mm", "status", "none"))
		if err != nil {
			t.Fatal(err)
		}
		var told error
		d.(printer.Attentive).OnAttention(func(err error) { told = err })
		r, err := d.Print(t.Context(), "job", printer.Doc{printer.Text{Line: "x"}})
		if err != nil || r.Evidence != printer.InOrder {
			t.Fatal(r, err)
		}
		var want printer.Want
		if !errors.As(told, &want) || want != printer.NearEnd {
			t.Errorf("told %v", told)
		}
		d.Close()
		far.Close()
	})
}
