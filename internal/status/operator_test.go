package status

import (
	"encoding/json"
	"net/http"
	"testing"

	"tilld/queue"
)

// journalStub has two events and one record that was set aside.
type journalStub struct{}

func (journalStub) Pending(after uint64, limit, _ int) ([]queue.Event, error) {
	all := []queue.Event{{Sequence: 1, Body: []byte(`{"id":"e-1","n":1.50}`)}, {Sequence: 2, Body: []byte(`{"id":"e-2"}`)}}
	if after > 2 {
		return nil, nil
	}
	list := all[after:]
	return list[:min(limit, len(list))], nil
}

func (journalStub) Dead() ([]queue.DeadRecord, error) {
	return []queue.DeadRecord{{ID: 1, Sequence: 7, Bucket: "outbox", Reason: "checksum", Data: []byte{0xff}}}, nil
}

// Events come as they were written, byte for byte, a page at a time.
func TestJournalPages(t *testing.T) {
	b := newBench(t)
	var got []string
	after := "0"
	for range 3 {
		_, resp := b.ask(t, http.MethodGet, "/v1/journal?limit=1&after="+after, "")
		var page struct {
			Events []json.RawMessage
			Next   json.Number
		}
		if err := json.Unmarshal([]byte(resp), &page); err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			got = append(got, string(e))
		}
		after = page.Next.String()
	}
	if len(got) != 2 || got[0] != `{"id":"e-1","n":1.50}` || after != "2" {
		t.Errorf("got %q, next %s", got, after)
	}
}
