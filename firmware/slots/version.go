package slots

import (
	"strconv"
	"strings"
)

// Compare orders two versions by semantic versioning 2.0.0: -1, 0 or +1. A
// leading "v" and build metadata do not count. A text that is no version, such
// as "dev" or "", is older than every version.
func Compare(a, b string) int {
	va, okA := parse(a)
	vb, okB := parse(b)
	switch {
	case !okA && !okB:
		return 0
	case !okA:
		return -1
	case !okB:
		return 1
	}
	for i := range va.core {
		if c := compareUint(va.core[i], vb.core[i]); c != 0 {
			return c
		}
	}
	return comparePre(va.pre, vb.pre)
}

// ValidVersion reports whether text is MAJOR.MINOR.PATCH with an optional
// pre-release and build part, at most 64 bytes.
func ValidVersion(text string) bool {
	_, ok := parse(text)
	return ok
}

type version struct {
	core [3]uint64
	pre  []string
}

func parse(text string) (v version, ok bool) {
	if len(text) > 64 {
		return v, false
	}
	text = strings.TrimPrefix(text, "v")
	text, build, hasBuild := strings.Cut(text, "+")
	if hasBuild && !identifiers(build) {
		return v, false
	}
	core, pre, hasPre := strings.Cut(text, "-")
	if hasPre {
		if !identifiers(pre) {
			return v, false
		}
		v.pre = strings.Split(pre, ".")
	}
	parts := strings.Split(core, ".")
	if len(parts) != len(v.core) {
		return v, false
	}
	for i, p := range parts {
		n, isNumber := number(p)
		if !isNumber {
			return v, false
		}
		v.core[i] = n
	}
	return v, true
}

func identifiers(text string) bool {
	for part := range strings.SplitSeq(text, ".") {
		if part == "" {
			return false
		}
		for _, c := range []byte(part) {
			if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' {
				return false
			}
		}
	}
	return true
}

func number(text string) (uint64, bool) {
	if text == "" || text[0] == '+' || text[0] == '-' {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 32)
	return n, err == nil
}

func compareUint(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// comparePre orders pre-release parts; none at all is the newest.
func comparePre(a, b []string) int {
	switch {
	case len(a) == 0 && len(b) == 0:
		return 0
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	}
	for i := range min(len(a), len(b)) {
		na, numA := number(a[i])
		nb, numB := number(b[i])
		c := 0
		switch {
		case numA && numB:
			c = compareUint(na, nb)
		case numA:
			c = -1
		case numB:
			c = 1
		default:
			c = strings.Compare(a[i], b[i])
		}
		if c != 0 {
			return c
		}
	}
	return compareUint(uint64(len(a)), uint64(len(b)))
}
