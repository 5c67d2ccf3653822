package gs1

import (
	"errors"
	"fmt"
	"strings"
)

// Scan is what a scanner that sends AIM identifiers has read.
type Scan struct {
	Symbology string  // QR DM DotCode DataBarExpanded GS1_128_CCA EAN13 EAN8
	Data      string  // GS1 data begins with '^'; plain data that begins so has a backslash in front
	Message   Message // of GS1 data and Digital Links; nil otherwise
}

// carriers are the symbologies by AIM identifier, and whether they carry GS1
// data (GS1 General Specifications §5.1.3).
var carriers = map[string]struct {
	name string
	gs1  bool
}{
	"]Q1": {"QR", false},
	"]Q3": {"QR", true},
	"]d1": {"DM", false},
	"]d2": {"DM", true},
	"]J0": {"DotCode", false},
	"]J1": {"DotCode", true},
	"]e0": {"DataBarExpanded", true},
	"]C1": {"GS1_128_CCA", true},
	"]E0": {"EAN13", false},
	"]E4": {"EAN8", false},
}

var errCarrier = errors.New("no known AIM identifier")

// ParseScan reads a scanner's message: AIM identifier and data with FNC1 as
// byte 1D. A Digital Link in a QR, Data Matrix or DotCode is read too; any other
// URL there is an error, which says nothing about URLs that are not GS1's.
func ParseScan(text string) (Scan, error) {
	if len(text) < 3 {
		return Scan{}, errCarrier
	}
	c, ok := carriers[text[:3]]
	if !ok {
		return Scan{}, errCarrier
	}
	data := text[3:]
	switch {
	case c.name == "EAN13" || c.name == "EAN8":
		return parseEAN(c.name, data)
	case c.gs1:
		m, err := parseRaw(data)
		if err != nil {
			return Scan{}, err
		}
		return Scan{c.name, "^" + strings.ReplaceAll(data, "\x1d", "^"), m}, nil
	case IsLink(data):
		m, err := ParseLink(data, Options{})
		if err != nil {
			return Scan{}, err
		}
		return Scan{c.name, data, m}, nil
	default:
		return Scan{c.name, escape(data), nil}, nil
	}
}

// parseRaw reads GS1 data with FNC1 as byte 1D.
func parseRaw(data string) (Message, error) {
	if strings.Contains(data, "^") {
		return nil, errors.New("'^' is not allowed in GS1 data")
	}
	return Parse("^" + strings.ReplaceAll(data, "\x1d", "^"))
}

// escape marks plain data that looks like GS1 data.
func escape(data string) string {
	if strings.HasPrefix(strings.TrimLeft(data, `\`), "^") {
		return `\` + data
	}
	return data
}

func parseEAN(name, data string) (Scan, error) {
	length := map[string]int{"EAN13": 13, "EAN8": 8}[name]
	linear, composite, has := strings.Cut(data, "|]e0")
	if len(linear) != length || strings.Trim(linear, digits) != "" || !csum(linear) {
		return Scan{}, fmt.Errorf("not %d digits with a check digit", length)
	}
	m := Message{{"01", strings.Repeat("0", 14-length) + linear}}
	if !has {
		return Scan{name, linear, m}, nil
	}
	more, err := parseRaw(composite)
	if err != nil {
		return Scan{}, err
	}
	return Scan{name, linear + "|^" + strings.ReplaceAll(composite, "\x1d", "^"), append(m, more...)}, nil
}

// ScanText is the reverse of [ParseScan]: what a scanner sends for data in a
// symbology. GS1 data begins with '^'; a composite component follows '|'. With
// check, a missing check digit of an EAN or UPC is added.
func ScanText(symbology, data string, check bool) (string, error) {
	if data == "" {
		return "", errNothing
	}
	switch symbology {
	case "QR", "DM", "DotCode":
		ids := map[string][2]string{"QR": {"]Q1", "]Q3"}, "DM": {"]d1", "]d2"}, "DotCode": {"]J0", "]J1"}}[symbology]
		if rest, ok := strings.CutPrefix(data, "^"); ok {
			if _, err := Parse(data); err != nil {
				return "", err
			}
			return ids[1] + strings.ReplaceAll(rest, "^", "\x1d"), nil
		}
		if strings.HasPrefix(strings.TrimLeft(data, `\`), "^") {
			data = data[1:]
		}
		return ids[0] + data, nil
	case "GS1_128_CCA", "GS1_128_CCC", "DataBarExpanded":
		linear, composite, has := strings.Cut(data, "|")
		id := "]e0"
		if !has && symbology != "DataBarExpanded" {
			id = "]C1"
		}
		return joined(id, linear, composite)
	case "DataBarOmni", "DataBarLimited", "DataBarTruncated", "DataBarStacked":
		linear, composite, _ := strings.Cut(data, "|")
		if !strings.HasPrefix(linear, "^") {
			linear = "^01" + linear
		}
		return joined("]e0", linear, composite)
	case "EAN13", "EAN8", "UPCA", "UPCE":
		return retailText(symbology, data, check)
	}
	return "", errCarrier
}

// joined writes a linear and a composite component as one message, with FNC1
// between where the linear one does not end with a predefined length.
func joined(id, linear, composite string) (string, error) {
	m, err := Parse(linear)
	if err != nil {
		return "", err
	}
	text := linear[1:]
	if composite != "" {
		if _, err := Parse(composite); err != nil {
			return "", err
		}
		if Find(m[len(m)-1].AI).Fixed {
			composite = composite[1:]
		}
		text += composite
	}
	return id + strings.ReplaceAll(text, "^", "\x1d"), nil
}

func retailText(symbology, data string, check bool) (string, error) {
	linear, composite, _ := strings.Cut(data, "|")
	linear, gs1 := strings.CutPrefix(linear, "^01")
	written := map[string]int{"EAN13": 13, "EAN8": 8, "UPCA": 12, "UPCE": 12}[symbology]
	if gs1 {
		zeros := 14 - written
		if len(linear) != 14 || linear[:zeros] != strings.Repeat("0", zeros) {
			return "", fmt.Errorf("not a GTIN for %s", symbology)
		}
		linear = linear[zeros:]
	}
	if strings.Trim(linear, digits) != "" {
		return "", errors.New("not digits")
	}
	if check && len(linear) == written-1 {
		for d := byte('0'); d <= '9'; d++ {
			if csum(linear + string(d)) {
				linear += string(d)
				break
			}
		}
	}
	if len(linear) != written || !csum(linear) {
		return "", fmt.Errorf("not %d digits with a check digit", written)
	}
	text := "]E0" + strings.Repeat("0", max(0, 13-written)) + linear
	if symbology == "EAN8" {
		text = "]E4" + linear
	}
	if composite != "" {
		if _, err := Parse(composite); err != nil {
			return "", err
		}
		text += "|]e0" + strings.ReplaceAll(composite[1:], "^", "\x1d")
	}
	return text, nil
}
