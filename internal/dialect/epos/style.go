package epos

import (
	"encoding/xml"
	"slices"
	"strconv"
	"strings"

	"tilld/printer"
)

// style is what <text> elements set for all that follow.
type style struct {
	align         printer.Align
	span          printer.Span // without its text
	doubleW, dblH bool
}

// words translates <text>: attributes change the style from here on, characters
// go on the present line, &#10; ends it.
func (p *parser) words(a *attributes, content string) error {
	if p.text += len(content); p.text > maxText {
		return wrong("more than %d KiB of text", maxText>>10)
	}
	s := &p.style
	before := s.align
	s.align = a.align(s.align)
	if s.align != before {
		p.endLine()
	}
	s.span.Bold = a.flag("em", s.span.Bold)
	s.span.Underline = a.flag("ul", s.span.Underline)
	s.span.Invert = a.flag("reverse", s.span.Invert)
	if a.has("dw") || a.has("dh") {
		s.span.Width, s.span.Height = 1, 1
		if s.doubleW = a.flag("dw", s.doubleW); s.doubleW {
			s.span.Width = 2
		}
		if s.dblH = a.flag("dh", s.dblH); s.dblH {
			s.span.Height = 2
		}
	}
	s.span.Width = a.number("width", s.span.Width, 1, 8)
	s.span.Height = a.number("height", s.span.Height, 1, 8)
	a.oneOf("lang", "en", "en", "de", "fr", "it", "es", "ja", "ja-jp", "ko", "ko-kr", "zh-cn", "zh-hans", "zh-tw", "zh-hant", "th", "vi", "mul")
	a.oneOf("font", "font_a", "font_a", "font_b", "font_c", "font_d", "font_e", "special_a", "special_b")
	a.oneOf("color", "color_1", "none", "color_1", "color_2", "color_3", "color_4")
	a.flag("rotate", false)
	a.flag("smooth", false)
	a.number("linespc", 0, 0, 255)
	a.number("x", 0, 0, 65535)
	a.number("y", 0, 0, 65535)
	if err := a.err(); err != nil {
		return err
	}
	for i, piece := range strings.Split(strings.ReplaceAll(content, "\r\n", "\n"), "\n") {
		if i > 0 {
			if len(p.line) == 0 {
				p.out.doc = append(p.out.doc, printer.Feed{Lines: 1})
			}
			p.endLine()
		}
		if piece != "" {
			span := s.span
			span.Text = strings.ReplaceAll(piece, "\t", "    ")
			p.line = append(p.line, span)
		}
	}
	return nil
}

// endLine puts what stands on the present line on paper.
func (p *parser) endLine() {
	if len(p.line) == 0 {
		return
	}
	p.out.doc = append(p.out.doc, printer.Text{Spans: p.line, Align: p.style.align, AnyBreak: true})
	p.line = nil
}

// attributes are those of one element; what is wrong with them is kept.
type attributes struct {
	name string
	all  []xml.Attr
	seen []string
	bad  string
}

func (a *attributes) has(name string) bool {
	return slices.ContainsFunc(a.all, func(x xml.Attr) bool { return x.Name.Local == name })
}

func (a *attributes) text(name string) string {
	a.seen = append(a.seen, name)
	for _, x := range a.all {
		if x.Name.Local == name {
			return x.Value
		}
	}
	return ""
}

func (a *attributes) oneOf(name, otherwise string, allowed ...string) string {
	v := a.text(name)
	switch {
	case v == "" && !a.has(name):
		return otherwise
	case !slices.Contains(allowed, v):
		a.fail(name)
		return otherwise
	}
	return v
}

func (a *attributes) align(otherwise printer.Align) printer.Align {
	if !a.has("align") {
		return otherwise
	}
	return printer.Align(a.oneOf("align", "left", "left", "center", "right"))
}

func (a *attributes) flag(name string, otherwise bool) bool {
	switch v := a.text(name); {
	case v == "" && !a.has(name):
		return otherwise
	case v == "true", v == "1":
		return true
	case v == "false", v == "0":
		return false
	}
	a.fail(name)
	return otherwise
}

func (a *attributes) number(name string, otherwise, low, high int) int {
	v := a.text(name)
	if v == "" && !a.has(name) {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < low || n > high {
		a.fail(name)
		return otherwise
	}
	return n
}

func (a *attributes) fail(name string) {
	if a.bad == "" {
		a.bad = name
	}
}

// err says what is wrong with the attributes that were asked for; others are not
// looked at.
func (a *attributes) err() error {
	if a.bad != "" {
		return wrong("<%s %s> has a value that is none", clean(a.name), clean(a.bad))
	}
	return nil
}

// clean makes a name of the document fit for a log.
func clean(s string) string {
	if len(s) > 40 {
		s = s[:40]
	}
	return strconv.QuoteToASCII(s)
}
