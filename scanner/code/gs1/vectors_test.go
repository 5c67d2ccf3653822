package gs1_test

import (
	"encoding/json"
	"os"
	"testing"

	"tilld/scanner/code/gs1"
)

// vector is one case of testdata/vectors.json (see NOTICE).
type vector struct {
	In        string
	Symbology string
	OK        bool
	Want      *string
	Check     string
	Stem      *string
	Options   struct {
		PermitUnknownAIs         bool  `json:"permit_unknown_ais"`
		PermitZeroSuppressedGTIN bool  `json:"permit_zero_suppressed_gtin"`
		PermitConvenienceAlphas  bool  `json:"permit_convenience_alphas"`
		AddCheckDigit            bool  `json:"add_check_digit"`
		CheckUnknownAINotDLAttr  *bool `json:"check_unknown_ai_not_dl_attr"`
	}
}

func (v vector) options() gs1.Options {
	return gs1.Options{
		UnknownAIs: v.Options.PermitUnknownAIs, ZeroSuppressed: v.Options.PermitZeroSuppressedGTIN,
		Aliases:           v.Options.PermitConvenienceAlphas,
		UnknownAttributes: v.Options.CheckUnknownAINotDLAttr != nil && !*v.Options.CheckUnknownAINotDLAttr,
	}
}

// The GS1 syntax engine's own cases: every family, every case.
func TestVectors(t *testing.T) {
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var families map[string][]vector
	if err := json.Unmarshal(data, &families); err != nil {
		t.Fatal(err)
	}
	run := map[string]func(v vector) (string, error){
		"ai_process_raw":     func(v vector) (string, error) { m, err := gs1.Parse(v.In); return text(m, err) },
		"ai_parse_bracketed": func(v vector) (string, error) { m, err := gs1.ParseBracketed(v.In, v.options()); return text(m, err) },
		"dl_parse":           func(v vector) (string, error) { m, err := gs1.ParseLink(v.In, v.options()); return text(m, err) },
		"ai_validate": func(v vector) (string, error) {
			m, err := gs1.ParseBracketed(v.In, v.options())
			if err != nil {
				t.Errorf("ai_validate %q does not parse: %v", v.In, err)
				return "", nil
			}
			return "", m.Validate(gs1.Rule(v.Check))
		},
		"dl_generate": func(v vector) (string, error) {
			m, err := gs1.ParseBracketed(v.In, v.options())
			if err != nil {
				return "", err
			}
			stem := ""
			if v.Stem != nil {
				stem = *v.Stem
			}
			return m.Link(stem)
		},
		"scan_process": func(v vector) (string, error) {
			s, err := gs1.ParseScan(v.In)
			if err == nil && s.Symbology != v.Symbology {
				t.Errorf("scan_process %q: symbology %s, want %s", v.In, s.Symbology, v.Symbology)
			}
			return s.Data, err
		},
		"scan_generate": func(v vector) (string, error) { return gs1.ScanText(v.Symbology, v.In, v.Options.AddCheckDigit) },
	}
	total := 0
	for name, vectors := range families {
		f := run[name]
		if f == nil {
			t.Errorf("nobody runs the family %s", name)
			continue
		}
		for _, v := range vectors {
			total++
			ok := v.OK || name == "scan_generate" && v.Want != nil
			got, err := f(v)
			switch {
			case (err == nil) != ok:
				t.Errorf("%s %q (%s %+v): error %v, want accepted %v", name, v.In, v.Symbology, v.Options, err, ok)
			case ok && v.Want != nil && got != *v.Want:
				t.Errorf("%s %q: got %q, want %q", name, v.In, got, *v.Want)
			}
		}
	}
	if total != 321 {
		t.Errorf("%d cases ran, want 321", total)
	}
}

func text(m gs1.Message, err error) (string, error) { return m.String(), err }
