package detect

import "tilld/device"

// model is what a USB vendor and product number tell about a piece of hardware.
type model struct {
	vid, pid string // pid "" stands for every product of the vendor
	kind     device.Kind
	driver   string
	name     string
	sure     bool // false: the number only names an adapter or a chip
}

// models, most particular first. Sources: the udev rules of the makers, the USB
// identifiers of webusb-receipt-printer and of webhid-barcode-scanner.
var models = []model{
	{"0C2E", "", device.Scanner, "", "Honeywell scanner", true},
	{"23D0", "", device.Scanner, "", "Honeywell scanner", true},
	{"05E0", "", device.Scanner, "", "Zebra / Symbol scanner", true},
	{"05F9", "", device.Scanner, "", "Datalogic scanner", true},
	{"1EAB", "", device.Scanner, "", "Newland scanner", true},
	{"04B8", "", device.Printer, "escpos", "Epson printer", true},
	{"0519", "", device.Printer, "star", "Star printer", true},
	{"1D90", "", device.Printer, "escpos", "Citizen printer", true},
	{"0419", "", device.Printer, "escpos", "Bixolon / Samsung printer", true},
	{"1504", "", device.Printer, "escpos", "Bixolon printer", true},
	{"0416", "5011", device.Printer, "escpos", "POS58 / POS80 printer", true},
	{"0483", "5743", device.Printer, "escpos", "POS printer", true},
	{"0483", "5840", device.Printer, "escpos", "POS printer", true},
	{"0FE6", "811E", device.Printer, "escpos", "POS printer", true},
	{"1FC9", "2016", device.Printer, "escpos", "POS printer", true},
	{"1A86", "", "", "", "CH340 serial adapter", false},
	{"0403", "", "", "", "FTDI serial adapter", false},
	{"067B", "", "", "", "Prolific serial adapter", false},
	{"10C4", "", "", "", "CP210x serial adapter", false},
}

func modelOf(id device.Identity) (model, bool) {
	for _, m := range models {
		if m.vid == id.VID && (m.pid == "" || m.pid == id.PID) {
			return m, true
		}
	}
	return model{}, false
}
