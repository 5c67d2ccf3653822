package escpos

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"tilld/internal/fault"
)

// MaxRaw is the longest job of bytes made elsewhere.
const MaxRaw = 4 << 20

// Screen looks through bytes that another program made for an ESC/POS printer.
// It refuses (fault.Refused) what opens the cash drawer, switches the printer
// off or changes its settings, wherever it stands, and a picture that is cut
// short, which would swallow the beginning of the next job. Where picture data
// reads as such a command by accident, one dot is changed. With drawer, kicks
// are allowed. The result may share memory with data, which is not changed.
func Screen(data []byte, drawer bool) ([]byte, error) {
	if len(data) > MaxRaw {
		return nil, refuseRaw(fmt.Errorf("%d bytes, at most %d are printed", len(data), MaxRaw))
	}
	out := bytes.Clone(data)
	for i := 0; i < len(out); {
		head, size, err := pictureAt(out[i:])
		if err != nil {
			return nil, refuseRaw(fmt.Errorf("at byte %d: %w", i, err))
		}
		if head > 0 {
			picture := out[i+head : i+head+size]
			scrub(picture)
			scrubKick(picture)
			i += head + size
			continue
		}
		if what := forbidden(out[i:], drawer); what != "" {
			return nil, refuseRaw(fmt.Errorf("at byte %d: %s", i, what))
		}
		i++
	}
	for i := range out { // once more across the edges of pictures
		if what := forbidden(out[i:], drawer); what != "" {
			return nil, refuseRaw(fmt.Errorf("at byte %d: %s", i, what))
		}
	}
	return out, nil
}

// forbidden names what the bytes would do, "" when they may pass.
func forbidden(b []byte, drawer bool) string {
	kick := "opens the cash drawer"
	if drawer {
		kick = ""
	}
	switch {
	case bytes.HasPrefix(b, []byte{esc, 'p'}):
		return kick
	case bytes.HasPrefix(b, []byte{dle, 0x14, 1}):
		return kick
	case bytes.HasPrefix(b, []byte{dle, 0x14, 2}):
		return "switches the printer off"
	case bytes.HasPrefix(b, []byte{gs, '(', 'E'}), bytes.HasPrefix(b, []byte{gs, '(', 'M'}):
		return "changes the printer's settings"
	}
	return ""
}

// pictures are the beginnings of the commands that carry dots.
var pictures = []string{"\x1dv0", "\x1b*", "\x1d*", "\x1d(L", "\x1d8L"}

// pictureAt returns the lengths of the head and the data of a picture command at
// the start of b; head is 0 when there is none.
func pictureAt(b []byte) (head, size int, err error) {
	if !slices.ContainsFunc(pictures, func(p string) bool { return bytes.HasPrefix(b, []byte(p)) }) {
		return 0, 0, nil
	}
	if head, size = sized(b); size > len(b)-head || size < 0 {
		return 0, 0, errors.New("a picture is cut short")
	}
	return head, size, nil
}

// scrubKick changes a dot where picture data reads as ESC p: a printer that does
// not know the picture command would take the data for commands.
func scrubKick(picture []byte) {
	for i := 0; i+1 < len(picture); i++ {
		if picture[i] == esc && picture[i+1] == 'p' {
			picture[i+1] ^= 1
		}
	}
}

func refuseRaw(cause error) error { return fault.New(fault.Refused, "printer", "print", cause) }
