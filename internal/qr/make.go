package qr

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"github.com/makiuchi-d/gozxing/qrcode/encoder"

	"tilld/internal/fault"
)

// Level is how much of a symbol may be lost: L 7 %, M 15 %, Q 25 %, H 30 %.
// The empty level is M, raised as far as the symbol does not grow by it.
type Level string

const (
	L Level = "L"
	M Level = "M"
	Q Level = "Q"
	H Level = "H"
)

// Quiet is the width of the blank border in modules that readers rely on.
const Quiet = 4

// MaxPayload is the longest payload in bytes at level L (version 40, byte mode).
const MaxPayload = 2953

// Code is a finished symbol. The zero value is empty.
type Code struct {
	Size  int   // modules a side without quiet zone: 21 to 177
	Level Level // level it was made with
	dark  []bool
}

// At reports whether the module in column x, row y is dark; outside of the
// symbol all is light.
func (c Code) At(x, y int) bool {
	if x < 0 || y < 0 || x >= c.Size || y >= c.Size {
		return false
	}
	return c.dark[y*c.Size+x]
}

// Make encodes payload and reads the result back. A payload that is empty, not
// UTF-8, or too long for the level is refused (fault.Refused).
func Make(payload string, level Level) (Code, error) {
	want, err := parse(level)
	if err != nil {
		return Code{}, err
	}
	switch {
	case payload == "":
		return Code{}, refuse(errors.New("the payload is empty"))
	case !utf8.ValidString(payload):
		return Code{}, refuse(errors.New("the payload is not UTF-8"))
	case len(payload) > MaxPayload:
		return Code{}, refuse(fmt.Errorf("the payload has %d bytes, a QR code holds at most %d", len(payload), MaxPayload))
	}
	symbol, err := encode(payload, want)
	if err != nil {
		return Code{}, err
	}
	if level == "" {
		if higher := raise(symbol, payload); higher != want {
			if symbol, err = encode(payload, higher); err != nil {
				return Code{}, err
			}
		}
	}
	c := fromMatrix(symbol)
	got, err := c.read()
	if err != nil {
		return Code{}, fault.New(fault.Corrupt, "qr", "make", fmt.Errorf("the code made does not read: %w", err))
	}
	if got != payload {
		return Code{}, fault.New(fault.Corrupt, "qr", "make", errors.New("the code made reads as something else"))
	}
	return c, nil
}

func encode(payload string, level decoder.ErrorCorrectionLevel) (*encoder.QRCode, error) {
	symbol, err := encoder.Encoder_encodeWithoutHint(payload, level)
	if err != nil {
		return nil, refuse(fmt.Errorf("%d bytes do not fit in a QR code of level %s: %w", len(payload), level, err))
	}
	return symbol, nil
}

// raise returns the highest level whose symbol of the same version still holds
// the payload: error correction that costs no dots.
func raise(symbol *encoder.QRCode, payload string) decoder.ErrorCorrectionLevel {
	version, mode := symbol.GetVersion(), symbol.GetMode()
	bits := 4 + mode.GetCharacterCountBits(version)
	switch n := len(payload); mode {
	case decoder.Mode_NUMERIC:
		bits += n/3*10 + [3]int{0, 4, 7}[n%3]
	case decoder.Mode_ALPHANUMERIC:
		bits += n/2*11 + n%2*6
	default:
		bits += 8 * n
	}
	best := symbol.GetECLevel()
	for _, level := range []decoder.ErrorCorrectionLevel{decoder.ErrorCorrectionLevel_Q, decoder.ErrorCorrectionLevel_H} {
		room := version.GetTotalCodewords() - version.GetECBlocksForLevel(level).GetTotalECCodewords()
		if bits <= 8*room {
			best = level
		}
	}
	return best
}

func fromMatrix(symbol *encoder.QRCode) Code {
	m := symbol.GetMatrix()
	c := Code{Size: m.GetWidth(), Level: Level(symbol.GetECLevel().String())}
	c.dark = make([]bool, c.Size*c.Size)
	for y := range c.Size {
		for x := range c.Size {
			c.dark[y*c.Size+x] = m.Get(x, y) == 1
		}
	}
	return c
}

func parse(l Level) (decoder.ErrorCorrectionLevel, error) {
	switch l {
	case L:
		return decoder.ErrorCorrectionLevel_L, nil
	case M, "":
		return decoder.ErrorCorrectionLevel_M, nil
	case Q:
		return decoder.ErrorCorrectionLevel_Q, nil
	case H:
		return decoder.ErrorCorrectionLevel_H, nil
	}
	return 0, refuse(fmt.Errorf("level %q is none of L, M, Q, H", string(l)))
}

func refuse(cause error) error { return fault.New(fault.Refused, "qr", "make", cause) }
