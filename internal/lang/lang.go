// Package lang holds text for people in the two languages every user-visible
// sentence exists in: Chinese as written in the mainland (zh-CN) and English.
package lang

import (
	"strings"

	"golang.org/x/text/language"
)

// Tag is a language the till speaks.
type Tag string

const (
	ZH Tag = "zh-CN"
	EN Tag = "en"
)

// Text is one sentence in both languages. Placeholders "{name}" are filled by
// [Text.In].
type Text struct{ ZH, EN string }

// In returns the sentence in t. args are pairs of placeholder name and value.
func (x Text) In(t Tag, args ...string) string {
	s := x.EN
	if t == ZH {
		s = x.ZH
	}
	if len(args) == 0 {
		return s
	}
	pairs := make([]string, 0, len(args))
	for i := 0; i+1 < len(args); i += 2 {
		pairs = append(pairs, "{"+args[i]+"}", args[i+1])
	}
	return strings.NewReplacer(pairs...).Replace(s)
}

var matcher = language.NewMatcher([]language.Tag{language.SimplifiedChinese, language.English})

// Match picks the language for an HTTP Accept-Language header; fallback is used
// when the header names neither or is empty.
func Match(accept string, fallback Tag) Tag {
	tags, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(tags) == 0 {
		return fallback
	}
	_, i, conf := matcher.Match(tags...)
	switch {
	case conf == language.No:
		return fallback
	case i == 0:
		return ZH
	default:
		return EN
	}
}
