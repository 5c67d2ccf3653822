package hidpos

import (
	"encoding/binary"
	"errors"
)

// Usages of the HID Usage Tables: page 8C is bar code scanners; usage 3B of page
// 01 is a number of bytes.
const (
	usageScanner   = 0x8c_0002
	usageSymbology = 0x8c_00fb // then FC and FD: the AIM identifier
	usageData      = 0x8c_00fe
	usageContinued = 0x8c_00ff
	usageCount     = 0x01_003b
)

// layout says where things stand in the report that carries codes. Offsets are
// in bytes from the beginning of the report as read, its identifier included.
type layout struct {
	id       byte // identifier of the report; 0: reports have none
	count    int  // number of data bytes, one byte; -1: none
	aim      int  // AIM identifier, three bytes; -1: none
	data     int  // -1: none
	room     int  // how many bytes of data a report holds
	more     int  // byte with the bit that says that reports follow; -1: none
	moreMask byte
	guessed  bool // from captures, not from the scanner's own descriptor
}

// captured is the report of Honeywell scanners as recorded: 02, number, AIM
// identifier, 56 bytes of data, two bytes of the maker's, a flag. Others put the
// AIM identifier and what follows one byte later.
var captured = layout{id: 2, count: 1, aim: 2, data: 5, room: 56, more: 63, moreMask: 1, guessed: true}

// capturedSize is its length.
const capturedSize = 64

var (
	errNoScanner = errors.New("the device does not say that it is a bar code scanner (usage page 8C)")
	errTorn      = errors.New("the report descriptor ends in the middle of an item")
	errTooLong   = errors.New("the report descriptor describes a report of more than 4096 bytes")
)

// global are the global items of a descriptor that matter here.
type global struct {
	page      uint32
	size, num int // bits of a field, number of fields
	id        byte
}

// walker goes through a HID report descriptor (HID 1.11, section 6.2.2).
type walker struct {
	global
	pushed  []global
	usages  []uint32
	minimum uint32
	scanner bool
	bits    map[byte]int // length of each input report so far
	found   map[byte]*layout
	order   []byte
}

// parse finds the report with codes in a report descriptor. A scanner whose
// descriptor does not say where its codes stand gets the captured layout.
func parse(desc []byte) (layout, error) {
	w := walker{bits: map[byte]int{}, found: map[byte]*layout{}}
	for len(desc) > 0 {
		n := 1 + int(desc[0]&3)
		if n == 4 {
			n = 5
		}
		if desc[0] == 0xfe && len(desc) > 1 { // long item
			n = 3 + int(desc[1])
		}
		if len(desc) < n {
			return layout{}, errTorn
		}
		if desc[0] != 0xfe {
			w.item(desc[0]&^3, desc[1:n])
		}
		desc = desc[n:]
		if w.bits[w.id] > 8*4096 {
			return layout{}, errTooLong
		}
	}
	if !w.scanner {
		return layout{}, errNoScanner
	}
	for _, id := range w.order {
		if l := w.found[id]; l.data >= 0 && l.count >= 0 {
			return *l, nil
		}
	}
	return captured, nil
}

func (w *walker) item(tag byte, data []byte) {
	var word [4]byte
	copy(word[:], data)
	v := binary.LittleEndian.Uint32(word[:])
	usage := v
	if len(data) < 4 {
		usage |= w.page << 16
	}
	switch tag {
	case 0x04:
		w.page = v & 0xffff
	case 0x74:
		w.size = int(v & 0xffff)
	case 0x94:
		w.num = int(v & 0xffff)
	case 0x84:
		w.id = byte(v)
	case 0xa4:
		if len(w.pushed) < 16 {
			w.pushed = append(w.pushed, w.global)
		}
	case 0xb4:
		if n := len(w.pushed); n > 0 {
			w.global, w.pushed = w.pushed[n-1], w.pushed[:n-1]
		}
	case 0x08:
		w.use(usage)
	case 0x18:
		w.minimum = usage
	case 0x28:
		for u := w.minimum; u <= usage && u-w.minimum < 64; u++ {
			w.use(u)
		}
	case 0xa0:
		for _, u := range w.usages {
			w.scanner = w.scanner || u == usageScanner
		}
		w.usages = nil
	case 0x80:
		w.input()
		w.usages = nil
	case 0x90, 0xb0, 0xc0: // output, feature, end of a collection
		w.usages = nil
	}
}

func (w *walker) use(usage uint32) {
	if len(w.usages) < 64 {
		w.usages = append(w.usages, usage)
	}
}

// input notes what an input item holds.
func (w *walker) input() {
	l := w.found[w.id]
	if l == nil {
		if len(w.found) > 255 {
			return
		}
		l = &layout{id: w.id, count: -1, aim: -1, data: -1, more: -1}
		w.found[w.id] = l
		w.order = append(w.order, w.id)
		if w.id != 0 {
			w.bits[w.id] = 8 // the identifier itself
		}
	}
	for i := 0; i < w.num && i < len(w.usages); i++ {
		at := w.bits[w.id] + i*w.size
		whole := w.size == 8 && at%8 == 0
		switch u := w.usages[i]; {
		case u == usageData && l.data < 0 && whole:
			l.data, l.room = at/8, 1
			if i == len(w.usages)-1 { // the last usage stands for all further fields
				l.room = w.num - i
			}
		case u == usageCount && l.count < 0 && whole:
			l.count = at / 8
		case u == usageSymbology && l.aim < 0 && whole:
			l.aim = at / 8
		case u == usageContinued && l.more < 0:
			l.more, l.moreMask = at/8, 1<<(at%8)
		}
	}
	w.bits[w.id] += w.size * w.num
}
