package epos

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"tilld/printer"
)

// request is one ePOS-Print document, translated.
type request struct {
	devID, jobID string
	timeout      string
	doc          printer.Doc
	raw          []byte // of <command> elements
	kicks        int
}

// empty reports whether the document asks how things stand instead of printing.
func (r request) empty() bool { return len(r.doc) == 0 && len(r.raw) == 0 && r.kicks == 0 }

// Limits of a document.
const (
	maxDepth    = 16
	maxElements = 20_000
	maxText     = 256 << 10 // of all texts together
)

// schemaError is what is wrong with a document.
type schemaError struct{ what string }

func (e *schemaError) Error() string { return "epos: " + e.what }

func wrong(format string, args ...any) error { return &schemaError{fmt.Sprintf(format, args...)} }

// parse reads a document. Nothing outside of it is ever looked at: entities other
// than XML's five, DTDs and includes are refused.
func parse(r io.Reader) (request, error) {
	dec := xml.NewDecoder(r)
	dec.Strict = true
	p := &parser{dec: dec}
	if err := p.document(); err != nil {
		var syntax *xml.SyntaxError
		if errors.As(err, &syntax) {
			err = wrong("no XML: %v", syntax)
		}
		return request{}, err
	}
	p.endLine()
	if len(p.out.raw) > 0 && len(p.out.doc) > 0 {
		return request{}, wrong("<command> beside other elements")
	}
	return p.out, nil
}

type parser struct {
	dec      *xml.Decoder
	out      request
	style    style
	line     []printer.Span
	elements int
	text     int
	found    bool // <epos-print>
}

// token is the next piece of the document that matters; nil at its end.
func (p *parser) token() (xml.Token, error) {
	for {
		t, err := p.dec.Token()
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.Comment, xml.ProcInst:
			continue
		case xml.Directive:
			return nil, wrong("a document type definition")
		case xml.StartElement:
			if p.elements++; p.elements > maxElements {
				return nil, wrong("more than %d elements", maxElements)
			}
		case xml.CharData:
			return t, nil
		}
		return t, nil
	}
}

// document reads the envelope, or a bare <epos-print>.
func (p *parser) document() error {
	depth := 0
	for {
		t, err := p.token()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case nil:
			if !p.found {
				return wrong("no <epos-print>")
			}
			return nil
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return wrong("nested more than %d deep", maxDepth)
			}
			if err := p.outer(t, &depth); err != nil {
				return err
			}
		case xml.EndElement:
			depth--
		}
	}
}

// outer reads what stands around the document.
func (p *parser) outer(t xml.StartElement, depth *int) (err error) {
	switch t.Name.Local {
	case "epos-print":
		if p.found {
			return wrong("more than one <epos-print>")
		}
		p.found = true
		*depth--
		return p.body()
	case "devid":
		p.out.devID, err = p.content(64)
	case "timeout":
		p.out.timeout, err = p.content(16)
	case "printjobid":
		p.out.jobID, err = p.content(64)
	default:
		return nil
	}
	*depth--
	return err
}

// body reads the elements of <epos-print>.
func (p *parser) body() error {
	for {
		t, err := p.token()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case nil:
			return wrong("the document is cut short")
		case xml.EndElement:
			return nil
		case xml.StartElement:
			if err := p.element(t); err != nil {
				return err
			}
		case xml.CharData:
			if strings.TrimSpace(string(t)) != "" {
				return wrong("text outside of <text>")
			}
		}
	}
}

func (p *parser) element(t xml.StartElement) error {
	a := attributes{name: t.Name.Local, all: t.Attr}
	limit := maxText
	if a.name == "image" || a.name == "command" {
		limit = 12 << 20
	}
	content, err := p.content(limit)
	if err != nil {
		return err
	}
	if a.name != "text" {
		p.endLine()
	}
	switch a.name {
	case "text":
		err = p.words(&a, content)
	case "feed":
		err = p.feed(&a)
	case "image":
		err = p.image(&a, content)
	case "barcode":
		err = p.barcode(&a, content)
	case "symbol":
		err = p.symbol(&a, content)
	case "cut":
		a.oneOf("type", "feed", "no_feed", "feed", "reserve")
		p.out.doc = append(p.out.doc, printer.Cut{})
	case "pulse":
		a.oneOf("drawer", "drawer_1", "drawer_1", "drawer_2")
		a.oneOf("time", "pulse_100", "pulse_100", "pulse_200", "pulse_300", "pulse_400", "pulse_500")
		p.out.kicks++
	case "sound", "recovery", "reset": // nothing that this till has or needs
		a.seen = nil
		return nil
	case "command":
		var b []byte
		if b, err = hex.DecodeString(strings.Join(strings.Fields(content), "")); err != nil || len(p.out.raw)+len(b) > 4<<20 {
			return wrong("<command> is no hexadecimal, or too long")
		}
		p.out.raw = append(p.out.raw, b...)
	default:
		return wrong("<%s> is not supported", clean(a.name))
	}
	if err != nil {
		return err
	}
	return a.err()
}

// content reads the text up to the end of an element that has nothing else in it.
func (p *parser) content(limit int) (string, error) {
	var b strings.Builder
	for {
		t, err := p.token()
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case nil:
			return "", wrong("the document is cut short")
		case xml.StartElement:
			return "", wrong("<%s> within an element", clean(t.Name.Local))
		case xml.EndElement:
			return b.String(), nil
		case xml.CharData:
			if b.Len()+len(t) > limit {
				return "", wrong("an element of more than %d bytes", limit)
			}
			b.Write(t)
		}
	}
}

// image translates a picture of 1 or 4 bits a dot, padded to whole bytes.
func (p *parser) image(a *attributes, content string) error {
	w, h := a.number("width", 0, 1, 65535), a.number("height", 0, 1, 65535)
	mode := a.oneOf("mode", "mono", "mono", "gray16")
	a.oneOf("color", "color_1", "none", "color_1", "color_2", "color_3", "color_4")
	align := a.align(p.style.align)
	if err := a.err(); err != nil {
		return err
	}
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(content), ""))
	if err != nil {
		return wrong("<image> is no base64")
	}
	bits := 1
	if mode == "gray16" {
		bits = 4
	}
	stride := (w*bits + 7) / 8
	if w > 4096 || w*h > 32_000_000 || len(data) < stride*h {
		return wrong("<image> of %d bytes cannot have %d x %d dots", len(data), w, h)
	}
	blocks, err := picture(data, w, h, stride, bits, align)
	p.out.doc = append(p.out.doc, blocks...)
	return err
}

func (p *parser) feed(a *attributes) error {
	lines := a.number("line", -1, 0, 255)
	unit := a.number("unit", -1, 0, 255)
	switch {
	case lines >= 0:
	case unit >= 0:
		lines = (unit + lineUnits - 1) / lineUnits
	default:
		lines = 1
	}
	if lines > 0 {
		p.out.doc = append(p.out.doc, printer.Feed{Lines: lines})
	}
	return nil
}

// lineUnits is the height of a line in vertical motion units.
const lineUnits = 30

var symbologies = map[string]string{
	"upc_a": "upca", "ean13": "ean13", "jan13": "ean13", "ean8": "ean8", "jan8": "ean8", "code39": "code39", "itf": "itf",
	"codabar": "codabar", "code93": "code93", "code128": "code128", "code128_auto": "code128",
}

func (p *parser) barcode(a *attributes, content string) error {
	kind := a.text("type")
	name, ok := symbologies[kind]
	if !ok {
		return wrong("<barcode> of type %q is not supported", clean(kind))
	}
	hri := a.oneOf("hri", "none", "none", "above", "below", "both")
	a.oneOf("font", "font_a", "font_a", "font_b", "font_c", "font_d", "font_e")
	module, height := a.number("width", 0, 2, 6), a.number("height", 0, 1, 255)
	align := a.align(p.style.align)
	data, err := unescape(content)
	if err != nil {
		return err
	}
	if kind == "code128" && len(data) > 2 && data[0] == '{' {
		if data[1] != 'A' && data[1] != 'B' || strings.Contains(data[2:], "{") {
			return wrong("a code 128 that changes its code set")
		}
		data = data[2:]
	}
	p.out.doc = append(p.out.doc, printer.Barcode{
		Symbology: name, Data: data, HeightMM: (height + dotsMM/2) / dotsMM, HRI: hri != "none", Module: min(module, 4), Align: align,
	})
	return nil
}

// dotsMM is how many dots a millimetre has at 203 dpi.
const dotsMM = 8

func (p *parser) symbol(a *attributes, content string) error {
	kind := a.text("type")
	if kind != "qrcode_model_1" && kind != "qrcode_model_2" {
		return wrong("<symbol> of type %q is not supported", clean(kind))
	}
	level := a.oneOf("level", "level_m", "level_l", "level_m", "level_q", "level_h", "default")
	module := a.number("width", 0, 1, 255)
	a.number("height", 0, 1, 255)
	a.number("size", 0, 0, 65535)
	align := a.align(p.style.align)
	data, err := unescape(content)
	if err != nil {
		return err
	}
	if level == "default" {
		level = "level_m"
	}
	p.out.doc = append(p.out.doc, printer.QR{Payload: data, Module: min(module, 16), Level: strings.ToUpper(level[len(level)-1:]), Align: align})
	return nil
}

// unescape reads \xnn and \\.
func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		switch rest := s[i+1:]; {
		case strings.HasPrefix(rest, `\`):
			b.WriteByte('\\')
			i++
		case len(rest) >= 3 && rest[0] == 'x':
			n, err := strconv.ParseUint(rest[1:3], 16, 8)
			if err != nil {
				return "", wrong("an escape that is none")
			}
			b.WriteByte(byte(n))
			i += 3
		default:
			return "", wrong("an escape that is none")
		}
	}
	return b.String(), nil
}
