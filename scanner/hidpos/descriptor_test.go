package hidpos

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// scannedData is a descriptor made from the HID Usage Tables' example of a bar
// code scanner: report 2 with byte count, three symbology identifiers, 56 bytes
// of decoded data, two vendor bytes, and one bit for "decode data continued".
const scannedData = `05 8c 09 02 a1 01
	09 12 a1 02 85 02 15 00 26 ff 00 75 08 95 01 05 01 09 3b 81 02
	05 8c 95 03 09 fb 09 fc 09 fd 81 02
	95 38 09 fe 82 02 01
	95 02 06 66 ff 09 04 81 02
	05 8c 75 01 95 01 09 ff 81 02 95 07 81 03 c0
	09 14 a1 02 85 04 75 08 95 01 09 00 91 02 c0 c0`

const keyboard = `05 01 09 06 a1 01 05 07 19 e0 29 e7 15 00 25 01 75 01 95 08 81 02 95 01 75 08 81 03 95 06 75 08 15 00 25 65 05 07 19 00 29 65 81 00 c0`

func TestDescriptors(t *testing.T) {
	usual := layout{id: 2, count: 1, aim: 2, data: 5, room: 56, more: 63, moreMask: 1}
	for _, tt := range []struct {
		name, desc string
		want       layout
		err        error
	}{
		{"as the usage tables show it", scannedData, usual, nil},
		{"a keyboard before it", keyboard + scannedData, usual, nil},
		{"a keyboard", keyboard, layout{}, errNoScanner},
		{"nothing", "", layout{}, errNoScanner},
		{
			"no report identifiers, AIM first, flag in the middle",
			`05 8c 09 02 a1 01 15 00 26 ff 00 75 08 95 03 19 fb 29 fd 81 02 75 01 95 08 09 00 09 00 09 ff 81 02 75 08 95 01 05 01 09 3b 81 02 05 8c 95 14 09 fe 81 02 c0`,
			layout{id: 0, aim: 0, more: 3, moreMask: 4, count: 4, data: 5, room: 20},
			nil,
		},
		{"another report first", `05 8c 09 02 a1 01 85 07 75 08 95 09 05 01 09 3b 81 02` + strings.TrimPrefix(scannedData, "05 8c 09 02 a1 01"), usual, nil},
		{
			"pushed and popped", `05 8c 09 02 a1 01 85 02 75 08 95 01 05 01 09 3b 81 02 95 03 05 8c 09 fb 09 fc 09 fd 81 02 a4 75 01 95 01 05 01 b4 b4 95 38 09 fe 81 02 c0`,
			layout{id: 2, count: 1, aim: 2, data: 5, room: 56, more: -1},
			nil,
		},
		{
			"usages of four bytes", `05 01 0b 02 00 8c 00 a1 01 85 02 75 08 95 01 0b 3b 00 01 00 81 02 95 05 0b fe 00 8c 00 81 02 c0`,
			layout{id: 2, count: 1, aim: -1, data: 2, room: 5, more: -1},
			nil,
		},
		{"long items", `fe 02 f0 01 02` + scannedData, usual, nil},
		{"does not say where", `05 8c 09 02 a1 01 85 02 75 08 95 3f 81 02 c0`, captured, nil},
		{"torn", `05 8c 09 02 a1 01 26 ff`, layout{}, errTorn},
		{"torn long item", `fe 09 00 01`, layout{}, errTorn},
		{"endless", `05 8c 09 02 a1 01 75 08 96 ff ff 81 02 c0`, layout{}, errTooLong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parse(unhex(t, tt.desc))
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("got %+v, %v\nwant %+v, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func FuzzDescriptor(f *testing.F) {
	f.Add(unhex(f, scannedData))
	f.Add(unhex(f, keyboard))
	f.Add(unhex(f, `05 8c 09 02 a1 01 97 ff ff ff ff 77 ff ff ff ff 1b 00 00 00 00 2b ff ff ff ff 81 02 c0`))
	f.Fuzz(func(t *testing.T, desc []byte) {
		l, err := parse(desc)
		if err != nil {
			return
		}
		if l.data < 0 || l.count < 0 || l.room < 1 || l.data > 5000 || l.room > 5000 || l.more > 5000 || l.aim > 5000 {
			t.Fatalf("%x gives %+v", desc, l)
		}
		d := decoder{at: l, encoding: "gb18030"}
		d.Feed(later, desc)
	})
}
