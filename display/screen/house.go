package screen

import (
	"errors"
	"fmt"
	"image/png"
	"math"
	"net/http"
	"regexp"
	"strconv"

	"tilld/internal/plainfile"
)

// House is what a store makes of the page. The zero value is plain.
type House struct {
	Name  string // brand, at most 40 characters
	Color string // "#17375e": ground of the idle scene; "" is a dark blue
	Logo  string // PNG file on this machine; "" for none
	Theme string // auto (the browser's), light or dark; "" is auto
	Text  string // normal or large; "" is normal
	Reel  Playlist
}

var colorPattern = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// Check says what is wrong with h, except for its files.
func (h House) Check() error {
	switch {
	case len([]rune(h.Name)) > 40:
		return errors.New("name: at most 40 characters")
	case h.Color != "" && !colorPattern.MatchString(h.Color):
		return fmt.Errorf("color: %q is no colour; write for example #17375e", h.Color)
	case h.Theme != "" && h.Theme != "auto" && h.Theme != "light" && h.Theme != "dark":
		return fmt.Errorf("theme: %q is not a choice; write auto, light or dark", h.Theme)
	case h.Text != "" && h.Text != "normal" && h.Text != "large":
		return fmt.Errorf("text: %q is not a choice; write normal or large", h.Text)
	}
	return nil
}

// SetHouse changes what the store makes of the page; pages follow at once.
func (s *Screen) SetHouse(h House) error {
	if err := h.Check(); err != nil {
		return fmt.Errorf("screen: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.house = h
	close(s.dressed)
	s.dressed = make(chan struct{})
	return nil
}

// House is what is in force.
func (s *Screen) House() House {
	h, _ := s.dress()
	return h
}

// dress returns what is in force and a channel that is closed at the next change.
func (s *Screen) dress() (House, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.house, s.dressed
}

// dressing is the event "house".
type dressing struct {
	Name     string `json:"name"`
	Color    string `json:"color,omitempty"`
	Ink      string `json:"ink,omitempty"` // of text on Color
	Logo     bool   `json:"logo,omitempty"`
	Theme    string `json:"theme"`
	Text     string `json:"text"`
	Playlist reel   `json:"playlist"`
}

func (h House) event() dressing {
	d := dressing{Name: text(h.Name, 40), Color: h.Color, Logo: h.Logo != "", Theme: h.Theme, Text: h.Text, Playlist: h.Reel.event()}
	if d.Theme == "" {
		d.Theme = "auto"
	}
	if d.Text == "" {
		d.Text = "normal"
	}
	if h.Color != "" {
		d.Ink = ink(h.Color)
	}
	return d
}

// ink is the colour of text on a ground: of black and white the one with the
// higher contrast, which is 4.5 to 1 or more on every colour (WCAG 2.2, 1.4.3).
func ink(ground string) string {
	if l := luminance(ground); (l+0.05)*(l+0.05) > 1.05*0.05 {
		return "#000000"
	}
	return "#ffffff"
}

// logo serves the brand's picture, decoded and encoded again as all pictures.
func (s *Screen) logo(w http.ResponseWriter, _ *http.Request) {
	h, _ := s.dress()
	if h.Logo == "" {
		s.none(w)
		return
	}
	body, err := readLogo(h.Logo)
	if err != nil {
		s.o.Log.Error("logo not shown", "err", err)
		s.none(w)
		return
	}
	sendPNG(w, body)
}

func readLogo(file string) ([]byte, error) {
	f, err := plainfile.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := png.DecodeConfig(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if size.Width > maxPictureSide || size.Height > maxPictureSide {
		return nil, fmt.Errorf("%s: larger than %d pixels a side", file, maxPictureSide)
	}
	if _, err := f.Seek(0, 0); err != nil {
		return nil, err
	}
	img, err := png.Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return encode(img)
}

func linear(channel uint64) float64 {
	c := float64(channel) / 255
	if c <= 0.04045 {
		return c / 12.92
	}
	return math.Pow((c+0.055)/1.055, 2.4)
}

// luminance is the relative luminance of "#rrggbb" (WCAG 2.2, definitions).
func luminance(color string) float64 {
	rgb, err := strconv.ParseUint(color[1:], 16, 32)
	if err != nil {
		return 0 // Check has seen the colour
	}
	return 0.2126*linear(rgb>>16&0xff) + 0.7152*linear(rgb>>8&0xff) + 0.0722*linear(rgb&0xff)
}
