package ssi

import (
	"testing"

	"tilld/device/devtest"
	"tilld/scanner"
	"tilld/scanner/scannertest"
)

// A payment proof fits one packet with its kind, and comes out whole from two.
func TestPaymentProof(t *testing.T) {
	proof := scannertest.Proof(t)
	p := new(devtest.Recorder)
	s := open(t, p, `{}`)
	got := make(chan scanner.Scan, 1)
	go s.Run(t.Context(), func(sc scanner.Scan) { got <- sc })
	feed(p, 0x1c, proof)
	if sc := <-got; string(sc.Data) != proof {
		t.Errorf("%+v", sc)
	}
}
