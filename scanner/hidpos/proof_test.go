package hidpos

import (
	"slices"
	"testing"

	"tilld/scanner/scannertest"
)

// A payment proof spans five reports.
func TestPaymentProof(t *testing.T) {
	proof := scannertest.Proof(t)
	d := decoderOf(captured)
	if got := texts(d.Feed(later, reports("]Q1", proof, false))); !slices.Equal(got, []string{"]Q1|" + proof}) {
		t.Errorf("%q", got)
	}
}
