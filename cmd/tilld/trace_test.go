package main

import "testing"

// What a scanner read may be a shopper's auth code.
func TestMaskCodes(t *testing.T) {
	if got, want := string(maskCodes([]byte("]Q1134567890123456789\r\x02"))), "xxxxxxxxxxxxxxxxxxxxx\r\x02"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
