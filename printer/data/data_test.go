package data_test

import (
	"strings"
	"testing"

	"tilld/printer/data"
)

func TestPrinters(t *testing.T) {
	list, err := data.Printers()
	if err != nil || len(list) != 50 {
		t.Fatalf("%d printers, %v", len(list), err)
	}
	p := list["TM-T88V"]
	if p.Vendor != "Epson" || p.Columns != 42 || p.Dots != 512 || p.DPI != 180 || p.CodePages["CP437"] != 0 || p.CodePages["CP858"] != 19 || !p.Features["paperPartCut"] {
		t.Errorf("TM-T88V is %+v", p)
	}
	if d := list["default"]; d.Dots != 0 || d.DPI != 0 || d.CodePages["CP1252"] != 16 {
		t.Errorf("default is %+v", d)
	}
	if !strings.Contains(data.Notice, "CC BY 4.0") {
		t.Error("the attribution is missing")
	}
}
