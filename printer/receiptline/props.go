package receiptline

import (
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"

	"tilld/printer"
)

// property is one "key: value" between braces.
type property struct{ key, value string }

var keyValue = regexp.MustCompile(`(?s)^[ \t]*([A-Za-z_]\w*)[ \t]*:[ \t]*(.+?)[ \t]*$`)

// properties reads what stands between braces; what has no form of a property
// is left out. The result is never nil.
func properties(inner string) []property {
	list := []property{}
	inner = strings.ReplaceAll(inner, `\;`, `\x3b`)
	for part := range strings.SplitSeq(inner, ";") {
		m := keyValue.FindStringSubmatch(part)
		if m == nil {
			continue
		}
		key := m[1]
		if long, ok := map[string]string{"a": "align", "b": "border", "c": "code", "i": "image", "o": "option", "t": "text", "w": "width", "x": "command", "_": "comment"}[key]; ok {
			key = long
		}
		value := strings.ReplaceAll(m[2], `\n`, "\n")
		value = hexEscape.ReplaceAllStringFunc(value, func(s string) string {
			n, err := strconv.ParseUint(s[2:], 16, 8)
			if err != nil {
				return ""
			}
			return string(rune(n))
		})
		list = append(list, property{key, value})
	}
	return list
}

// forbidden refuses raw bytes for the printer, wherever they stand.
func forbidden(props []property) error {
	for _, p := range props {
		if p.key == "command" {
			return refuse("the property command sends bytes to the printer and is not allowed")
		}
	}
	return nil
}

// properties acts on a line that is one column of properties.
func (p *parser) properties(c column) error {
	if err := forbidden(c.props); err != nil {
		return err
	}
	get := func(key string) (string, bool) {
		value, ok := "", false
		for _, x := range c.props {
			if x.key == key {
				value, ok = x.value, true
			}
		}
		return value, ok
	}
	if v, ok := get("text"); ok {
		p.wrap = !strings.EqualFold(v, "nowrap")
	}
	if v, ok := get("border"); ok {
		p.setBorder(v)
	}
	if v, ok := get("width"); ok {
		p.widths = widths(v)
	}
	if v, ok := get("align"); ok {
		p.align = map[string]printer.Align{"left": printer.Left, "right": printer.Right}[strings.ToLower(v)]
		if p.align == "" {
			p.align = printer.Center
		}
	}
	if v, ok := get("option"); ok {
		p.option = parseOption(v)
	}
	if v, ok := get("image"); ok {
		return p.image(v, c.align)
	}
	if v, ok := get("code"); ok {
		p.add(p.option.block(v, p.place(c.align)))
	}
	return nil
}

// place is where a code or picture goes: in its column, and where the block of
// columns goes when it is narrower than the paper.
func (p *parser) place(own printer.Align) printer.Align {
	flexible := len(p.widths) == 0
	for _, w := range p.widths {
		flexible = flexible || w < 0
	}
	if flexible {
		return own
	}
	return p.align
}

func (p *parser) setBorder(v string) {
	switch v := strings.ToLower(v); v {
	case "line":
		p.border = printer.Lines
	case "none", "0":
		p.border = printer.NoGap
	case "2":
		p.border = printer.WideGap
	default:
		p.border = printer.Gap
	}
	p.ruled = p.ruled && p.border == printer.Lines
}

// widths reads a list of columns: numbers, "*" for what is left, "auto" for all
// alike.
func widths(v string) []int {
	var list []int
	for _, f := range separator.Split(strings.TrimSpace(v), 101) {
		switch n, err := strconv.Atoi(f); {
		case strings.EqualFold(f, "auto"):
			return nil
		case f == "*":
			list = append(list, -1)
		case err != nil || n < 0 || n > 1000:
			list = append(list, 0)
		default:
			list = append(list, n)
		}
	}
	return list[:min(len(list), 100)]
}

// separator is a comma or blanks; two commas have an empty width between them.
var separator = regexp.MustCompile(`[ \t]*,[ \t]*|[ \t]+`)

var noBase64 = regexp.MustCompile(`[^A-Za-z0-9+/]`)

// image adds a picture given as base64.
func (p *parser) image(v string, own printer.Align) error {
	data, err := base64.RawStdEncoding.DecodeString(noBase64.ReplaceAllString(v, ""))
	if err != nil {
		return refuse("the picture is no base64: %w", err)
	}
	p.add(printer.Image{PNG: data, Align: p.place(own)})
	return nil
}
