package link

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"tilld/internal/cloud"
	"tilld/internal/fault"
	"tilld/queue"
)

var sealAt = time.Date(2026, 11, 24, 14, 3, 9, 87_654_321, time.FixedZone("", 8*3600))

const testEpoch = "00112233445566778899aabbccddeeff"

// The exact bytes of an event, attribute by attribute (contract §4).
func TestSealGolden(t *testing.T) {
	clock := NewClock(time.Time{})
	prev := [32]byte{0xab, 31: 0xcd}
	h := queue.Header{Epoch: testEpoch, Sequence: 42, Prev: prev, At: sealAt}
	for _, c := range []struct {
		name string
		h    queue.Header
		m    queue.Message
		want string
	}{
		{
			"with subject", h,
			queue.Message{Type: "tilld.sale.closed.v1", Subject: "01JZZZZZZZZZZZZZZZZZZZZZZZ", Data: []byte("{ \"name\": \"茶 <&> \u2028\",\n \"total\": 1200 }")},
			`{"specversion":"1.0","id":"` + testEpoch + `-42","source":"tilld/v1/acme/sh-001/03","type":"tilld.sale.closed.v1","subject":"01JZZZZZZZZZZZZZZZZZZZZZZZ","time":"2026-11-24T06:03:09.087Z","datacontenttype":"application/json","epoch":"` + testEpoch + `","sequence":"00000000000000000042","prevhash":"ab` + strings.Repeat("00", 30) + `cd","bootid":"01KBOOT","clockoffsetms":"0","data":{"name":"茶 <&> ` + "\u2028" + `","total":1200}}`,
		},
		{
			"first, without subject",
			queue.Header{Epoch: testEpoch, Sequence: 1, At: sealAt},
			queue.Message{Type: "tilld.till.started.v1"},
			`{"specversion":"1.0","id":"` + testEpoch + `-1","source":"tilld/v1/acme/sh-001/03","type":"tilld.till.started.v1","time":"2026-11-24T06:03:09.087Z","datacontenttype":"application/json","epoch":"` + testEpoch + `","sequence":"00000000000000000001","prevhash":"` + strings.Repeat("00", 32) + `","bootid":"01KBOOT","clockoffsetms":"0","data":{}}`,
		},
	} {
		got, err := Sealer("tilld/v1/acme/sh-001/03", "01KBOOT", clock)(c.h, c.m)
		if err != nil || string(got) != c.want {
			t.Errorf("%s:\n got %s %v\nwant %s", c.name, got, err, c.want)
		}
		if _, err := cloud.ParseEvent(got); err != nil {
			t.Errorf("%s: the cloud does not read it: %v", c.name, err)
		}
	}
	clock.heard(sealAt.Add(-1234*time.Millisecond), time.Millisecond, sealAt, sealAt)
	got, err := Sealer("s", "b", clock)(h, queue.Message{Type: "t"})
	if err != nil || !bytes.Contains(got, []byte(`"clockoffsetms":"-1233"`)) {
		t.Errorf("measured offset: %s, %v", got, err)
	}
}

func TestSealRefuses(t *testing.T) {
	seal := Sealer("s", "b", NewClock(time.Time{}))
	for name, c := range map[string]struct {
		data []byte
		kind fault.Kind
	}{
		"list":       {[]byte(`[]`), fault.Corrupt},
		"text":       {[]byte(`"x"`), fault.Corrupt},
		"torn":       {[]byte(`{"a":`), fault.Corrupt},
		"two":        {[]byte(`{}{}`), fault.Corrupt},
		"too large":  {[]byte(`{"a":"` + strings.Repeat("x", queue.MaxBody-200) + `"}`), fault.Full},
		"much":       {bytes.Repeat([]byte("x"), queue.MaxBody+1), fault.Full},
		"only space": {[]byte(" \n"), fault.Corrupt},
	} {
		if _, err := seal(queue.Header{Epoch: testEpoch, Sequence: 1}, queue.Message{Type: "t", Data: c.data}); fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v, want %v", name, err, c.kind)
		}
	}
}

// Whatever the data, an event is one line of valid JSON that reads back.
func FuzzSeal(f *testing.F) {
	seal := Sealer(`s"\`+"\n", "b", NewClock(time.Time{}))
	f.Add("t", "s", []byte(`{"a":"\n"}`))
	f.Add("t\n\"", "\xff", []byte("{\n}"))
	f.Fuzz(func(t *testing.T, kind, subject string, data []byte) {
		body, err := seal(queue.Header{Epoch: testEpoch, Sequence: 7, At: sealAt}, queue.Message{Type: kind, Subject: subject, Data: data})
		if err != nil {
			return
		}
		if bytes.ContainsAny(body, "\n\r") || !json.Valid(body) || len(body) > queue.MaxBody {
			t.Fatalf("%q", body)
		}
		var e struct {
			Type string
			Data json.RawMessage
		}
		if err := json.Unmarshal(body, &e); err != nil || e.Data[0] != '{' {
			t.Fatalf("%s: %v", body, err)
		}
	})
}
