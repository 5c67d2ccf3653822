package lang_test

import (
	"testing"

	"tilld/internal/lang"
)

func TestIn(t *testing.T) {
	x := lang.Text{ZH: "打印机 {name} 缺纸", EN: "printer {name} is out of paper"}
	if got, want := x.In(lang.ZH, "name", "printer-1"), "打印机 printer-1 缺纸"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := x.In(lang.EN, "name", "{name}"), "printer {name} is out of paper"; got != want {
		t.Errorf("got %q, want %q: a value must not be expanded again", got, want)
	}
}

func TestMatch(t *testing.T) {
	for accept, want := range map[string]lang.Tag{
		"":                        lang.ZH,
		"zh-CN,zh;q=0.9,en;q=0.8": lang.ZH,
		"zh-TW":                   lang.ZH,
		"en-US,en;q=0.5":          lang.EN,
		"fr":                      lang.ZH,
		";;;":                     lang.ZH,
	} {
		if got := lang.Match(accept, lang.ZH); got != want {
			t.Errorf("Match(%q) = %q, want %q", accept, got, want)
		}
	}
}
