package screen

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"strconv"

	"tilld/display"
	"tilld/internal/qr"
)

// Bounds of pictures made by the cloud.
const (
	maxPictureBytes = 1 << 20
	maxPictureSide  = 2048
	minPictureSide  = 120 // smaller ones cannot be a code that a phone reads
)

// keptCodes bounds the codes that are kept made.
const keptCodes = 16

// MinDots is how many pixels of the glass a module of a pay code has at least;
// codes beside a scene have sideDots where there is room.
const (
	MinDots  = 4
	sideDots = 3
)

// payPicture serves the pay code of the payment ?id= while the scene has it and
// it has not expired, at most ?side= pixels wide.
func (s *Screen) payPicture(w http.ResponseWriter, r *http.Request) {
	scene, _ := s.stage.Now()
	p := scene.Pay
	if p == nil || p.PaymentID == "" || p.PaymentID != r.URL.Query().Get("id") || !p.ExpiresAt.IsZero() && !s.o.Now().Before(p.ExpiresAt) {
		s.none(w)
		return
	}
	if p.PicturePNGBase64 != "" {
		s.sendPicture(w, p.PicturePNGBase64, minPictureSide)
		return
	}
	s.sendCode(w, r, p.URL, MinDots, true)
}

// codePicture serves a QR code of ?u= if the scene has that link outside of the
// pay code.
func (s *Screen) codePicture(w http.ResponseWriter, r *http.Request) {
	scene, _ := s.stage.Now()
	u := r.URL.Query().Get("u")
	if u == "" || !linked(scene, u) {
		s.none(w)
		return
	}
	s.sendCode(w, r, u, sideDots, false)
}

func linked(scene display.Scene, u string) bool {
	for _, q := range scene.QR {
		if q.URL == u {
			return true
		}
	}
	for _, o := range scene.Offers {
		if o.URL == u {
			return true
		}
	}
	return false
}

// offerPicture serves the picture of the offer ?id=.
func (s *Screen) offerPicture(w http.ResponseWriter, r *http.Request) {
	scene, _ := s.stage.Now()
	for _, o := range scene.Offers {
		if o.ID == r.URL.Query().Get("id") && o.PicturePNGBase64 != "" {
			s.sendPicture(w, o.PicturePNGBase64, 1)
			return
		}
	}
	s.none(w)
}

func (s *Screen) none(w http.ResponseWriter) {
	secure(w.Header())
	http.Error(w, "the scene does not have this", http.StatusNotFound)
}

// sendCode draws a QR code with the most whole pixels per module that fit in
// ?side=, but at least least if that fits in ?most=. A strict one that does not
// is refused: a shopper would try a code in vain that no phone reads.
func (s *Screen) sendCode(w http.ResponseWriter, r *http.Request, payload string, least int, strict bool) {
	code, err := s.code(payload, "")
	if err != nil {
		s.o.Log.Error("code not shown: it cannot be read back", "err", err)
		s.none(w)
		return
	}
	side := dots(r, "side", 320)
	most := max(side, dots(r, "most", side))
	modules := code.Size + 2*qr.Quiet
	if least*modules > most {
		// Error correction gives way to size, not to readability: level L.
		if smaller, err := s.code(payload, qr.L); err == nil && smaller.Size < code.Size {
			code, modules = smaller, smaller.Size+2*qr.Quiet
		}
	}
	scale := side / modules
	if scale < least && least*modules <= most {
		scale = least
	}
	if scale < least && strict {
		s.o.Log.Error("pay code not shown: it is too dense for this monitor", "modules", modules, "pixels", most)
		s.none(w)
		return
	}
	body, err := code.PNG(max(1, scale), qr.Quiet)
	if err != nil {
		s.o.Log.Error("code not shown", "err", err)
		s.none(w)
		return
	}
	sendPNG(w, body)
}

// code makes a code, which reads it back, or takes one that was made just before:
// every page asks for the same few, and at several sizes.
func (s *Screen) code(payload string, level qr.Level) (qr.Code, error) {
	key := string(level) + " " + payload
	s.mu.Lock()
	code, ok := s.codes[key]
	s.mu.Unlock()
	if ok {
		return code, nil
	}
	code, err := qr.Make(payload, level)
	if err != nil {
		return qr.Code{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.codes) >= keptCodes {
		clear(s.codes)
	}
	s.codes[key] = code
	return code, nil
}

// dots is a number of pixels from the page.
func dots(r *http.Request, name string, otherwise int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil || n < 1 {
		return otherwise
	}
	return min(n, maxPictureSide)
}

// sendPicture decodes a picture from outside and encodes it anew, pixel for
// pixel, so that the browser gets only what our encoder writes.
func (s *Screen) sendPicture(w http.ResponseWriter, b64 string, least int) {
	body, err := again(b64, least)
	if err != nil {
		s.o.Log.Error("picture not shown", "err", err)
		s.none(w)
		return
	}
	sendPNG(w, body)
}

func again(b64 string, least int) ([]byte, error) {
	if len(b64) > base64.StdEncoding.EncodedLen(maxPictureBytes) {
		return nil, errors.New("screen: picture is larger than 1 MiB")
	}
	raw, err := base64.StdEncoding.DecodeString(b64)
	if err != nil {
		return nil, err
	}
	size, err := png.DecodeConfig(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	if size.Width > maxPictureSide || size.Height > maxPictureSide {
		return nil, errors.New("screen: picture is larger than 2048 pixels a side")
	}
	if size.Width < least || size.Height < least {
		return nil, fmt.Errorf("screen: picture of %dx%d pixels; a code has at least %d a side", size.Width, size.Height, least)
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	return encode(flat(img))
}

// flat puts a picture on white: a transparent ground would show the page's
// colour, and readers fail on dark ground.
func flat(img image.Image) image.Image {
	b := img.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	for y := range b.Dy() {
		for x := range b.Dx() {
			r, g, bl, a := img.At(b.Min.X+x, b.Min.Y+y).RGBA() // premultiplied
			white := 0xffff - a
			i := out.PixOffset(x, y)
			out.Pix[i], out.Pix[i+1], out.Pix[i+2], out.Pix[i+3] = uint8((r+white)>>8), uint8((g+white)>>8), uint8((bl+white)>>8), 0xff
		}
	}
	return out
}

func sendPNG(w http.ResponseWriter, body []byte) {
	h := w.Header()
	secure(h)
	h.Set("Content-Type", "image/png")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}
