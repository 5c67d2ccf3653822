package scannertest

import (
	"io"
	"testing"

	"tilld/device"
	"tilld/device/devtest"
	"tilld/internal/fault"
	"tilld/scanner"
)

// Life opens a scanner on a port that brings these bytes and then fails, as a
// cable that is pulled does, and returns the codes that it emitted.
func Life(t *testing.T, open device.Opener[scanner.Scanner], name string, chunks ...[]byte) (codes []string) {
	t.Helper()
	p := new(devtest.Recorder)
	s, err := open(t.Context(), p, device.Spec{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range chunks {
		p.Feed(c)
	}
	p.End(io.EOF)
	if err := s.Run(t.Context(), func(sc scanner.Scan) { codes = append(codes, string(sc.Data)) }); fault.KindOf(err) != fault.Absent {
		t.Fatalf("Run = %v", err)
	}
	return codes
}
