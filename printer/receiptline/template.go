package receiptline

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"tilld/printer"
)

// MaxTemplate is the longest template in bytes.
const MaxTemplate = 64 << 10

// Template makes documents of data by a text in ReceiptLine with places to fill
// in between [[ and ]] (text/template, with a few functions of its own). What is
// filled in is escaped, whatever it says: it can neither end a column nor begin a
// property. A template can loop over what it is given and nothing else, so that
// it always ends.
type Template struct{ t *template.Template }

// line is markup that was made on purpose and is not escaped again.
type line string

// functions are the names that a template may use.
var functions = template.FuncMap{
	"text": func(v any) line { return line(escape(v)) },
	// qr and code128 are lines of their own: a code of what is given, nothing when
	// that is empty.
	"qr":      func(v any) line { return codeLine("qrcode,6,m", v) },
	"code128": func(v any) line { return codeLine("code128,2,72,hri", v) },
	"ean":     func(v any) line { return codeLine("ean,2,72,hri", v) },
	"word":    func(string) string { return "" }, // replaced by NewTemplate
}

var allowed = []string{"and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len", "text", "qr", "code128", "ean", "word"}

// control is a line of a template that only steers: it leaves no blank line.
var control = regexp.MustCompile(`(?m)^[ \t]*((\[\[-?[ \t]*(if|else|end|range|with|break|continue)\b[^\]]*\]\])+|\[\[-?[ \t]*/\*.*?\*/[ \t]*-?\]\])[ \t]*\n`)

// NewTemplate reads a template. word gives the words of its language by name,
// for [[word "total"]]; an unknown name is an error here, not at the till.
func NewTemplate(src string, word func(name string) (string, bool)) (*Template, error) {
	if len(src) > MaxTemplate {
		return nil, refuse("a template of %d bytes, at most %d are read", len(src), MaxTemplate)
	}
	src = strings.ReplaceAll(src, "\r\n", "\n")
	src = control.ReplaceAllStringFunc(src, func(s string) string { return strings.Trim(s, " \t\n") })
	t, err := template.New("receipt").Delims("[[", "]]").Option("missingkey=error").Funcs(functions).Funcs(template.FuncMap{
		"word": func(name string) (string, error) {
			w, ok := word(name)
			if !ok {
				return "", fmt.Errorf("there is no word %q", name)
			}
			return w, nil
		},
	}).Parse(src)
	if err != nil {
		return nil, refuse("%w", err)
	}
	if len(t.Templates()) > 1 {
		return nil, refuse("a template defines no others")
	}
	if t.Tree == nil {
		return nil, refuse("the template is empty")
	}
	if err := check(t.Root, word); err != nil {
		return nil, refuse("%w", err)
	}
	return &Template{t}, nil
}

// Document fills data in and reads the result.
func (t *Template) Document(data any) (printer.Doc, error) {
	var out limited
	if err := t.t.Execute(&out, data); err != nil {
		return nil, refuse("%w", err)
	}
	return Parse(out.b.String())
}

// limited is a text of at most MaxBytes.
type limited struct{ b strings.Builder }

func (l *limited) Write(p []byte) (int, error) {
	if l.b.Len()+len(p) > MaxBytes {
		return 0, io.ErrShortWrite
	}
	return l.b.Write(p)
}

// check walks a template: it lets nothing through but plain places, conditions
// and loops over what is given, and has every place escaped.
func check(n parse.Node, word func(string) (string, bool)) error {
	switch n := n.(type) {
	case nil, *parse.TextNode, *parse.CommentNode, *parse.BreakNode, *parse.ContinueNode:
		return nil
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		for _, one := range n.Nodes {
			if err := check(one, word); err != nil {
				return err
			}
		}
		return nil
	case *parse.ActionNode:
		if err := checkPipe(n.Pipe, word); err != nil {
			return err
		}
		if len(n.Pipe.Decl) == 0 {
			n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{NodeType: parse.NodeCommand, Args: []parse.Node{parse.NewIdentifier("text").SetPos(n.Pos)}})
		}
		return nil
	case *parse.IfNode:
		return checkBranch(&n.BranchNode, word)
	case *parse.WithNode:
		return checkBranch(&n.BranchNode, word)
	case *parse.RangeNode:
		if len(n.Pipe.Cmds) != 1 || len(n.Pipe.Cmds[0].Args) != 1 || !slices.Contains([]parse.NodeType{parse.NodeField, parse.NodeVariable, parse.NodeDot}, n.Pipe.Cmds[0].Args[0].Type()) {
			return errors.New("range goes over a list of the receipt, nothing else")
		}
		return checkBranch(&n.BranchNode, word)
	}
	return fmt.Errorf("%q is not allowed in a template", n)
}

func checkBranch(n *parse.BranchNode, word func(string) (string, bool)) error {
	if err := checkPipe(n.Pipe, word); err != nil {
		return err
	}
	if err := check(n.List, word); err != nil {
		return err
	}
	if n.ElseList == nil {
		return nil
	}
	return check(n.ElseList, word)
}

func checkPipe(p *parse.PipeNode, word func(string) (string, bool)) error {
	for _, c := range p.Cmds {
		for i, a := range c.Args {
			switch a := a.(type) {
			case *parse.PipeNode:
				if err := checkPipe(a, word); err != nil {
					return err
				}
			case *parse.IdentifierNode:
				if !slices.Contains(allowed, a.Ident) {
					return fmt.Errorf("there is no function %q; there are %s", a.Ident, strings.Join(allowed, " "))
				}
				if a.Ident != "word" || i+1 >= len(c.Args) {
					continue
				}
				if s, ok := c.Args[i+1].(*parse.StringNode); ok {
					if _, known := word(s.Text); !known {
						return fmt.Errorf("there is no word %q", s.Text)
					}
				}
			}
		}
	}
	return nil
}

// escape makes a value text of one line.
func escape(v any) string {
	switch v := v.(type) {
	case line:
		return string(v)
	case nil:
		return ""
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Struct, reflect.Slice, reflect.Map, reflect.Pointer, reflect.Func:
		return "" // a list or a group, not a value
	}
	return Escape(fmt.Sprint(v))
}

// codeLine is a line that prints a code.
func codeLine(option string, v any) line {
	s, ok := v.(string)
	if !ok || s == "" {
		return ""
	}
	var b strings.Builder
	escaped := false
	for _, r := range norm.NFC.String(s) { // as Parse will: U+037E becomes a semicolon
		// A mark that would join the last digit of an escape belongs to no address.
		if r < ' ' || r == 0x7f || escaped && unicode.In(r, unicode.M) {
			return ""
		}
		if escaped = strings.ContainsRune("\\{}|; ", r); escaped {
			fmt.Fprintf(&b, `\x%02x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return line("{option:" + option + ";code:" + b.String() + "}")
}
