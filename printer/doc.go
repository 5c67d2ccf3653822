package printer

import (
	"encoding/json"
	"fmt"
)

// Doc is a document from top to bottom. It has no fonts, dots or escape codes:
// the same Doc becomes ESC/POS, Star, a PNG preview and plain text. Its JSON
// form is a list of objects, each with its block's name under "block".
type Doc []Block

// Block is one of [Text], [Columns], [QR], [Barcode], [Image], [Rule], [Feed],
// [Cut] and [OpenDrawer].
type Block interface{ block() string }

// Align places a block between the paper's edges.
type Align string

const (
	Left   Align = "left" // also ""
	Center Align = "center"
	Right  Align = "right"
)

type (
	// Text is one paragraph in one style; it is wrapped at the paper's columns.
	// Control characters in it are removed before printing.
	Text struct {
		Line      string `json:"line"`
		Align     Align  `json:"align,omitempty"`
		Width     int    `json:"width,omitempty"`  // 1 to 8 times, 0 is 1
		Height    int    `json:"height,omitempty"` // 1 to 8 times, 0 is 1
		Bold      bool   `json:"bold,omitempty"`
		Underline bool   `json:"underline,omitempty"`
		Invert    bool   `json:"invert,omitempty"` // white on black
		// Spans, if there are any, stand for Line and its style: text whose style
		// changes in the middle.
		Spans []Span `json:"spans,omitempty"`
		// AnyBreak wraps between any two characters instead of at words.
		AnyBreak bool `json:"any_break,omitempty"`
	}
	// Columns is one row of a table. Cells are wrapped within their columns; a
	// cell of Width 0 shares what the fixed ones leave.
	Columns struct {
		Cells  []Cell `json:"cells"`
		Border Border `json:"border,omitempty"`
		Align  Align  `json:"align,omitempty"` // of a row narrower than the paper
		// NoWrap prints the first line of each cell alone.
		NoWrap   bool `json:"no_wrap,omitempty"`
		AnyBreak bool `json:"any_break,omitempty"` // as in Text
	}
	// QR prints a QR code of Payload, as raster with whole dots per module. When
	// it cannot be printed legibly the job fails with the reason.
	QR struct {
		Payload string `json:"payload"`
		MM      int    `json:"mm,omitempty"`     // side wanted in mm, 0 for a sensible one
		Module  int    `json:"module,omitempty"` // dots a module wanted, at least 4 are printed; 0 goes by MM
		Level   string `json:"level,omitempty"`  // L M Q H, "" is M
		Caption string `json:"caption,omitempty"`
		Align   Align  `json:"align,omitempty"` // "" is center
		// Optional says that the document is worth printing without the code: where
		// it cannot be printed its content is printed as text, if it is short.
		Optional bool `json:"optional,omitempty"`
	}
	// Barcode prints a linear code.
	Barcode struct {
		Symbology string `json:"symbology"` // ean13 ean8 upca code128 code39 code93 itf codabar
		Data      string `json:"data"`
		HeightMM  int    `json:"height_mm,omitempty"` // 0 is 10
		HRI       bool   `json:"hri,omitempty"`       // digits below
		Module    int    `json:"module,omitempty"`    // dots a bar, 2 to 4; 0 is the widest that fits, at most 3
		Align     Align  `json:"align,omitempty"`     // "" is center
		Optional  bool   `json:"optional,omitempty"`  // as in QR
	}
	// Image is a picture, scaled down to the paper and dithered.
	Image struct {
		PNG      []byte `json:"png"`
		Align    Align  `json:"align,omitempty"`
		Optional bool   `json:"optional,omitempty"` // left out where it cannot be printed
	}
	// Rule is a line across the paper.
	Rule struct {
		Double  bool  `json:"double,omitempty"`
		Columns int   `json:"columns,omitempty"` // length, 0 is the whole width
		Align   Align `json:"align,omitempty"`   // where a shorter one stands
	}
	// Feed advances the paper by whole lines.
	Feed struct {
		Lines int `json:"lines"`
	}
	// Cut feeds to the cutter and cuts, or only feeds where there is none.
	Cut struct{}
	// OpenDrawer kicks the cash drawer. Only the till itself makes one, from a
	// cash tender or drawer.open; markup and templates cannot.
	OpenDrawer struct {
		Pin int `json:"pin,omitempty"` // 2 or 5, 0 is 2
	}
)

// Span is a piece of a text in one style. A line feed in it starts a new line.
type Span struct {
	Text      string `json:"text"`
	Width     int    `json:"width,omitempty"`  // 1 to 8 times, 0 is 1
	Height    int    `json:"height,omitempty"` // 1 to 8 times, 0 is 1
	Bold      bool   `json:"bold,omitempty"`
	Underline bool   `json:"underline,omitempty"`
	Invert    bool   `json:"invert,omitempty"`
}

// Border is what stands between the cells of a row.
type Border string

const (
	Gap     Border = ""     // one column free
	WideGap Border = "wide" // two columns free
	NoGap   Border = "none" // nothing
	Lines   Border = "line" // ruled: a box around the row, joined to its neighbours
)

// Cell is one column of a row.
type Cell struct {
	Text  string `json:"text"`
	Width int    `json:"width,omitempty"` // columns, 0 shares the rest
	Align Align  `json:"align,omitempty"`
	Bold  bool   `json:"bold,omitempty"`
	// Spans, if there are any, stand for Text and Bold.
	Spans []Span `json:"spans,omitempty"`
	// Keep says that the cell must never be cut or wrapped: it is the money.
	Keep bool `json:"keep,omitempty"`
}

func (Text) block() string       { return "text" }
func (Columns) block() string    { return "columns" }
func (QR) block() string         { return "qr" }
func (Barcode) block() string    { return "barcode" }
func (Image) block() string      { return "image" }
func (Rule) block() string       { return "rule" }
func (Feed) block() string       { return "feed" }
func (Cut) block() string        { return "cut" }
func (OpenDrawer) block() string { return "open_drawer" }

// MarshalJSON writes each block with its name.
func (d Doc) MarshalJSON() ([]byte, error) {
	list := make([]any, 0, len(d))
	for _, b := range d {
		body, err := json.Marshal(b)
		if err != nil {
			return nil, err
		}
		fields := map[string]json.RawMessage{}
		if err := json.Unmarshal(body, &fields); err != nil {
			return nil, err
		}
		fields["block"] = json.RawMessage(`"` + b.block() + `"`)
		list = append(list, fields)
	}
	return json.Marshal(list)
}

// UnmarshalJSON reads what MarshalJSON wrote; an unknown block is an error.
func (d *Doc) UnmarshalJSON(data []byte) error {
	var list []json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	doc := make(Doc, 0, len(list))
	for i, raw := range list {
		var name struct {
			Block string `json:"block"`
		}
		if err := json.Unmarshal(raw, &name); err != nil {
			return err
		}
		b, err := readBlock(name.Block, raw)
		if err != nil {
			return fmt.Errorf("block %d: %w", i, err)
		}
		doc = append(doc, b)
	}
	*d = doc
	return nil
}

func readBlock(name string, raw []byte) (Block, error) {
	switch name {
	case "text":
		return read[Text](raw)
	case "columns":
		return read[Columns](raw)
	case "qr":
		return read[QR](raw)
	case "barcode":
		return read[Barcode](raw)
	case "image":
		return read[Image](raw)
	case "rule":
		return read[Rule](raw)
	case "feed":
		return read[Feed](raw)
	case "cut":
		return read[Cut](raw)
	case "open_drawer":
		return read[OpenDrawer](raw)
	}
	return nil, fmt.Errorf("unknown block %q", name)
}

func read[B Block](raw []byte) (Block, error) {
	var b B
	err := json.Unmarshal(raw, &b)
	return b, err
}
