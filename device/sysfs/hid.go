package sysfs

import "encoding/binary"

// barCodeScanner reports whether a HID report descriptor has a collection for a
// bar code scanner: usage 02 of page 8C (HID 1.11, section 6.2.2; HID Usage Tables).
func barCodeScanner(desc []byte) bool {
	const page, usage, collection, long, scanner = 0x04, 0x08, 0xa0, 0xfe, 0x8c_0002
	var current, used uint32
	for len(desc) > 0 {
		n := 1 + int(desc[0]&3)
		if n == 4 {
			n = 5
		}
		if desc[0] == long && len(desc) > 1 {
			n = 3 + int(desc[1])
		}
		if len(desc) < n {
			return false
		}
		var word [4]byte
		copy(word[:], desc[1:n])
		v := binary.LittleEndian.Uint32(word[:])
		switch tag := desc[0] &^ 3; {
		case desc[0] == long:
		case tag == page:
			current = v << 16
		case tag == usage && n < 5:
			used = current | v
		case tag == usage:
			used = v
		case tag == collection && used == scanner:
			return true
		}
		desc = desc[n:]
	}
	return false
}
