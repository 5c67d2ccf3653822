package status

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

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

func (journalStub) Epochs() ([]queue.EpochInfo, error) {
	return []queue.EpochInfo{{Epoch: strings.Repeat("a", 32), Last: 7, Acked: 7, Ended: time.Unix(1, 0).UTC(), Reason: "old copy"}, {Epoch: strings.Repeat("b", 32), Last: 2}}, nil
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

// An export is streamed; one that breaks off ends without the chunk that would
// make it look whole.
func TestJournalExport(t *testing.T) {
	b := newBench(t)
	resp, text := b.ask(t, http.MethodGet, "/v1/journal/export?from=2026-03-01&to=2026-03-02&after=7&type=sale.closed,sale.voided", "")
	if want := "{From:2026-03-01 To:2026-03-02 After:7 Types:[sale.closed sale.voided] Epoch:}\n"; resp.StatusCode != 200 || text != want || resp.Header.Get("Content-Type") != "application/x-ndjson" {
		t.Errorf("%d %v %q", resp.StatusCode, resp.Header, text)
	}
	if resp, text := b.ask(t, http.MethodGet, "/v1/journal/export?epoch="+strings.Repeat("a", 32), ""); resp.StatusCode != 200 || !strings.Contains(text, "Epoch:aaa") {
		t.Errorf("an ended epoch: %d %q", resp.StatusCode, text)
	}
	if resp, text := b.ask(t, http.MethodGet, "/v1/journal/export?epoch="+strings.Repeat("c", 32), ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("an epoch that is not there: %d %q", resp.StatusCode, text)
	}
	if _, text := b.ask(t, http.MethodGet, "/v1/journal/epochs", ""); !strings.Contains(text, `"epochs":[{"epoch":"aaa`) || strings.Count(text, `"ended"`) != 1 {
		t.Errorf("epochs: %s", text)
	}
	for _, bad := range []string{"from=1.3.2026", "to=x", "after=-1", "type=Sale%0a", "nonsense=1"} {
		if resp, text := b.ask(t, http.MethodGet, "/v1/journal/export?"+bad, ""); resp.StatusCode != http.StatusBadRequest && resp.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", bad, resp.StatusCode, text)
		}
	}
	broken := newBench(t, func(o *Options) {
		o.Export = func(_ context.Context, w io.Writer, _ ExportQuery) error {
			_, err := w.Write(make([]byte, 100_000))
			return errors.Join(err, errors.New("the disk is gone"))
		}
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, broken.url+"/v1/journal/export", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+broken.token)
	resp, err = http.DefaultClient.Do(req)
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Error("a broken export looks whole")
	}
}
