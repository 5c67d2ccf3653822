package printertest_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"tilld/internal/qr"
	"tilld/printer/printertest"
)

// The machine knows every byte of a generator that is not ours and prints the
// text that the generator says it prints.
func TestAgainstAnotherGenerator(t *testing.T) {
	data, err := os.ReadFile("testdata/receiptline-4.0.4-bytes.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases map[string]struct{ Bytes, Text string }
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 10 {
		t.Errorf("%d cases", len(cases))
	}
	for name, c := range cases {
		b, err := base64.StdEncoding.DecodeString(c.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		m := &printertest.Machine{Chinese: true}
		m.Write(b)
		for _, e := range m.Events() {
			if e != "cut" && !strings.HasPrefix(e, "barcode ") {
				t.Errorf("%s: %s", name, e)
			}
		}
		if m.Waiting() != 0 || m.Cuts() != 1 || m.Drawer() != 0 {
			t.Errorf("%s: %d bytes wait, %d cuts", name, m.Waiting(), m.Cuts())
		}
		if got, want := bare(strings.Join(m.Lines(), "\n")), bare(c.Text); !slices.Equal(got, want) {
			t.Errorf("%s: prints\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if strings.HasPrefix(name, "zh") {
			if got, err := qr.Read(m.Paper()); err != nil || got != "https://example.cn/j/1" {
				t.Errorf("%s: the paper reads %q, %v", name, got, err)
			}
		}
	}
}

// bare leaves blanks and the look of boxes out: the sides of a box are drawn
// before or after the text between them.
func bare(text string) []string {
	boxes := strings.NewReplacer("─", "", "-", "", "│", "", "|", "", "+", "", " ", "", "┼", "", "┴", "", "┬", "", "┤", "", "├", "", "╭", "", "╮", "", "╰", "", "╯", "")
	var list []string
	for line := range strings.Lines(text) {
		if s := boxes.Replace(strings.TrimSpace(line)); s != "" {
			list = append(list, s)
		}
	}
	return list
}

func TestRealTimeCommandsInsidePictures(t *testing.T) {
	m := &printertest.Machine{}
	m.Write([]byte("\x1dv0\x00\x05\x00\x01\x00\x10\x14\x01\x00\x01text\n"))
	if m.Drawer() != 1 || !slices.Equal(m.Lines(), []string{"text"}) {
		t.Errorf("drawer %d, lines %q", m.Drawer(), m.Lines())
	}
}

func TestUnknownBytesAreSaid(t *testing.T) {
	m := &printertest.Machine{}
	m.Write([]byte("\x1b\x7e\x07\x1d\x01\x1c\x01ok\n"))
	if len(m.Events()) != 4 || !slices.Equal(m.Lines(), []string{"ok"}) {
		t.Errorf("events %q, lines %q", m.Events(), m.Lines())
	}
}
