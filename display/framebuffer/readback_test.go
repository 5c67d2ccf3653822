package framebuffer

import (
	"testing"
	"time"

	"tilld/device"
	"tilld/display"
	"tilld/internal/qr"
	"tilld/internal/sim"
)

// A code that reads as anything but the scene's is not shown, whatever went wrong
// in drawing it.
func TestReadBack(t *testing.T) {
	panel := sim.NewFramebuffer(sim.FramebufferMode{Width: 480, Height: 272})
	opened, err := Open(t.Context(), panel, device.Spec{Name: "panel-1"})
	if err != nil {
		t.Fatal(err)
	}
	d := opened.(*glass)
	wrong, err := qr.Make("https://evil.example/p1", "")
	if err != nil {
		t.Fatal(err)
	}
	s := display.Scene{Kind: display.Paying, Currency: "CNY", Pay: &display.Pay{URL: "https://pay.example/p1", Amount: 100, ExpiresAt: time.Now().Add(time.Hour)}}
	d.code = payCode{url: s.Pay.URL, payload: s.Pay.URL, symbol: wrong}
	for range 2 {
		if err := d.Show(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if got := panel.Codes(); len(got) != 0 {
			t.Errorf("a phone reads %q", got)
		}
	}
}
