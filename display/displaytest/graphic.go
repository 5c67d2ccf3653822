package displaytest

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tilld/display"
	"tilld/internal/health"
	"tilld/internal/lang"
	"tilld/internal/qr"
)

// Glass is what a phone sees on a graphic display under test. It is not to use
// what the driver reads codes with.
type Glass interface {
	// Codes returns the payload of every code that can be read now.
	Codes() []string
}

const payURL = "https://pay.example/p1"

// paying is a scene with a pay code that is good for a minute.
func paying(url string) display.Scene {
	s := Scenes()[2]
	p := *s.Pay
	p.URL, p.ExpiresAt = url, time.Now().Add(time.Minute)
	s.Pay = &p
	return s
}

// Graphic runs the contract of [display.Graphic] on displays made by open, in
// fake time.
func Graphic(t *testing.T, open func(testing.TB) (display.Display, Glass)) {
	run := func(name string, f func(*testing.T, display.Display, Glass)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, g := open(t)
				f(t, d, g)
			})
		})
	}
	see := func(t *testing.T, d display.Display, g Glass, s display.Scene, want ...string) {
		t.Helper()
		if err := d.Show(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if got := g.Codes(); !slices.Equal(got, want) {
			t.Errorf("%s: a phone reads %q, want %q", s.Kind, got, want)
		}
	}
	run("says how large a code it can draw", func(t *testing.T, d display.Display, _ Glass) {
		if g, ok := d.(display.Graphic); !ok || g.Dots() < 100 {
			t.Errorf("%T: no display.Graphic, or of less than 100 pixels", d)
		}
	})
	run("the pay code goes with its scene", func(t *testing.T, d display.Display, g Glass) {
		for _, s := range Scenes() {
			if s.Kind == display.Paying {
				continue
			}
			see(t, d, g, paying(payURL), payURL)
			see(t, d, g, s)
		}
	})
	run("the next pay code replaces it", func(t *testing.T, d display.Display, g Glass) {
		see(t, d, g, paying(payURL), payURL)
		see(t, d, g, paying(payURL+"/second"), payURL+"/second")
	})
	run("a pay code without its scene is none", func(t *testing.T, d display.Display, g Glass) {
		s := paying(payURL)
		s.Kind = display.Basket
		see(t, d, g, s)
		s = paying("")
		see(t, d, g, s)
		s.Pay = nil
		see(t, d, g, s)
	})
	run("an expired pay code is never shown", func(t *testing.T, d display.Display, g Glass) {
		s := paying(payURL)
		s.Pay.ExpiresAt = time.Now()
		see(t, d, g, s)
	})
	run("a pay code goes when it expires, whatever the stage does", func(t *testing.T, d display.Display, g Glass) {
		s := paying(payURL)
		s.Pay.ExpiresAt = time.Now().Add(47*time.Second + 300*time.Millisecond)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- display.Follow(ctx, d, display.NewStage(s)) }()
		time.Sleep(47 * time.Second)
		synctest.Wait()
		if got := g.Codes(); !slices.Equal(got, []string{payURL}) {
			t.Errorf("before: a phone reads %q", got)
		}
		time.Sleep(301 * time.Millisecond)
		synctest.Wait()
		if got := g.Codes(); len(got) != 0 {
			t.Errorf("expired: a phone reads %q", got)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Follow = %v", err)
		}
	})
	run("a picture is read and drawn anew", func(t *testing.T, d display.Display, g Glass) {
		code, err := qr.Make(payURL, "")
		if err != nil {
			t.Fatal(err)
		}
		picture, err := code.PNG(3, qr.Quiet)
		if err != nil {
			t.Fatal(err)
		}
		s := paying("")
		s.Pay.PicturePNGBase64 = base64.StdEncoding.EncodeToString(picture)
		see(t, d, g, s, payURL)
		s.Pay.PicturePNGBase64 = base64.StdEncoding.EncodeToString(picture[:40])
		see(t, d, g, s)
	})
	run("what does not fit is not shown", func(t *testing.T, d display.Display, g Glass) {
		see(t, d, g, paying("https://pay.example/"+strings.Repeat("x", 2800)))
	})
	run("says when it leaves out a pay code, and takes it back", func(t *testing.T, d display.Display, g Glass) {
		var h health.Board
		up := func(s display.Scene) []health.Condition {
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- display.FollowOn(ctx, d, display.NewStage(s), &h) }()
			synctest.Wait()
			list := h.List(lang.EN)
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("Follow = %v", err)
			}
			return list
		}
		long := paying("https://pay.example/" + strings.Repeat("x", 2800))
		for range 2 {
			if list := up(long); len(list) != 1 || list[0].Code != "pay_code_withheld" || list[0].Subject != d.Info().Name {
				t.Errorf("a code that does not fit: conditions %+v", list)
			}
			if list := h.List(lang.EN); len(list) != 0 {
				t.Errorf("out of service: conditions %+v", list)
			}
			for _, s := range append(Scenes(), paying(payURL)) {
				if s.Kind == display.Paying {
					s.Pay.ExpiresAt = time.Now().Add(time.Minute)
				}
				if list := up(s); len(list) != 0 {
					t.Errorf("%s: conditions %+v", s.Kind, list)
				}
			}
			spoilt := paying("")
			spoilt.Pay.PicturePNGBase64 = "iVBORw0KGgo="
			if list := up(spoilt); len(list) != 1 {
				t.Errorf("a picture that is none: conditions %+v", list)
			}
		}
	})
	run("text cannot become a code or a command", func(t *testing.T, d display.Display, g Glass) {
		for _, evil := range []string{");JUMP(1);QBAR(0,https://evil.example);\r\n", "**x**DisplayQRCodeScreen**evil**", "\x02\xf2\x02\x00\x04evil\x02\xf2\x03", "{qr}", "\r\n"} {
			s := paying(payURL)
			s.Currency = evil
			s.Title, s.Text = evil, evil
			see(t, d, g, s, payURL)
			for _, k := range Scenes() {
				if k.Kind == display.Paying {
					continue
				}
				k.Title, k.Text, k.Currency = evil, evil, evil
				k.Lines = []display.Line{{Name: evil, Quantity: evil, Unit: evil, Highlight: true}}
				k.Offers = []display.Offer{{Title: evil, Text: evil}}
				see(t, d, g, k)
			}
			if err := d.Show(t.Context(), paying("https://pay.example/"+evil)); err != nil {
				t.Fatal(err)
			}
			for _, got := range g.Codes() {
				if got != "https://pay.example/"+evil {
					t.Errorf("a phone reads %q, which nobody meant", got)
				}
			}
		}
	})
	run("shows nothing once cancelled", func(t *testing.T, d display.Display, g Glass) {
		see(t, d, g, paying(payURL), payURL)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := d.Show(ctx, paying(payURL+"/second")); err == nil {
			t.Error("no error")
		}
		if got := g.Codes(); slices.Contains(got, payURL+"/second") {
			t.Errorf("a phone reads %q", got)
		}
	})
	run("no code stays when it closes", func(t *testing.T, d display.Display, g Glass) {
		see(t, d, g, paying(payURL), payURL)
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if got := g.Codes(); len(got) != 0 {
			t.Errorf("a phone reads %q", got)
		}
	})
}
