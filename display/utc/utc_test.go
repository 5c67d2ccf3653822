package utc_test

import (
	"testing"

	"tilld/display/displaytest"
	"tilld/display/utc"
)

var pole = displaytest.Pole{
	Open: utc.Open, Check: utc.Check,
	Upper: "\x10\x00", Lower: "\x10\x14",
	Chinese: `{"charset": "gb18030", "mode": "enhanced"}`,
	Lines: []displaytest.PoleLines{
		{Name: "pads", Options: `{}`, Lines: []string{"Oolong tea", "12.00"}, Want: "\x10\x00Oolong tea          \x10\x1412.00               "},
		{Name: "cuts at 20 cells", Options: `{}`, Lines: []string{"123456789012345678901"}, Want: "\x10\x0012345678901234567890\x10\x14                    "},
		{Name: "one mark for one character", Options: `{}`, Lines: []string{"茶 x1"}, Want: "\x10\x00? x1                \x10\x14                    "},
		{Name: "Chinese", Options: `{"charset": "gb18030"}`, Lines: []string{"茶 x1"}, Want: "\x10\x00\xb2\xe8 x1               \x10\x14                    "},
		{Name: "no half character at the end", Options: `{"charset": "gb18030"}`, Lines: []string{"1234567890123456789茶"}, Want: "\x10\x001234567890123456789 \x10\x14                    "},
		{Name: "yen sign is two cells", Options: `{"charset": "gb18030"}`, Lines: []string{"¥9.90"}, Want: "\x10\x00\xa3\xa49.90              \x10\x14                    "},
		{Name: "enhanced", Options: `{"mode": "enhanced"}`, Lines: []string{"Oolong tea", "12.00"}, Want: "\x1buAOolong tea          \r\x1buB12.00               \r"},
	},
	Opening: map[string]string{
		`{}`:                                    "\x1f\x1f\x11\x14",
		`{"brightness": 1}`:                     "\x1f\x1f\x11\x14\x04 ",
		`{"brightness": 4}`:                     "\x1f\x1f\x11\x14\x04\xff",
		`{"mode": "enhanced"}`:                  "\r\r\x1f\x1bd\x11\x14",
		`{"mode": "enhanced", "brightness": 2}`: "\r\r\x1f\x1bd\x11\x14\x04@",
		`{"mode": "best"}`:                      "",
		`{"brightness": 9}`:                     "", // refused before a byte is sent
		`{"brigthness": 1}`:                     "", // a typo is an error, not the default
		`{"charset": "utf8"}`:                   "",
	},
	Closing: map[string]string{`{}`: "\x1f", `{"blank": false}`: ""},
	// The first reset may be eaten as the cell of a cut DLE.
	Recover: "\x1f\x1f\x11\x14",
}

func TestPole(t *testing.T) { pole.Test(t) }

func FuzzShowLines(f *testing.F) { pole.Fuzz(f) }
