package sim_test

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tilld/internal/sim"
)

// generated is one job of testdata/generators/jobs.json.gz.
type generated struct {
	Generator string
	Name      string
	Bytes     []byte
	Text      string   // what the generator says is on the paper, "" when it does not say
	QR        []string // codes
	Has       []string // pieces of text
	Drawer    bool
	Latin     bool // made for a printer without Chinese characters
	Language  string
}

// What other people's programs send is understood to the last byte: receiptline
// with its own example documents in several layouts, codes as dots (4.0.4) and
// made by the printer (1.16.5), and receipt-printer-encoder for every model it
// knows; for ESC/POS, StarPRNT, Star line mode and Star raster mode.
func TestOtherGenerators(t *testing.T) {
	f, err := os.Open(filepath.Join("testdata", "generators", "jobs.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var jobs []generated
	if err := json.NewDecoder(z).Decode(&jobs); err != nil {
		t.Fatal(err)
	}
	if len(jobs) < 1300 {
		t.Errorf("only %d jobs", len(jobs))
	}
	for _, j := range jobs {
		t.Run(strings.ReplaceAll(j.Generator+"/"+j.Name, " ", "_"), func(t *testing.T) {
			p, host := connect(t, sim.Model{Latin: j.Latin, Language: j.Language})
			last, answer := "\x1dr\x02", "\x01" // answered when all before it was done
			if j.Language != sim.ESCPOS {
				last, answer = "\x1b\x1d\x03\x00zz", "\x1b\x1d\x03\x00zz"
			}
			send(t, host, string(j.Bytes)+last)
			for got := ""; !strings.HasSuffix(got, answer); {
				got += readN(t, host, 1)
			}
			p.Tear()
			list, _ := p.Tickets(0)
			var lines, codes []string
			for _, k := range list {
				lines, codes = append(lines, k.Lines...), append(codes, k.QR...)
				for _, e := range k.Events {
					if e.Kind == "unknown" {
						t.Errorf("unknown: %s", e.Text)
					}
					if e.Kind == "drawer" && !j.Drawer {
						t.Error("the drawer opens")
					}
				}
			}
			if j.Text != "" {
				if got, want := words(lines), words(strings.Split(j.Text, "\n")); !slices.Equal(got, want) {
					t.Errorf("on paper %q\nwant     %q", got, want)
				}
			}
			for _, want := range j.QR {
				if !slices.Contains(codes, want) {
					t.Errorf("codes %q, want %q", codes, want)
				}
			}
			for _, want := range j.Has {
				if !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, want) }) {
					t.Errorf("on paper %q, want %q", lines, want)
				}
			}
		})
	}
}
