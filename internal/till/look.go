package till

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
)

// ScreenLook is what config.patch changes about the customer screen; an empty
// field leaves what the configuration says.
type ScreenLook struct {
	Name  string // screen.brand.name, at most 40 characters
	Color string // screen.brand.color, "#17375e"
	Theme string // screen.theme: auto, light, dark
	Text  string // screen.text: normal, large
}

var lookKeys = []string{"screen.brand.color", "screen.brand.name", "screen.text", "screen.theme"}

var lookColor = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

func (l *ScreenLook) put(key string, value json.RawMessage) error {
	oneOf := func(dst *string, want error, allowed ...string) error {
		if err := decode(value, dst); err != nil {
			return err
		}
		if !slices.Contains(allowed, *dst) {
			return want
		}
		return nil
	}
	switch key {
	case "screen.theme":
		return oneOf(&l.Theme, errors.New("auto, light or dark"), "auto", "light", "dark")
	case "screen.text":
		return oneOf(&l.Text, errors.New("normal or large"), "normal", "large")
	case "screen.brand.color":
		if err := decode(value, &l.Color); err != nil {
			return err
		}
		if !lookColor.MatchString(l.Color) {
			return errors.New(`a colour such as "#17375e"`)
		}
		return nil
	default:
		if err := decode(value, &l.Name); err != nil {
			return err
		}
		if l.Name == "" || len([]rune(l.Name)) > 40 {
			return errors.New("1 to 40 characters")
		}
		return nil
	}
}

// dress tells the screen how head office wants it to look.
func (t *Till) dress() {
	if t.o.SetScreen != nil {
		t.o.SetScreen(t.set.Screen)
	}
}
