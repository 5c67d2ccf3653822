package escpos

import "testing"

// A public profile of Epson's: what the maker's manuals say of all models is
// added, and paper moves by half dots where a dot is 1/180 inch.
func TestPublicProfiles(t *testing.T) {
	for name, want := range map[string]struct {
		dpi, units   int
		status, fill string
	}{
		"TM-T88V":   {180, 2, "asb", "auto"},
		"TM-T20III": {203, 1, "asb", "auto"},
		"ZJ-5870":   {203, 1, "dle", "none"},
	} {
		s, err := profile(name)
		if err != nil {
			t.Fatal(err)
		}
		if s.Base != name || s.DPI != want.dpi || s.Units != want.units || s.Status != want.status || s.Chinese != want.fill {
			t.Errorf("%s: %+v, want %+v", name, s, want)
		}
	}
	if _, err := profile("TSP600"); err == nil {
		t.Error("a printer that does not understand ESC/POS has a profile")
	}
}
