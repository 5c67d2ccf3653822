package raw9100

import (
	"testing"

	"tilld/device"
	"tilld/internal/till"
	"tilld/printer"
)

func TestAnswer(t *testing.T) {
	ready := till.PrinterState{State: device.Ready}
	with := func(w ...printer.Want) till.PrinterState { return till.PrinterState{State: device.Ready, Wants: w} }
	for _, c := range []struct {
		name, q string
		state   till.PrinterState
		want    string
	}{
		{"ready", "\x10\x04\x01", ready, "\x16"},
		{"drawer open", "\x10\x04\x01", with(printer.DrawerOpen), "\x12"},
		{"not there", "\x10\x04\x01", till.PrinterState{State: device.Missing}, "\x1e"},
		{"cover", "\x10\x04\x02", with(printer.WantCover), "\x16"},
		{"paper end stops", "\x10\x04\x02", with(printer.WantPaper), "\x32"},
		{"cutter", "\x10\x04\x03", with(printer.WantCutter), "\x1a"},
		{"paper", "\x10\x04\x04", ready, "\x12"},
		{"near end", "\x10\x04\x04", with(printer.NearEnd), "\x1e"},
		{"paper end", "\x10\x04\x04", with(printer.WantPaper), "\x7e"},
		{"paper sensor", "\x1dr\x01", with(printer.WantPaper), "\x0f"},
		{"paper sensor, as a digit", "\x1dr1", ready, "\x00"},
		{"automatic status", "\x1da\xff", with(printer.WantCover), "\x3c\x00\x00\x00"},
		{"automatic status off", "\x1da\x00", ready, ""},
		{"maker", "\x1dIB", ready, "_tilld\x00"},
		{"unknown", "\x1dI\x7f", ready, ""},
		{"short", "\x10\x04", ready, ""},
	} {
		if got := string(Answer([]byte(c.q), c.state)); got != c.want {
			t.Errorf("%s: % x, want % x", c.name, got, c.want)
		}
	}
}

func TestIsHTTP(t *testing.T) {
	for text, want := range map[string]bool{
		"POST /x HTTP/1.1\r\nHost: a\r\n":   true,
		"GET / HTTP/1.0\n":                  true,
		"OPTIONS * HTTP/1.1":                true,
		"\x1b@GET / HTTP/1.1":               false,
		"GET WELL SOON\n see HTTP/1.1 docs": false,
		"get / HTTP/1.1":                    false,
		"":                                  false,
	} {
		if isHTTP([]byte(text)) != want {
			t.Errorf("%q: want %v", text, want)
		}
	}
}
