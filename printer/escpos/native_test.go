package escpos_test

import (
	"strings"
	"testing"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/printer"
	"tilld/printer/escpos"
	"tilld/printer/printertest"
)

// The bytes of a code that the printer makes (Epson's reference, GS ( k
// <Function 165> to <Function 181>), with four modules of white above and below.
func TestNativeCode(t *testing.T) {
	print := func(payload string, address string) (string, error) {
		t.Helper()
		port := &tap{sink: sink{&printertest.Machine{Chinese: true}}}
		d, err := escpos.Open(t.Context(), port, device.Spec{Name: "p", Address: address, Options: []byte(`{"profile":"epson-tm-t81","status":"none","confirm":"none"}`)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.Print(t.Context(), "job", printer.Doc{printer.QR{Payload: payload, Module: 5, Level: "Q"}})
		return string(port.sent), err
	}
	slow := "serial:///dev/ttyS0?baud=9600"
	got, err := print("SALE-42", slow)
	want := "\x1b@\x1bR\x00\x1c&\x1b3\x1e" + "\x1ba\x01" + "\x1bJ\x14" +
		"\x1d(k\x04\x001A2\x00" + "\x1d(k\x03\x001C\x05" + "\x1d(k\x03\x001E2" + "\x1d(k\x0a\x001P0SALE-42" + "\x1d(k\x03\x001Q0" +
		"\x1bJ\x14" + "\x1ba\x00" + "\x1bJ\x78"
	if got != want || err != nil {
		t.Errorf("%q, %v\nwant %q", got, err, want)
	}
	// Dots on a fast line, and for what printers take for Kanji.
	for payload, address := range map[string]string{"SALE-42": "tcp://10.0.0.1:9100", "茶": slow, "x": "serial:///dev/ttyS0?baud=115200"} {
		if got, err := print(payload, address); strings.Contains(got, "\x1d(k") || !strings.Contains(got, "\x1dv0") || err != nil {
			t.Errorf("%q at %s: native, %v", payload, address, err)
		}
	}
	// Too dense is too dense, whoever makes it.
	if _, err := print(strings.Repeat("k", 1300), slow); fault.KindOf(err) != fault.Refused || !strings.Contains(err.Error(), "shorten") {
		t.Errorf("too dense: %v", err)
	}
}
