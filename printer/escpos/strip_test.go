package escpos_test

import (
	"bytes"
	"strings"
	"testing"

	"tilld/printer/escpos"
)

func TestStrip(t *testing.T) {
	picture := "\x1dv0\x00\x08\x00\x01\x00ab\x1bp\x00\x19\xfaz"
	for _, c := range []struct {
		name, data, want string
		kicks            int
	}{
		{"text", "\x1b@合计\n\x1dVB\x00", "\x1b@合计\n\x1dVB\x00", 0},
		{"a kick before", "\x1bp\x00\x19\xfa\x1b@x\n", "\x1b@x\n", 1},
		{"two kicks", "a\x1bp\x00\x19\xfab\x10\x14\x01\x00\x01c", "abc", 2},
		{"a kick cut short", "a\x1bp\x00", "a", 1},
		{"a kick in a picture is a picture", picture + "\n", picture + "\n", 0},
		{"a kick in a QR code's data is data", "\x1d(k\x08\x001P0\x1bp\x00\x19\xfa", "\x1d(k\x08\x001P0\x1bp\x00\x19\xfa", 0},
		{"an argument that looks like a command", "\x1bJ\x1bpure\n", "\x1bJ\x1bpure\n", 0},
		{"questions", "a\x10\x04\x01\x1dr\x01\x1dIB\x1da\xff\x10\x05\x01b", "ab", 0},
		{"process id", "a\x1d(H\x06\x0000ABCDb", "ab", 0},
		{"bar code", "\x1dk\x04A\x1bp1\x00x\x1dkI\x03\x1bp1y", "\x1dk\x04A\x1bp1\x00x\x1dkI\x03\x1bp1y", 0},
		{"tabs", "\x1bD\x08\x10\x04\x00\x09x", "\x1bD\x08\x10\x04\x00\x09x", 0},
		{"the start of a command at the end", "x\x1b", "x\x1b", 0},
		{"empty", "", "", 0},
	} {
		clean, kicks := escpos.Strip([]byte(c.data))
		if string(clean) != c.want || kicks != c.kicks {
			t.Errorf("%s: %q, %d kicks; want %q, %d", c.name, clean, kicks, c.want, c.kicks)
		}
	}
}

func TestQuestions(t *testing.T) {
	data := "\x10\x04\x01a\x1dr\x02\x1d(k\x03\x001Q0\x10\x04\x08\x03"
	var asked []string
	if rest := escpos.Questions([]byte(data), func(q []byte) { asked = append(asked, string(q)) }); rest != 0 {
		t.Errorf("%d bytes are left", rest)
	}
	if got := strings.Join(asked, "|"); got != "\x10\x04\x01|\x1dr\x02|\x10\x04\x08\x03" {
		t.Errorf("asked %q", got)
	}
	if rest := escpos.Questions([]byte("ab\x10\x04"), func([]byte) { t.Error("asked half a question") }); rest != 2 {
		t.Errorf("%d bytes of half a question, want 2", rest)
	}
	if rest := escpos.Questions([]byte("ab\x1dkI"), func([]byte) { t.Error("asked") }); rest != 3 {
		t.Errorf("%d bytes of a bar code whose length is not there yet, want 3", rest)
	}
	if rest := escpos.Questions([]byte("ab\x1dv0\x00\x08\x00\x01\x00abc"), func([]byte) { t.Error("asked") }); rest != 11 {
		t.Errorf("%d bytes of a picture that is not complete, want 11", rest)
	}
}

func TestCutAt(t *testing.T) {
	for data, want := range map[string]bool{"x\x1dV\x00": true, "\x1dVB\x00": true, "\x1dVA\x10": true, "\x1bi": true, "\x1bm": true, "V": false, "": false, "\x1dV": false} {
		if escpos.CutAt([]byte(data)) != want {
			t.Errorf("%q: want %v", data, want)
		}
	}
}

func FuzzStrip(f *testing.F) {
	f.Add([]byte("\x1b@a\x1bp\x00\x19\xfa\x1dv0\x00\x01\x00\x02\x00ab\x10\x04\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		clean, kicks := escpos.Strip(data)
		if !bytes.Equal(data, before) || len(clean)+kicks > len(data) {
			t.Fatalf("%d bytes and %d kicks of %d bytes", len(clean), kicks, len(data))
		}
		if rest := escpos.Questions(data, func([]byte) {}); rest < 0 || rest > len(data) {
			t.Fatalf("%d of %d bytes are left", rest, len(data))
		}
	})
}
