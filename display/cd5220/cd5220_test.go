package cd5220_test

import (
	"testing"

	"tilld/display/cd5220"
	"tilld/display/displaytest"
)

var pole = displaytest.Pole{
	Open: cd5220.Open, Check: cd5220.Check,
	Upper: "\x1bQA", Lower: "\x1bQB", After: "\r",
	Chinese: `{"charset": "gb18030"}`,
	Lines: []displaytest.PoleLines{
		{Name: "pads", Options: `{}`, Lines: []string{"Oolong tea", "12.00"}, Want: "\x1bQAOolong tea          \r\x1bQB12.00               \r"},
		{Name: "cuts at 20 cells", Options: `{}`, Lines: []string{"123456789012345678901"}, Want: "\x1bQA12345678901234567890\r\x1bQB                    \r"},
		{Name: "one mark for one character", Options: `{}`, Lines: []string{"茶 x1"}, Want: "\x1bQA? x1                \r\x1bQB                    \r"},
		{Name: "Chinese", Options: `{"charset": "gb18030"}`, Lines: []string{"茶 x1"}, Want: "\x1bQA\xb2\xe8 x1               \r\x1bQB                    \r"},
		{Name: "no half character at the end", Options: `{"charset": "gb18030"}`, Lines: []string{"1234567890123456789茶"}, Want: "\x1bQA1234567890123456789 \r\x1bQB                    \r"},
		{Name: "yen sign is two cells", Options: `{"charset": "gb18030"}`, Lines: []string{"¥9.90"}, Want: "\x1bQA\xa3\xa49.90              \r\x1bQB                    \r"},
		{Name: "four-byte characters are not in the panel", Options: `{"charset": "gb18030"}`, Lines: []string{"𠀀 ½"}, Want: "\x1bQA? ?                 \r\x1bQB                    \r"},
	},
	Opening: map[string]string{
		`{}`:                  "\x0c\x0c\x1b@\x1b*\x04",
		`{"brightness": 1}`:   "\x0c\x0c\x1b@\x1b*\x01",
		`{"brightness": 0}`:   "\x0c\x0c\x1b@",
		`{"brightness": 9}`:   "", // refused before a byte is sent
		`{"brigthness": 1}`:   "", // a typo is an error, not the default
		`{"charset": "utf8"}`: "",
	},
	Closing: map[string]string{`{}`: "\x0c", `{"blank": false}`: ""},
	// Inside a string the display takes everything but CLR for text, so the frame
	// after a torn one begins with it; a first one may be eaten as a parameter.
	Recover: "\x0c\x0c\x1b@\x1b*\x04",
}

func TestPole(t *testing.T) { pole.Test(t) }

func FuzzShowLines(f *testing.F) { pole.Fuzz(f) }
