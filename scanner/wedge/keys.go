package wedge

// Codes of the Linux input layer (input-event-codes.h).
const (
	evSyn = 0
	evKey = 1

	synReport  = 0
	synDropped = 3

	keyTab        = 15
	keyEnter      = 28
	keyLeftCtrl   = 29
	keyLeftShift  = 42
	keyRightShift = 54
	keyLeftAlt    = 56
	keyCapsLock   = 58
	keyNumLock    = 69
	keyScrollLock = 70
	keyKPEnter    = 96
	keyRightCtrl  = 97
	keyRightAlt   = 100
	keyLeftMeta   = 125
	keyRightMeta  = 126
)

// plain and shifted are the US layout by key code; 0 is a key without character.
var plain, shifted = layout()

func layout() (p, s [128]byte) {
	row := func(first int, lower, upper string) {
		copy(p[first:], lower)
		copy(s[first:], upper)
	}
	row(2, "1234567890-=", "!@#$%^&*()_+")
	row(16, "qwertyuiop[]", "QWERTYUIOP{}")
	row(30, "asdfghjkl;'`", "ASDFGHJKL:\"~")
	row(43, `\zxcvbnm,./`, `|ZXCVBNM<>?`)
	row(55, "*", "*")
	row(57, " ", " ")
	row(71, "789-456+1230.", "789-456+1230.") // keypad
	row(86, `\`, "|")                         // the key that ISO keyboards have more
	row(98, "/", "/")                         // keypad
	row(keyTab, "\t", "\t")
	return p, s
}

// keypad returns the digit on a keypad's key, for ALT codes.
func keypad(code uint16) (digit uint32, ok bool) {
	if code < 71 || code > 82 {
		return 0, false
	}
	c := plain[code]
	return uint32(c - '0'), c >= '0' && c <= '9'
}

// character returns what a key with the modifiers means; 0 is nothing.
func character(code uint16, shift, caps, ctrl bool) byte {
	if int(code) >= len(plain) {
		return 0
	}
	c := plain[code]
	if c >= 'a' && c <= 'z' && caps {
		shift = !shift
	}
	if shift {
		c = shifted[code]
	}
	if !ctrl {
		return c
	}
	// Ctrl with @ A-Z [ \ ] ^ _ are the control characters; 2 to 6 and - stand
	// for the same, as on terminals.
	switch {
	case c >= 'a' && c <= 'z', c >= '@' && c <= '_':
		return c & 0x1f
	case c == '2':
		return 0
	case c >= '3' && c <= '7':
		return c - '3' + 0x1b
	case c == '-':
		return 0x1f
	}
	return 0
}
