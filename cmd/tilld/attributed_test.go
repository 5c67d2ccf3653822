package main

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"
	"time"

	"tilld/internal/link"
	"tilld/internal/till"
	"tilld/queue"
)

// What other parts than the engine report names who is signed in as well.
func TestOtherPartsNameTheCashier(t *testing.T) {
	a := &agent{}
	store, err := queue.Open(t.Context(), queue.Options{
		Dir: filepath.Join(t.TempDir(), "data"), ReserveBytes: 1 << 20,
		Seal: a.attributed(link.Sealer("tilld/v1/a/b/c", "boot", link.NewClock(time.Time{}))),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	report := func(kind string) string {
		t.Helper()
		err := store.Update(t.Context(), func(tx *queue.Tx) error {
			_, err := tx.Append(queue.Message{Type: kind, Data: []byte(`{"from":1}`)})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		list, err := store.Pending(store.LastSeq()-1, 1, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		_, data, _ := bytes.Cut(list[0].Body, []byte(`"data":`))
		return string(data)
	}
	if got := report(besides[0]); got != `{"from":1}}` {
		t.Errorf("before there is an engine: %s", got)
	}
	engine, err := till.New(till.Options{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	a.engine.Store(engine)
	if _, err := engine.Do(context.Background(), till.Call{}, till.SignIn{Badge: "E-7"}); err != nil {
		t.Fatal(err)
	}
	for _, kind := range besides {
		if got := report(kind); got != `{"from":1,"cashier":"E-7"}}` {
			t.Errorf("%s: %s", kind, got)
		}
	}
	if got := report("tilld.record.damaged.v1"); got != `{"from":1}}` {
		t.Errorf("what repairs the journal is changed: %s", got)
	}
}
