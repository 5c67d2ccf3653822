package wedge

import (
	"encoding/binary"
	"strconv"
	"strings"
	"time"
)

// keyboard writes what the kernel sends while a scanner types. It is written
// from the layout of a US keyboard, not from the tables of the driver.
type keyboard struct {
	now  time.Duration // of the events
	step time.Duration // between two keys
	out  []byte
}

func (k *keyboard) raw(kind, code uint16, value uint32) {
	b := make([]byte, eventSize)
	if strconv.IntSize == 64 {
		binary.LittleEndian.PutUint64(b, uint64(k.now/time.Second))
		binary.LittleEndian.PutUint64(b[8:], uint64(k.now%time.Second/time.Microsecond))
	} else {
		binary.LittleEndian.PutUint32(b, uint32(k.now/time.Second))
		binary.LittleEndian.PutUint32(b[4:], uint32(k.now%time.Second/time.Microsecond))
	}
	binary.LittleEndian.PutUint16(b[eventSize-8:], kind)
	binary.LittleEndian.PutUint16(b[eventSize-6:], code)
	binary.LittleEndian.PutUint32(b[eventSize-4:], value)
	k.out = append(k.out, b...)
}

func (k *keyboard) event(code uint16, value uint32) {
	k.now += k.step
	k.raw(4, 4, 0x7000c) // MSC_SCAN, as real keyboards send
	k.raw(1, code, value)
	k.raw(0, 0, 0)
}

func (k *keyboard) down(code uint16)  { k.event(code, 1) }
func (k *keyboard) up(code uint16)    { k.event(code, 0) }
func (k *keyboard) press(code uint16) { k.down(code); k.up(code) }

// with presses code while the modifier is held.
func (k *keyboard) with(modifier, code uint16) {
	k.down(modifier)
	k.press(code)
	k.up(modifier)
}

// keys of a US keyboard from the upper left to the lower right.
var rows = []struct {
	first        uint16
	lower, upper string
}{
	{2, "1234567890-=", "!@#$%^&*()_+"},
	{16, "qwertyuiop[]", "QWERTYUIOP{}"},
	{30, "asdfghjkl;'`", `ASDFGHJKL:"~`},
	{43, `\zxcvbnm,./`, `|ZXCVBNM<>?`},
	{57, " ", ""},
}

func find(c byte) (code uint16, shift bool) {
	for _, r := range rows {
		if i := strings.IndexByte(r.lower, c); i >= 0 {
			return r.first + uint16(i), false
		}
		if i := strings.IndexByte(r.upper, c); i >= 0 {
			return r.first + uint16(i), true
		}
	}
	panic("no key for " + strconv.QuoteRune(rune(c)))
}

// typeText types printable ASCII; other bytes as ALT codes of three digits.
func (k *keyboard) typeText(text string) {
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' {
			k.altCode(strconv.Itoa(int(c)))
			continue
		}
		code, shift := find(c)
		if shift {
			k.with(42, code)
		} else {
			k.press(code)
		}
	}
}

func (k *keyboard) altCode(digits string) {
	pad := map[byte]uint16{'7': 71, '8': 72, '9': 73, '4': 75, '5': 76, '6': 77, '1': 79, '2': 80, '3': 81, '0': 82}
	k.down(56)
	for _, c := range []byte(digits) {
		k.press(pad[c])
	}
	k.up(56)
}

func (k *keyboard) pause(d time.Duration) { k.now += d }

// take returns what was typed since the last call.
func (k *keyboard) take() []byte {
	b := k.out
	k.out = nil
	return b
}
