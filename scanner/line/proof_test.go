package line_test

import (
	"slices"
	"testing"
	"time"

	"tilld/scanner/scannertest"
)

// A payment proof comes out whole however the line delivers it: in one piece,
// in the 16-byte pieces of a USB bridge, byte by byte at 9600 baud.
func TestPaymentProof(t *testing.T) {
	proof := scannertest.Proof(t)
	for name, options := range map[string]string{"cr": `{}`, "no suffix": `{"suffix": "none"}`} {
		end := map[string]string{"cr": "\r"}[name]
		for _, size := range []int{1000, 16, 1} {
			var chunks []string
			for c := range slices.Chunk([]byte(proof+end), size) {
				chunks = append(chunks, string(c))
			}
			pause := time.Duration(min(size, 16)) * 1042 * time.Microsecond
			got, _ := scans(t, options, pause, append(chunks, "", "", "", "", "", "", "", "", "", "")...)
			if name == "no suffix" {
				got, _ = scans(t, options, pause, append(chunks, slices.Repeat([]string{""}, 120)...)...)
			}
			if len(got) != 1 || string(got[0].Data) != proof {
				t.Errorf("%s, %d bytes at a time: %d scans %v", name, size, len(got), got)
			}
		}
	}
}
