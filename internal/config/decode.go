package config

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"tilld/internal/lang"
)

// reader overlays a YAML document on a Config and collects every problem,
// where a library's strict decoder stops at the first.
type reader struct {
	file     string
	problems []Problem
	warnings []Problem
	lines    map[string]int    // key path -> line it was set on
	from     map[string]string // key path -> environment variable that set it
}

func (r *reader) add(line int, key string, what, instead [2]string, args ...any) {
	r.problems = append(r.problems, Problem{
		File: r.file, Line: line, Key: key,
		What: text(what[0], what[1], args...), Instead: lang.Text{ZH: instead[0], EN: instead[1]},
	})
}

// read decodes data over c; false when it is not YAML, so that nothing more can
// be said of it.
func (r *reader) read(data []byte, c *Config) bool {
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // Windows' editors write one
	for n, text := range slices.Collect(bytes.Lines(data)) {
		if text, _, _ = bytes.Cut(text, []byte("#")); !utf8.Valid(text) { // comments may be in any encoding
			r.add(n+1, "", [2]string{"不是 UTF-8 文本", "is not UTF-8 text"}, [2]string{"用编辑器另存为 UTF-8 编码", "save the file as UTF-8"})
			return false
		}
	}
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		line := 0
		if syntax, ok := errors.AsType[*yaml.SyntaxError](err); ok && syntax.Token != nil && syntax.Token.Position != nil {
			line = syntax.Token.Position.Line
			r.add(line, "", [2]string{"YAML 语法错误：%s", "YAML syntax: %s"}, [2]string{"检查缩进和引号", "check indentation and quotes"}, syntax.Message)
			return false
		}
		r.add(line, "", [2]string{"YAML 语法错误：%v", "YAML syntax: %v"}, [2]string{"检查缩进和引号", "check indentation and quotes"}, err)
		return false
	}
	seen := false
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if seen {
			r.add(line(doc.Body), "", [2]string{"只允许一个 YAML 文档", "a second YAML document"}, [2]string{"删除多余的 ---", "remove the second ---"})
			return true
		}
		seen = true
		r.value(doc.Body, "", reflect.ValueOf(c).Elem())
	}
	return true
}

func line(n ast.Node) int {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 0
}

var rawType = reflect.TypeFor[Raw]()

func (r *reader) value(n ast.Node, path string, dst reflect.Value) {
	if path != "" {
		r.lines[path] = line(n)
	}
	switch n := n.(type) {
	case *ast.NullNode:
		return // "key:" alone keeps the default
	case *ast.AliasNode, *ast.AnchorNode, *ast.TagNode:
		r.add(line(n), path, [2]string{"不支持 YAML 的锚点、别名和标签", "YAML anchors, aliases and tags are not used here"}, [2]string{"直接写出值", "write the value itself"})
		return
	}
	if u, ok := dst.Addr().Interface().(encoding.TextUnmarshaler); ok {
		r.unit(n, path, u, dst)
		return
	}
	if dst.Type() == rawType {
		r.raw(n, path, dst)
		return
	}
	switch dst.Kind() {
	case reflect.Struct:
		r.mapping(n, path, dst)
	case reflect.Slice:
		r.sequence(n, path, dst)
	default:
		r.scalar(n, path, dst)
	}
}

func (r *reader) mapping(n ast.Node, path string, dst reflect.Value) {
	m, ok := n.(ast.MapNode)
	if !ok {
		r.wrongType(n, path, "一组键值", "a group of keys", "key: value")
		return
	}
	fields := map[string]int{}
	var known []string
	for i := range dst.NumField() {
		key := dst.Type().Field(i).Tag.Get("yaml")
		fields[key] = i
		known = append(known, key)
	}
	had := map[string]int{}
	for it := m.MapRange(); it.Next(); {
		key, at := it.Key().String(), line(it.Key())
		if s, ok := it.Key().(*ast.StringNode); ok {
			key = s.Value
		}
		child := join(path, key)
		if first, dup := had[key]; dup {
			r.add(at, child, [2]string{"这个键已在第 %d 行写过", "this key was set on line %d already"}, [2]string{"只保留一处", "keep one of them"}, first)
			continue
		}
		had[key] = at
		i, ok := fields[key]
		if !ok {
			r.unknown(at, child, key, known)
			continue
		}
		r.value(it.Value(), child, dst.Field(i))
	}
}

func (r *reader) unknown(at int, path, key string, known []string) {
	instead := text("可用的键：%s", "the keys here are %s", fmt.Sprint(known))
	if near := nearest(key, known); near != "" {
		instead = text("您是不是要写 %s？", "did you mean %s?", near)
	}
	r.problems = append(r.problems, Problem{File: r.file, Line: at, Key: path, What: text("未知的键", "unknown key"), Instead: instead})
}

func (r *reader) sequence(n ast.Node, path string, dst reflect.Value) {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		r.wrongType(n, path, "一个列表", "a list", "- item")
		return
	}
	list := reflect.MakeSlice(dst.Type(), len(s.Values), len(s.Values))
	for i, v := range s.Values {
		r.value(v, path+"["+strconv.Itoa(i)+"]", list.Index(i))
	}
	dst.Set(list)
}

func (r *reader) scalar(n ast.Node, path string, dst reflect.Value) {
	switch dst.Kind() {
	case reflect.String:
		switch n := n.(type) {
		case *ast.StringNode:
			dst.SetString(n.Value)
		case *ast.LiteralNode:
			dst.SetString(n.Value.Value)
		case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
			written := n.GetToken().Value
			r.add(line(n), path, [2]string{"这里需要文字，%s 会被当作数字或布尔值", "text is needed here, but %s is a number or a truth value to YAML"},
				[2]string{`加上引号，例如 "` + written + `"`, `put it in quotes: "` + written + `"`}, written)
		default:
			r.wrongType(n, path, "文字", "text", `"…"`)
		}
	case reflect.Bool:
		if b, ok := n.(*ast.BoolNode); ok {
			dst.SetBool(b.Value)
			return
		}
		r.wrongType(n, path, "true 或 false", "true or false", "true")
	case reflect.Int, reflect.Uint32:
		v, ok := integer(n)
		switch {
		case !ok:
			r.wrongType(n, path, "整数", "a whole number", "512")
		case dst.Kind() == reflect.Uint32 && (v < 0 || v > math.MaxUint32):
			r.wrongType(n, path, "0 到 4294967295 的整数", "a whole number from 0 to 4294967295", "0")
		case dst.Kind() == reflect.Uint32:
			dst.SetUint(uint64(v))
		default:
			dst.SetInt(v)
		}
	default:
		panic("config: field kind " + dst.Kind().String() + " at " + path)
	}
}

func integer(n ast.Node) (int64, bool) {
	i, ok := n.(*ast.IntegerNode)
	if !ok {
		return 0, false
	}
	switch v := i.Value.(type) {
	case int64:
		return v, true
	case uint64:
		return int64(v), v <= math.MaxInt64
	default:
		return 0, false
	}
}

// unit reads a Duration, Size or Amount: text, or the bare number.
func (r *reader) unit(n ast.Node, path string, u encoding.TextUnmarshaler, dst reflect.Value) {
	written := ""
	switch n := n.(type) {
	case *ast.StringNode:
		written = n.Value
	case *ast.IntegerNode, *ast.FloatNode:
		written = n.GetToken().Value
	default:
		written = "?"
	}
	if err := u.UnmarshalText([]byte(written)); err != nil {
		r.wrongUnit(line(n), path, written, dst.Interface())
	}
}

func (r *reader) wrongUnit(at int, path, written string, unit any) {
	switch unit.(type) {
	case Duration:
		r.add(at, path, [2]string{"%q 不是时长", "%q is not a duration"}, [2]string{"例如 500ms、10s、5m、2h、7d", "write for example 500ms, 10s, 5m, 2h or 7d"}, written)
	case Size:
		r.add(at, path, [2]string{"%q 不是容量", "%q is not a size"}, [2]string{"例如 64MiB、2GiB", "write for example 64MiB or 2GiB"}, written)
	default:
		r.add(at, path, [2]string{"%q 不是金额", "%q is not an amount"}, [2]string{`例如 "200.00"`, `write for example "200.00"`}, written)
	}
}

// raw keeps a part as JSON for the package whose keys it has.
func (r *reader) raw(n ast.Node, path string, dst reflect.Value) {
	if _, ok := n.(ast.MapNode); !ok {
		r.wrongType(n, path, "一组键值", "a group of keys", "key: value")
		return
	}
	var v any
	if err := yaml.NodeToValue(n, &v); err != nil {
		r.add(line(n), path, [2]string{"无法读取：%v", "cannot be read: %v"}, [2]string{"", ""}, err)
		return
	}
	data, err := json.Marshal(v)
	if err != nil {
		r.add(line(n), path, [2]string{"键必须是文字：%v", "keys must be text: %v"}, [2]string{"", ""}, err)
		return
	}
	dst.SetBytes(data)
}

func (r *reader) wrongType(n ast.Node, path, zh, en, example string) {
	r.add(line(n), path, [2]string{"类型不对，需要" + zh, "wrong type, needs " + en}, [2]string{"例如 " + example, "write for example " + example})
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// nearest returns the known key that a typo probably meant, "" when none is near.
func nearest(key string, known []string) string {
	best, limit := "", 3
	for _, k := range known {
		if d := distance(key, k); d < limit && d < max(len(key), len(k)) {
			best, limit = k, d
		}
	}
	return best
}

// distance is the Levenshtein distance of two keys.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = slices.Min([]int{next[j] + 1, row[j+1] + 1, row[j] + cost})
		}
		row = next
	}
	return row[len(b)]
}
