// Package data carries the public capability database of receipt printers
// (escpos-printer-db, CC BY 4.0, see NOTICE.md). What it does not say, whether a
// printer has Chinese characters or reports its status, is in the profiles of
// printer/escpos.
package data

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
)

//go:embed escpos-capabilities.json
var capabilities []byte

// Notice is the attribution that the licence of the data asks for.
//
//go:embed NOTICE.md
var Notice string

// Printer is one entry of the database.
type Printer struct {
	Name      string
	Vendor    string
	Columns   int            // of font A
	Dots      int            // printable dots a line, 0 when unknown
	DPI       int            // 0 when unknown
	CodePages map[string]int // name ("CP437") to the number for ESC t
	Features  map[string]bool
}

// file is the part of the database that is read. Numbers may be the word
// "Unknown" there.
type file struct {
	Profiles map[string]struct {
		Name   string `json:"name"`
		Vendor string `json:"vendor"`
		Fonts  map[string]struct {
			Columns int `json:"columns"`
		} `json:"fonts"`
		Media struct {
			DPI   number `json:"dpi"`
			Width struct {
				Pixels number `json:"pixels"`
			} `json:"width"`
		} `json:"media"`
		CodePages map[string]string `json:"codePages"`
		Features  map[string]bool   `json:"features"`
	} `json:"profiles"`
}

type number int

func (n *number) UnmarshalJSON(data []byte) error {
	var f float64
	if json.Unmarshal(data, &f) == nil {
		*n = number(f)
	}
	return nil
}

// Printers returns the database by the names its authors gave ("TM-T88V").
func Printers() (map[string]Printer, error) {
	var f file
	if err := json.Unmarshal(capabilities, &f); err != nil {
		return nil, fmt.Errorf("capability data: %w", err)
	}
	list := make(map[string]Printer, len(f.Profiles))
	for id, p := range f.Profiles {
		pages := make(map[string]int)
		for text, name := range p.CodePages {
			n, err := strconv.Atoi(text)
			if err != nil {
				return nil, fmt.Errorf("capability data: %s: code page %q", id, text)
			}
			if old, ok := pages[name]; !ok || n < old {
				pages[name] = n
			}
		}
		list[id] = Printer{
			Name: p.Name, Vendor: p.Vendor, Columns: p.Fonts["0"].Columns,
			Dots: int(p.Media.Width.Pixels), DPI: int(p.Media.DPI), CodePages: pages, Features: p.Features,
		}
	}
	return list, nil
}
