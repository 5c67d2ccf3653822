package receiptline_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"tilld/printer"
	"tilld/printer/layout"
	"tilld/printer/receiptline"
)

// text writes a page the way the reference does: a magnified character is
// followed by blanks, boxes are made of +, - and |, pictures are left out.
func text(p layout.Page) []string {
	var lines []string
	for _, row := range p.Rows {
		switch row := row.(type) {
		case layout.TextRow:
			var b strings.Builder
			for _, run := range row.Runs {
				for _, r := range run.Text {
					switch {
					case r == '│' && row.Ruled:
						b.WriteByte('|')
					case r == '─' && row.Ruled:
						b.WriteByte('-')
					case r >= '│' && r <= '┼' && row.Ruled:
						b.WriteByte('+')
					default:
						b.WriteRune(r)
						b.WriteString(strings.Repeat(" ", layout.Columns(r, p.Caps)*(run.Width-1)))
					}
				}
			}
			lines = append(lines, strings.TrimRight(b.String(), " "))
		case layout.Picture:
			if row.Rule {
				n := min(p.Caps.Columns, (row.Bits.W+7)/layout.CellDots)
				left := map[printer.Align]int{printer.Center: (p.Caps.Columns - n + 1) / 2, printer.Right: p.Caps.Columns - n}[row.Align]
				lines = append(lines, strings.Repeat(" ", left)+strings.Repeat("-", n))
			}
		}
	}
	return lines
}

func trimmed(s string) []string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}

// The text of every document is what the reference implementation makes of it.
func TestAgainstTheReference(t *testing.T) {
	data, err := os.ReadFile("testdata/receiptline-4.0.4.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name    string
		Columns int
		Source  string
		Text    string
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		doc, err := receiptline.Parse(c.Source)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		page, err := layout.Compose(doc, printer.Caps{Columns: c.Columns, Dots: 12 * c.Columns, DPI: 203, Chinese: true})
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		got, want := strings.Join(text(page), "\n"), strings.Join(trimmed(c.Text), "\n")
		if strings.TrimRight(got, "\n") != strings.TrimRight(want, "\n") {
			t.Errorf("%s at %d columns:\n%s\n--- the reference:\n%s", c.Name, c.Columns, got, want)
		}
	}
	if len(cases) < 100 {
		t.Errorf("only %d documents", len(cases))
	}
}
