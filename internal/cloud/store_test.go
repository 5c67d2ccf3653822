package cloud_test

import (
	"os"
	"path/filepath"
	"testing"

	"tilld/internal/cloud"
)

func TestLedgerSurvives(t *testing.T) {
	dir := t.TempDir()
	c := &chain{epoch: epoch}
	e := c.many(5)
	l, err := cloud.OpenLedger(dir)
	if err != nil {
		t.Fatal(err)
	}
	ingest(t, l, batch(e[0], e[1]))
	ingest(t, l, batch(e[1], e[2]))
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, %v", files, err)
	}
	f, err := os.OpenFile(files[0], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(e[3][:40]); err != nil { // a crash in the middle of a write
		t.Fatal(err)
	}
	f.Close()

	l, err = cloud.OpenLedger(dir)
	if err != nil {
		t.Fatal(err)
	}
	if m := l.Mark(src, epoch); m.Through != 3 {
		t.Fatalf("mark %d after the restart, want 3", m.Through)
	}
	if v := ingest(t, l, batch(e[2], e[3], e[4])); v.Through != 5 || len(v.New) != 2 {
		t.Errorf("%+v", v)
	}
	if l, err = cloud.OpenLedger(dir); err != nil || l.Mark(src, epoch).Through != 5 || l.Verify() != nil {
		t.Errorf("second restart: %v", err)
	}
	// Somebody edits the file: it is not believed.
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(files[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := cloud.OpenLedger(dir); err == nil {
		t.Error("an edited ledger is opened")
	}
}

func TestKeyStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.json")
	a, err := cloud.LoadKey(path, "k1")
	if err != nil {
		t.Fatal(err)
	}
	b, err := cloud.LoadKey(path, "other")
	if err != nil {
		t.Fatal(err)
	}
	one, err := cloud.TrustFile(a)
	if err != nil {
		t.Fatal(err)
	}
	two, err := cloud.TrustFile(b)
	if err != nil || string(one) != string(two) || b.ID != "k1" {
		t.Errorf("the key changed: %s, %s, %v", one, two, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
