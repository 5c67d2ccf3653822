package main

import (
	"strings"
	"testing"

	"tilld/device"
	"tilld/device/devtest"
)

// What a scanner read may be a shopper's auth code.
func TestMaskCodes(t *testing.T) {
	if got, want := string(maskCodes([]byte("]Q1134567890123456789\r\x02"))), "xxxxxxxxxxxxxxxxxxxxx\r\x02"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A keyboard scanner sends the numbers of keys, which are no text.
func TestRecordingsOfKeyboardScanners(t *testing.T) {
	var b device.Board
	b.Add(device.Spec{Name: "scanner-1", Kind: device.Scanner, Driver: "wedge"})
	b.Add(device.Spec{Name: "scanner-2", Kind: device.Scanner, Driver: "line"})
	traces := newTraces(&b)
	for name, want := range map[string]string{"scanner-1": "< 000000000000", "scanner-2": "< 020378780078"} {
		if err := traces.StartTrace(name); err != nil {
			t.Fatal(err)
		}
		p := new(devtest.Recorder)
		p.Feed([]byte{2, 3, '1', 'a', 0, 0xe4})
		if _, err := traces.tracer.Wrap(name, p).Read(make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		text, err := traces.Trace(name)
		if err != nil || !strings.HasSuffix(strings.TrimSpace(string(text)), want) {
			t.Errorf("%s: %s, %v, want %s", name, text, err, want)
		}
	}
}
