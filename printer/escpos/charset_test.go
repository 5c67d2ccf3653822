package escpos

import (
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"
)

func set(chinese, page string) charset {
	return charset{chinese, charmaps()[page], simplifiedchinese.GB18030.NewEncoder()}
}

func TestEncode(t *testing.T) {
	for _, c := range []struct {
		chinese, page, text string
		want                string // "" is not in the printer
	}{
		{"gbk", "CP437", "Tea ~ 茶", "Tea ~ \xb2\xe8"},
		{"gbk", "CP437", "¥1", "\xa3\xa41"},
		{"gbk", "CP437", "￥1", "\xa3\xa41"},
		{"gbk", "CP437", "€", "\xa2\xe3"},
		{"gbk", "CP437", "×±÷①", "\xa1\xc1\xa1\xc0\xa1\xc2\xa2\xd9"},
		{"gbk", "CP437", "镕", "\xe9\x46"},
		{"gb2312", "CP437", "镕", ""},
		{"gb2312", "CP437", "茶。", "\xb2\xe8\xa1\xa3"},
		{"gb2312", "CP437", "囧", ""},
		{"gb2312", "CP437", "①Ⅰ·—", "\xa2\xd9\xa2\xf1\xa1\xa4\xa1\xaa"},
		{"gb2312", "CP437", "€", ""}, // codes that GBK has added within the rows of GB2312
		{"gb2312", "CP437", "ⅲ", ""},
		{"gb2312", "CP437", "︵", ""},
		{"gbk", "CP437", "ⅲ", "\xa2\xa3"},
		{"gbk", "CP437", "é", ""},
		{"gbk", "CP437", "Ü²½•", ""},
		{"gbk", "CP437", "😀", ""},
		{"gbk", "CP437", "㐀", ""}, // four bytes
		{"none", "CP437", "é£", "\x82\x9c"},
		{"none", "CP437", "€", ""},
		{"none", "CP858", "€", "\xd5"},
		{"none", "CP1252", "€", "\x80"},
		{"none", "CP866", "Я", "\x9f"},
		{"none", "CP437", "茶", ""},
		{"gbk", "CP437", "\x1bp", ""},
		{"none", "CP437", "\x10\x04", ""},
		{"gbk", "CP437", "\x7f", ""},
		{"none", "CP437", "\n", ""},
	} {
		got, ok := set(c.chinese, c.page).encode(c.text)
		if string(got) != c.want || ok != (c.want != "") {
			t.Errorf("%s %s %q: % x, %v, want % x", c.chinese, c.page, c.text, got, ok, c.want)
		}
	}
}

// No character of Unicode, in any set, becomes a control byte; all of the
// characters that Chinese receipts are written in are two bytes.
func TestEncodeEveryCharacter(t *testing.T) {
	pages := []charset{set("gbk", "CP437"), set("gb2312", "CP437")}
	for name := range charmaps() {
		pages = append(pages, set("none", name))
	}
	for _, s := range pages {
		for r := rune(0); r <= 0x2ffff; r++ {
			b, _ := s.encode(string(r))
			for i, x := range b {
				if x < 0x20 || x == 0x7f || i == 0 && len(b) == 2 && x < 0x81 || len(b) > 2 {
					t.Fatalf("%s: %U becomes % x", s.chinese, r, b)
				}
			}
			if s.chinese == "gbk" && r >= 0x4e00 && r <= 0x9fa5 && len(b) != 2 {
				t.Fatalf("%U is not in the set", r)
			}
		}
	}
}
