package wedge

import (
	"slices"
	"testing"
	"time"

	"tilld/scanner/scannertest"
)

// A payment proof is digits alone, so that neither Caps Lock nor a scanner that
// types on the keypad changes it, and a slow scanner tears nothing.
func TestPaymentProof(t *testing.T) {
	proof := scannertest.Proof(t)
	keypad := map[byte]uint16{'0': 82, '1': 79, '2': 80, '3': 81, '4': 75, '5': 76, '6': 77, '7': 71, '8': 72, '9': 73}
	for name, typed := range map[string]func(k *keyboard){
		"plain":     func(k *keyboard) { k.typeText(proof) },
		"caps lock": func(k *keyboard) { k.press(58); k.typeText(proof) },
		"keypad": func(k *keyboard) {
			for _, c := range []byte(proof) {
				k.press(keypad[c])
			}
		},
		"8 ms a key": func(k *keyboard) { k.step = 8 * time.Millisecond; k.typeText(proof) },
	} {
		d := decoder{cfg: with(t, nil)}
		k := keyboard{now: time.Hour, step: time.Millisecond}
		typed(&k)
		k.press(28)
		if got := texts(d.Feed(later, k.take())); !slices.Equal(got, []string{"|" + proof}) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
