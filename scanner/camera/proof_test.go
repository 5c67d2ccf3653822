package camera

import (
	"slices"
	"testing"

	"tilld/scanner/scannertest"
)

// A payment proof off a phone's screen, from two and from four pixels a module,
// a little askew.
func TestPaymentProof(t *testing.T) {
	proof := scannertest.Proof(t)
	for _, c := range []struct {
		scale   int
		degrees float64
	}{{2, 0}, {4, 0}, {5, 4}} {
		f := &frames{t: t, dir: t.TempDir()}
		f.put(scene(640, 480, code(t, qr, proof, c.scale), c.degrees, 3, 1))
		if got := run(t, open(t, f.dir, `{"formats": ["qr"]}`), 1); !slices.Equal(got, []string{proof}) {
			t.Errorf("%d pixels a module, %v°: %q", c.scale, c.degrees, got)
		}
	}
}
