package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tilld/internal/config"
	"tilld/internal/link"
	"tilld/queue"
)

func testAgent(t *testing.T) *agent {
	t.Helper()
	store, err := queue.Open(t.Context(), queue.Options{
		Dir: filepath.Join(t.TempDir(), "data"), Seal: link.Sealer("tilld/v1/a/b/c", "boot", link.NewClock(time.Time{})),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	a := &agent{cfg: config.Defaults(), store: store}
	a.cfg.Till = config.Till{Merchant: "a", Store: "b", Till: "c", Timezone: "Asia/Shanghai"}
	a.cfg.Firmware.Repository = "https://updates.example"
	return a
}

// A version that was not the last one on this data is an event; the first start
// and a plain restart are none.
func TestNoteVersion(t *testing.T) {
	a := testAgent(t)
	for _, step := range []struct {
		last string
		want uint64
	}{{"", 0}, {"", 0}, {"0.9.0", 1}, {"", 1}} {
		if step.last != "" {
			if err := a.store.Update(t.Context(), func(tx *queue.Tx) error {
				return tx.Put(queue.State, []byte("agent_version"), []byte(step.last))
			}); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.noteVersion(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := a.store.LastSeq(); got != step.want {
			t.Errorf("after %q: %d events, want %d", step.last, got, step.want)
		}
	}
	events, err := a.store.Pending(0, 1, 1<<20)
	if err != nil || !strings.Contains(string(events[0].Body), `"data":{"component":"agent","from":"0.9.0","to":"dev"}`) {
		t.Errorf("event %s, %v", events[0].Body, err)
	}
}

func TestUpdateSet(t *testing.T) {
	a := testAgent(t)
	at := func(hour, minute int) time.Time { return time.Date(2026, 11, 24, hour-8, minute, 0, 0, time.UTC) } // Shanghai
	for _, tt := range []struct {
		name, data string
		refused    bool
		now        time.Time
		due        bool
	}{
		{"night", `{"agent":"1.2.0"}`, false, at(26, 30), true},
		{"day", `{"agent":"1.2.0"}`, false, at(15, 0), false},
		{"own window", `{"agent":"1.2.0","window":"14:00-16:00"}`, false, at(15, 0), true},
		{"over midnight", `{"agent":"1.2.0","window":"23:00-01:00"}`, false, at(24, 30), true},
		{"past the deadline", `{"agent":"1.2.0","deadline":"2026-11-24T06:00:00Z"}`, false, at(15, 0), true},
		{"nobody yet", `{"agent":"1.2.0","percent":0}`, false, at(26, 30), false},
		{"runs already", `{"agent":"dev"}`, false, at(26, 30), false},
		{"unknown field", `{"agent":"1.2.0","url":"http://x"}`, true, at(26, 30), false},
		{"no version", `{}`, true, at(26, 30), false},
		{"percent", `{"agent":"1.2.0","percent":101}`, true, at(26, 30), false},
		{"window", `{"agent":"1.2.0","window":"25:00-26:00"}`, true, at(26, 30), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := a.updateSet(t.Context(), json.RawMessage(tt.data))
			if (err != nil) != tt.refused {
				t.Fatalf("error %v, want refused %v", err, tt.refused)
			}
			if tt.refused {
				return
			}
			if due, err := a.updateDue(tt.now); err != nil || due != tt.due {
				t.Errorf("due %v, %v; want %v", due, err, tt.due)
			}
		})
	}
	a.cfg.Firmware.Repository = ""
	if _, err := a.updateSet(t.Context(), json.RawMessage(`{"agent":"1.2.0"}`)); err == nil {
		t.Error("update.set without a repository is accepted")
	}
}
