package qrscreen

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/encoding/simplifiedchinese"

	"tilld/display"
)

// maxTemplate bounds a template in characters.
const maxTemplate = 512

// template is a command in pieces.
type template []piece

// piece is bytes as they are, or a field.
type piece struct{ literal, field string }

// fields are the values of one scene, made harmless already.
type fields struct {
	payload, amount string
	lines           [2]string
}

// parse takes a template apart; withCode allows the fields of a code in it.
func parse(text string, withCode bool) (template, error) {
	if len(text) > maxTemplate {
		return nil, fmt.Errorf("is longer than %d characters", maxTemplate)
	}
	var t template
	var literal strings.Builder
	end := func() {
		if literal.Len() > 0 {
			t = append(t, piece{literal: literal.String()})
			literal.Reset()
		}
	}
	for text != "" {
		switch text[0] {
		case '\\':
			b, n, err := escaped(text)
			if err != nil {
				return nil, err
			}
			literal.WriteByte(b)
			text = text[n:]
		case '{':
			name, rest, ok := strings.Cut(text[1:], "}")
			if !ok {
				return nil, errors.New(`has a "{" without "}"; write \{ for the character`)
			}
			code := name == "qr" || name == "qr_len" || name == "qr_size"
			if !code && name != "line1" && name != "line2" && name != "amount" || code && !withCode {
				return nil, fmt.Errorf("has no field {%s}", name)
			}
			end()
			t = append(t, piece{field: name})
			text = rest
		default:
			literal.WriteByte(text[0])
			text = text[1:]
		}
	}
	end()
	return t, nil
}

// escaped reads the escape at the beginning of text.
func escaped(text string) (b byte, length int, err error) {
	if len(text) > 1 {
		if i := strings.IndexByte(`rnt\{`, text[1]); i >= 0 {
			return "\r\n\t\\{"[i], 2, nil
		}
		if text[1] == 'x' && len(text) >= 4 {
			if n, err := strconv.ParseUint(text[2:4], 16, 8); err == nil {
				return byte(n), 4, nil
			}
		}
	}
	return 0, 0, fmt.Errorf(`has an escape that there is not: %.4q; there are \r \n \t \\ \{ \xNN`, text)
}

// fill writes a command.
func (m *model) fill(t template, f fields) string {
	var out strings.Builder
	for _, p := range t {
		switch p.field {
		case "":
			out.WriteString(p.literal)
		case "qr":
			out.WriteString(f.payload)
		case "qr_len":
			out.Write([]byte{byte(len(f.payload) >> 8), byte(len(f.payload))})
		case "qr_size":
			out.WriteString(strconv.Itoa(len(f.payload)))
		case "line1":
			out.WriteString(f.lines[0])
		case "line2":
			out.WriteString(f.lines[1])
		case "amount":
			out.WriteString(f.amount)
		}
	}
	return out.String()
}

// safe reports why a code's text cannot go into a command as it is: it must be
// printable ASCII without blanks and without what means something in a command. It
// is never changed, since the shopper's phone must read exactly what the cloud sent.
func (m *model) safe(payload string) error {
	if len(payload) > m.table.MaxPayload {
		return fmt.Errorf("the code's text has %d bytes, max_payload is %d", len(payload), m.table.MaxPayload)
	}
	for i := range len(payload) {
		switch c := payload[i]; {
		case c <= ' ' || c > '~':
			return errors.New("the code's text is not printable ASCII")
		case strings.IndexByte(m.table.Reserved, c) >= 0:
			return fmt.Errorf("the code's text has %q, which is reserved", c)
		}
	}
	return nil
}

// text is a line in the model's charset in which nothing can be taken for a
// command: every byte is printable and none is reserved, also no half of a
// Chinese character.
func (m *model) text(s string) string {
	var out strings.Builder
	for _, r := range s {
		c := m.encode(r)
		if c == "" || m.hasReserved(c) {
			c = " "
		}
		out.WriteString(c)
	}
	return out.String()
}

func (m *model) hasReserved(c string) bool {
	for i := range len(c) {
		if strings.IndexByte(m.table.Reserved, c[i]) >= 0 {
			return true
		}
	}
	return false
}

// encode returns r in the model's charset, "" when it has none.
func (m *model) encode(r rune) string {
	switch {
	case r >= ' ' && r <= '~':
		return string(r)
	case !unicode.IsPrint(r) || r == unicode.ReplacementChar:
		return ""
	case m.table.Charset == "utf-8":
		return string(r)
	case m.table.Charset == "gb18030" && display.RuneCells(r) == 2:
		if b, err := simplifiedchinese.GB18030.NewEncoder().String(string(r)); err == nil && len(b) == 2 {
			return b
		}
	}
	return ""
}

// has reports whether the model can draw r.
func (m *model) has(r rune) bool {
	c := m.encode(r)
	return c != "" && !m.hasReserved(c)
}
