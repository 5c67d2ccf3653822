package till_test

import (
	"testing"

	"tilld/device"
	"tilld/internal/lang"
	"tilld/internal/till"
	"tilld/printer"
)

// A printer that works but wants paper says so in its row, in the language
// asked for; one that is away says why it is away.
func TestDeviceRowSaysWhatIsWanted(t *testing.T) {
	board := &device.Board{}
	for _, name := range []string{"printer-1", "printer-2"} {
		board.Add(device.Spec{Name: name, Kind: device.Printer, Driver: "escpos", Address: "tcp://127.0.0.1:1"})
	}
	board.Report("printer-1", nil)
	r := newRig(t, func(o *till.Options) { o.Board = board })
	if row := r.till.Status(lang.EN).Devices[0]; row.Condition != "" || row.Code != "" {
		t.Errorf("a printer that is well: %+v", row)
	}
	for _, name := range []string{"printer-1", "printer-2"} {
		r.health.Set(true, printer.NearEnd.Kind(), name)
		r.health.Set(true, printer.WantPaper.Kind(), name)
	}
	en, zh := r.till.Status(lang.EN).Devices, r.till.Status(lang.ZH).Devices
	if en[0].Condition != "The printer is out of paper" || en[0].Code != "printer_paper_out" || en[0].HintIn(lang.EN) != "Put in a new roll" || zh[0].Condition != "打印机缺纸" {
		t.Errorf("without paper: %+v, %s", en[0], zh[0].Condition)
	}
	if en[1].State != device.Missing || en[1].Code == "printer_paper_out" {
		t.Errorf("one that is away: %+v", en[1])
	}
	if row, _ := board.Get("printer-1"); row.Condition != "" {
		t.Errorf("the board itself is changed: %+v", row)
	}
}
