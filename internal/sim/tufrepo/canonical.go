package tufrepo

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// canonical encodes v as OLPC canonical JSON, the form that is signed: sorted
// keys, no white space, whole numbers, and of all characters only the quote and
// the backslash escaped.
func canonical(v any) []byte { return appendCanonical(nil, v) }

func appendCanonical(out []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(out, "null"...)
	case bool:
		return strconv.AppendBool(out, v)
	case int:
		return strconv.AppendInt(out, int64(v), 10)
	case int64:
		return strconv.AppendInt(out, v, 10)
	case json.Number:
		return append(out, v...)
	case string:
		return append(append(append(out, '"'), escaper.Replace(v)...), '"')
	case []any:
		out = append(out, '[')
		for i, e := range v {
			if i > 0 {
				out = append(out, ',')
			}
			out = appendCanonical(out, e)
		}
		return append(out, ']')
	case Doc:
		return appendObject(out, v)
	case map[string]any:
		return appendObject(out, v)
	}
	panic(fmt.Sprintf("tufrepo: no canonical form of %T", v)) // only this package's documents come here
}

var escaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func appendObject(out []byte, o map[string]any) []byte {
	out = append(out, '{')
	for i, k := range slices.Sorted(maps.Keys(o)) {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendCanonical(out, k), ':')
		out = appendCanonical(out, o[k])
	}
	return append(out, '}')
}

func sha256Hex(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
