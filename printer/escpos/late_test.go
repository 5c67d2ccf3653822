package escpos_test

import (
	"bytes"
	"net"
	"slices"
	"testing"
	"testing/synctest"

	"tilld/printer"
	"tilld/printer/escpos"
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
			if bytes.Contains(buf[:n], []byte{0x1d, 'r', 1}) {
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
