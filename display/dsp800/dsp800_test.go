package dsp800_test

import (
	"testing"

	"tilld/display/displaytest"
	"tilld/display/dsp800"
)

var pole = displaytest.Pole{
	Open: dsp800.Open, Check: dsp800.Check,
	Upper: "\x04\x01P1\x17", Lower: "\x04\x01PE\x17",
	Chinese: `{"charset": "gb18030"}`,
	Lines: []displaytest.PoleLines{
		{Name: "pads", Options: `{}`, Lines: []string{"Oolong tea", "12.00"}, Want: "\x04\x01P1\x17Oolong tea          \x04\x01PE\x1712.00               "},
		{Name: "cuts at 20 cells", Options: `{}`, Lines: []string{"123456789012345678901"}, Want: "\x04\x01P1\x1712345678901234567890\x04\x01PE\x17                    "},
		{Name: "one mark for one character", Options: `{}`, Lines: []string{"茶 x1"}, Want: "\x04\x01P1\x17? x1                \x04\x01PE\x17                    "},
		{Name: "Chinese", Options: `{"charset": "gb18030"}`, Lines: []string{"茶 x1"}, Want: "\x04\x01P1\x17\xb2\xe8 x1               \x04\x01PE\x17                    "},
		{Name: "no half character at the end", Options: `{"charset": "gb18030"}`, Lines: []string{"1234567890123456789茶"}, Want: "\x04\x01P1\x171234567890123456789 \x04\x01PE\x17                    "},
		{Name: "yen sign is two cells", Options: `{"charset": "gb18030"}`, Lines: []string{"¥9.90"}, Want: "\x04\x01P1\x17\xa3\xa49.90              \x04\x01PE\x17                    "},
	},
	Opening: map[string]string{
		`{}`:                  "\x17\x17\x17\x04\x01%\x17\x04\x01C1X\x17",
		`{"brightness": 1}`:   "\x17\x17\x17\x04\x01%\x17\x04\x01C1X\x17\x04\x01A1\x17",
		`{"brightness": 4}`:   "\x17\x17\x17\x04\x01%\x17\x04\x01C1X\x17\x04\x01A4\x17",
		`{"brightness": 9}`:   "", // refused before a byte is sent
		`{"brigthness": 1}`:   "", // a typo is an error, not the default
		`{"charset": "utf8"}`: "",
	},
	Closing: map[string]string{`{}`: "\x04\x01C1X\x17", `{"blank": false}`: ""},
	// ETB ends any command that was cut.
	Recover: "\x17\x17\x17\x04\x01%\x17\x04\x01C1X\x17",
}

func TestPole(t *testing.T) { pole.Test(t) }

func FuzzShowLines(f *testing.F) { pole.Fuzz(f) }
