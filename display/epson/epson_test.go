package epson_test

import (
	"testing"

	"tilld/display/displaytest"
	"tilld/display/epson"
)

var pole = displaytest.Pole{
	Open: epson.Open, Check: epson.Check,
	Upper: "\x1f$\x01\x01", Lower: "\x1f$\x01\x02",
	Chinese: `{"charset": "gb18030"}`,
	Lines: []displaytest.PoleLines{
		{Name: "pads", Options: `{}`, Lines: []string{"Oolong tea", "12.00"}, Want: "\x1f$\x01\x01Oolong tea          \x1f$\x01\x0212.00               "},
		{Name: "cuts at 20 cells", Options: `{}`, Lines: []string{"123456789012345678901"}, Want: "\x1f$\x01\x0112345678901234567890\x1f$\x01\x02                    "},
		{Name: "one mark for one character", Options: `{}`, Lines: []string{"茶 x1"}, Want: "\x1f$\x01\x01? x1                \x1f$\x01\x02                    "},
		{Name: "Chinese", Options: `{"charset": "gb18030"}`, Lines: []string{"茶 x1"}, Want: "\x1f$\x01\x01\xb2\xe8 x1               \x1f$\x01\x02                    "},
		{Name: "no half character at the end", Options: `{"charset": "gb18030"}`, Lines: []string{"1234567890123456789茶"}, Want: "\x1f$\x01\x011234567890123456789 \x1f$\x01\x02                    "},
		{Name: "yen sign is two cells", Options: `{"charset": "gb18030"}`, Lines: []string{"¥9.90"}, Want: "\x1f$\x01\x01\xa3\xa49.90              \x1f$\x01\x02                    "},
	},
	Opening: map[string]string{
		`{}`:                    "\x00\x00\x0c\x1b@\x1f\x01\x1fC\x00\x1fX\x04",
		`{"brightness": 1}`:     "\x00\x00\x0c\x1b@\x1f\x01\x1fC\x00\x1fX\x01",
		`{"brightness": 0}`:     "\x00\x00\x0c\x1b@\x1f\x01\x1fC\x00",
		`{"passthrough": true}`: "\x00\x00\x1b=\x02\x0c\x1b@\x1f\x01\x1fC\x00\x1fX\x04",
		`{"brightness": 9}`:     "", // refused before a byte is sent
		`{"brigthness": 1}`:     "", // a typo is an error, not the default
		`{"charset": "utf8"}`:   "",
	},
	Closing: map[string]string{`{}`: "\x0c", `{"blank": false}`: ""},
	// Two bytes end a cut US $, CLR clears the glass.
	Recover: "\x00\x00\x0c\x1b@\x1f\x01\x1fC\x00\x1fX\x04",
}

func TestPole(t *testing.T) { pole.Test(t) }

func FuzzShowLines(f *testing.F) { pole.Fuzz(f) }
