// Package gs1 reads and writes what GS1 puts into barcodes: element strings of
// Application Identifiers (AI), and GS1 Digital Link URIs. Formats, checks and
// rules come from the GS1 Barcode Syntax Dictionary (dictionary.txt), so a new
// release of it is a new file.
//
// In strings of this package FNC1 is written '^', as the GS1 syntax engine does.
package gs1

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

//go:embed dictionary.txt
var dictionaryText string

// AI is one Application Identifier of the dictionary.
type AI struct {
	Code      string // "01"
	Title     string // "GTIN"
	Fixed     bool   // predefined length: no FNC1 is needed after it
	Attribute bool   // may be a Digital Link query attribute
	Key       bool   // Digital Link primary key
	parts     []part
	qualifier [][]string   // of a key: alternatives, each in order
	requires  [][][]string // all of: one of: all of these AIs
	excludes  []string     // AIs or patterns ("31nn")
}

// part is one component of an AI's value.
type part struct {
	class    byte // N X Y Z
	min, max int
	optional bool
	linters  []string
}

var dictionary = sync.OnceValue(func() map[string]*AI {
	ais, err := parseDictionary(dictionaryText)
	if err != nil {
		panic("gs1: dictionary.txt: " + err.Error()) // embedded and tested
	}
	return ais
})

// Find returns the AI with this code, nil when there is none.
func Find(code string) *AI { return dictionary()[code] }

// prefixed returns the AI that data begins with. No AI is the beginning of
// another one.
func prefixed(data string) *AI {
	for n := 2; n <= 4 && n <= len(data); n++ {
		if ai := Find(data[:n]); ai != nil {
			return ai
		}
	}
	return nil
}

func parseDictionary(text string) (map[string]*AI, error) {
	ais := map[string]*AI{}
	for i, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		if err := parseEntry(line, ais); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return ais, nil
}

func parseEntry(line string, ais map[string]*AI) error {
	line, title, _ := strings.Cut(line, "#")
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return fmt.Errorf("too short: %q", line)
	}
	model := AI{Title: strings.TrimSpace(title)}
	rest := fields[1:]
	if strings.Trim(rest[0], "*?") == "" {
		model.Fixed, model.Attribute = strings.Contains(rest[0], "*"), strings.Contains(rest[0], "?")
		rest = rest[1:]
	}
	for _, f := range rest {
		if err := model.field(f); err != nil {
			return err
		}
	}
	from, to, isRange := strings.Cut(fields[0], "-")
	if !isRange {
		to = from
	}
	first, err1 := strconv.Atoi(from)
	last, err2 := strconv.Atoi(to)
	if err1 != nil || err2 != nil || last < first {
		return fmt.Errorf("not an AI: %q", fields[0])
	}
	for n := first; n <= last; n++ {
		ai := model
		ai.Code = fmt.Sprintf("%0*d", len(from), n)
		if ais[ai.Code] != nil {
			return fmt.Errorf("AI %s twice", ai.Code)
		}
		ais[ai.Code] = &ai
	}
	return nil
}

// field reads one component or attribute.
func (ai *AI) field(f string) error {
	key, value, _ := strings.Cut(f, "=")
	switch key {
	case "req":
		var oneOf [][]string
		for _, alternative := range strings.Split(value, ",") {
			oneOf = append(oneOf, strings.Split(alternative, "+"))
		}
		ai.requires = append(ai.requires, oneOf)
		return nil
	case "ex":
		ai.excludes = append(ai.excludes, strings.Split(value, ",")...)
		return nil
	case "dlpkey":
		ai.Key = true
		if value != "" {
			for _, alternative := range strings.Split(value, "|") {
				ai.qualifier = append(ai.qualifier, strings.Split(alternative, ","))
			}
		}
		return nil
	}
	p := part{}
	spec, linters, has := strings.Cut(f, ",")
	if has {
		p.linters = strings.Split(linters, ",")
	}
	if strings.HasPrefix(spec, "[") && strings.HasSuffix(spec, "]") {
		p.optional, spec = true, spec[1:len(spec)-1]
	}
	if len(spec) < 2 || !strings.Contains("NXYZ", spec[:1]) {
		return fmt.Errorf("not a component: %q", f)
	}
	p.class = spec[0]
	length, ok := strings.CutPrefix(spec[1:], "..")
	n, err := strconv.Atoi(length)
	if err != nil || n < 1 {
		return fmt.Errorf("not a length: %q", f)
	}
	p.min, p.max = n, n
	if ok {
		p.min = 1
	}
	ai.parts = append(ai.parts, p)
	return nil
}

// length is the number of characters of a fixed AI's value.
func (ai *AI) length() int {
	n := 0
	for _, p := range ai.parts {
		n += p.max
	}
	return n
}

// check reports what is wrong with a value of this AI, nil when nothing is.
func (ai *AI) check(value string) error {
	if value == "" {
		return fmt.Errorf("(%s) %s: no value", ai.Code, ai.Title)
	}
	rest := value
	for _, p := range ai.parts {
		if rest == "" && p.optional {
			break
		}
		n := min(p.max, len(rest))
		if n < p.min {
			return fmt.Errorf("(%s) %s: too short", ai.Code, ai.Title)
		}
		piece := rest[:n]
		rest = rest[n:]
		for i := range len(piece) {
			if !inClass(p.class, piece[i]) {
				return fmt.Errorf("(%s) %s: character %q is not allowed", ai.Code, ai.Title, piece[i])
			}
		}
		for _, name := range p.linters {
			if lint := linters[name]; lint != nil && !lint(piece) {
				return fmt.Errorf("(%s) %s: fails the check %s", ai.Code, ai.Title, name)
			}
		}
	}
	if rest != "" {
		return fmt.Errorf("(%s) %s: too long", ai.Code, ai.Title)
	}
	return nil
}

const (
	set82 = `!"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz`
	set39 = `#-/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ`
	set64 = `ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=`
)

// classes has a bit per character set and character.
var classes = func() (t [256]byte) {
	for bit, set := range map[byte]string{1: digits, 2: set82, 4: set39, 8: set64} {
		for i := range len(set) {
			t[set[i]] |= bit
		}
	}
	return t
}()

func inClass(class, c byte) bool {
	switch class {
	case 'N':
		return classes[c]&1 != 0
	case 'X':
		return classes[c]&2 != 0
	case 'Y':
		return classes[c]&4 != 0
	default:
		return classes[c]&8 != 0
	}
}
