package qz

import (
	"encoding/json"
	"fmt"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// textEncoder makes the printer's bytes of text; characters that it has not
// become question marks.
type textEncoder func(string) []byte

// tables are the character sets by their Java names, without punctuation and in
// lower case.
var tables = map[string]encoding.Encoding{
	"gb18030": simplifiedchinese.GB18030, "gbk": simplifiedchinese.GBK, "gb2312": simplifiedchinese.GBK, "euccn": simplifiedchinese.GBK, "cp936": simplifiedchinese.GBK,
	"iso88591": charmap.ISO8859_1, "latin1": charmap.ISO8859_1, "iso88592": charmap.ISO8859_2, "iso88595": charmap.ISO8859_5,
	"iso88597": charmap.ISO8859_7, "iso885915": charmap.ISO8859_15, "usascii": charmap.ISO8859_1, "ascii": charmap.ISO8859_1,
	"cp437": charmap.CodePage437, "ibm437": charmap.CodePage437, "cp850": charmap.CodePage850, "ibm850": charmap.CodePage850,
	"cp852": charmap.CodePage852, "ibm852": charmap.CodePage852, "cp855": charmap.CodePage855, "ibm855": charmap.CodePage855,
	"cp858": charmap.CodePage858, "ibm00858": charmap.CodePage858, "cp860": charmap.CodePage860, "ibm860": charmap.CodePage860,
	"cp862": charmap.CodePage862, "ibm862": charmap.CodePage862, "cp863": charmap.CodePage863, "ibm863": charmap.CodePage863,
	"cp865": charmap.CodePage865, "ibm865": charmap.CodePage865, "cp866": charmap.CodePage866, "ibm866": charmap.CodePage866,
	"cp874": charmap.Windows874, "windows874": charmap.Windows874, "cp1250": charmap.Windows1250, "windows1250": charmap.Windows1250,
	"cp1251": charmap.Windows1251, "windows1251": charmap.Windows1251, "cp1252": charmap.Windows1252, "windows1252": charmap.Windows1252,
	"cp1253": charmap.Windows1253, "windows1253": charmap.Windows1253, "cp1254": charmap.Windows1254, "windows1254": charmap.Windows1254,
	"cp1257": charmap.Windows1257, "windows1257": charmap.Windows1257, "cp1258": charmap.Windows1258, "windows1258": charmap.Windows1258,
}

// encodingOf reads options.encoding: null is UTF-8, as in the original on a
// modern machine.
func encodingOf(option json.RawMessage) (textEncoder, error) {
	name := ""
	if len(option) > 0 && string(option) != "null" {
		var pair struct {
			To string `json:"to"`
		}
		if json.Unmarshal(option, &name) != nil {
			if json.Unmarshal(option, &pair) != nil || pair.To == "" {
				return nil, fmt.Errorf("the encoding is no name")
			}
			name = pair.To
		}
	}
	key := strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name))
	if key == "" || key == "utf8" {
		return func(s string) []byte { return []byte(s) }, nil
	}
	table, ok := tables[key]
	if !ok {
		return nil, fmt.Errorf("the encoding %q is not known", clip(name))
	}
	return func(s string) []byte {
		enc := table.NewEncoder()
		if b, err := enc.Bytes([]byte(s)); err == nil {
			return b
		}
		out := make([]byte, 0, len(s))
		for _, r := range s {
			b, err := enc.Bytes([]byte(string(r)))
			if err != nil {
				b = []byte("?")
			}
			out = append(out, b...)
		}
		return out
	}, nil
}
