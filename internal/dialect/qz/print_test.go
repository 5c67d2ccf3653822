package qz

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	names := []string{"kitchen", "till-1", "till-10", "back till"}
	for query, want := range map[string]string{
		"till-1": "till-1", "TILL-10": "till-10", "till": "till-1", "back": "back till", "chen": "kitchen", "nope": "", "ill-10": "till-10",
	} {
		if got := match(query, "till-1", names); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}

func raw(t *testing.T, call string) ([]byte, error) {
	t.Helper()
	var p printCall
	if err := json.Unmarshal([]byte(call), &p); err != nil {
		t.Fatal(err)
	}
	return rawOf(p, 576)
}

func TestRaw(t *testing.T) {
	for _, c := range []struct{ name, call, want string }{
		{"text", `{"data":["a\n"]}`, "a\n"},
		{"text without an encoding is UTF-8", `{"data":["é"]}`, "\xc3\xa9"},
		{"an encoding", `{"options":{"encoding":"GB18030"},"data":["￥1"]}`, "\xa3\xa41"},
		{"what it has not", `{"options":{"encoding":"ISO-8859-1"},"data":["a茶\u001b@"]}`, "a?\x1b@"},
		{"bytes in an 8-bit encoding", `{"options":{"encoding":"Cp1252"},"data":["\u001b\u00e9"]}`, "\x1b\xe9"},
		{"base64", `{"data":[{"type":"raw","format":"command","flavor":"base64","data":"G0A="}]}`, "\x1b@"},
		{"hex", `{"data":[{"type":"raw","format":"command","flavor":"hex","data":"1B x40 0x0a"}]}`, "\x1b@\n"},
		{"the old form", `{"data":[{"format":"base64","data":"YQ=="},{"type":"raw","data":"b"},{"data":"c"}]}`, "abc"},
		{"copies", `{"options":{"copies":3},"data":["a"]}`, "aaa"},
	} {
		if got, err := raw(t, c.call); err != nil || string(got) != c.want {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
	}
	for name, c := range map[string]struct{ call, want string }{
		"a file":         {`{"data":[{"type":"raw","format":"command","flavor":"file","data":"/etc/passwd"}]}`, "opens no files"},
		"an old file":    {`{"data":[{"type":"raw","format":"file","data":"http://x/"}]}`, "opens no files"},
		"a page":         {`{"data":[{"type":"pixel","format":"pdf","data":"x"}]}`, `pixel (pdf)`},
		"an old page":    {`{"data":[{"type":"html","data":"x"}]}`, `pixel (html)`},
		"encoding":       {`{"options":{"encoding":"EBCDIC"},"data":["x"]}`, "EBCDIC"},
		"copies":         {`{"options":{"copies":1000},"data":["x"]}`, "copies"},
		"another tongue": {`{"data":[{"type":"raw","format":"image","flavor":"base64","data":"AA==","options":{"language":"ZPL"}}]}`, "ZPL"},
		"no picture":     {`{"data":[{"type":"raw","format":"image","flavor":"base64","data":"AA=="}]}`, "no picture"},
		"no item":        {`{"data":[7]}`, "neither text"},
	} {
		if got, err := raw(t, c.call); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q, %v; want %q in it", name, got, err, c.want)
		}
	}
}

func TestCertificate(t *testing.T) {
	dir := t.TempDir()
	first, err := certificate(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := certificate(dir)
	if err != nil || string(again.Certificates[0].Certificate[0]) != string(first.Certificates[0].Certificate[0]) {
		t.Errorf("made anew at the second start: %v", err)
	}
	leaf := first.Certificates[0].Leaf
	if leaf.VerifyHostname("localhost") != nil || leaf.VerifyHostname("127.0.0.1") != nil || leaf.VerifyHostname("example.com") == nil || leaf.IsCA {
		t.Errorf("good for %v %v, CA %v", leaf.DNSNames, leaf.IPAddresses, leaf.IsCA)
	}
}

func FuzzPrintCall(f *testing.F) {
	f.Add(`{"printer":{"name":"p"},"options":{"encoding":"GBK","copies":2},"data":["a",{"type":"raw","format":"image","flavor":"base64","data":"iVBORw0KGgo="}]}`)
	f.Fuzz(func(t *testing.T, call string) {
		var p printCall
		if json.Unmarshal([]byte(call), &p) != nil {
			return
		}
		if out, err := rawOf(p, 384); err != nil && out != nil {
			t.Fatalf("refused, yet %d bytes", len(out))
		}
	})
}
