package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tilld/internal/journal"
)

var journalKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32))

// exported is an export of n sales, of source, each line with extra; lines are
// the events alone.
func exported(t *testing.T, source string, n int, extra func(i int) string, kinds ...string) (export, lines string) {
	t.Helper()
	var out, raw bytes.Buffer
	epoch := strings.Repeat("ab", 16)
	w := journal.NewWriter(&out, source, epoch, "test", journal.Filter{})
	var prev journal.Hash
	for i := 1; i <= n; i++ {
		kind, data := "tilld.sale.closed.v1", fmt.Sprintf(`{"id":"S%d","number":%d,"day":"2026-03-14","currency":"CNY","total":%d,"tenders":[{"method":"cash","amount":%d}]}`, i, i, i, i)
		if i <= len(kinds) {
			kind, data, _ = strings.Cut(kinds[i-1], " ")
		}
		line := fmt.Appendf(nil, `{"specversion":"1.0","id":"%s-%d","source":%q,"type":%q,"time":"2026-03-14T12:00:00Z","datacontenttype":"application/json","epoch":%q,"sequence":"%020d","prevhash":"%s","bootid":"b","clockoffsetms":"0"%s,"data":%s}`,
			epoch, i, source, kind, epoch, i, prev, extra(i), data)
		it := journal.Item{Sequence: uint64(i), Hash: sha256.Sum256(line), Prev: prev, Body: line}
		if err := w.Add(it); err != nil {
			t.Fatal(err)
		}
		prev = it.Hash
		fmt.Fprintf(&raw, "%s\n", line)
	}
	if err := w.Close(journalKey, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	return out.String(), raw.String()
}

func plain(int) string { return "" }

func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// An export goes to a file, is checked on the way, and can be checked by
// anybody without a till.
func TestJournalExportAndVerify(t *testing.T) {
	answers["GET /v1/journal/export"], _ = exported(t, "tilld/v1/a/b/c", 5, plain)
	t.Cleanup(func() { delete(answers, "GET /v1/journal/export") })
	pub, _ := journalKey.Public().(ed25519.PublicKey)
	for _, format := range []string{"json", "csv"} {
		file := filepath.Join(t.TempDir(), "e."+format)
		code, out, errs := ctl(t, "journal", "export", "--day", "2026-03-14", "--format", format, "-o", file)
		if code != 0 || !strings.Contains(out, "5 events, 0 left out (0 erased), 1 to 5, key "+journal.Fingerprint(pub)) {
			t.Fatalf("%s: exit %d: %s%s", format, code, out, errs)
		}
		if code, _, _ := ctl(t, "journal", "export", "--format", format, "-o", file); code != 1 {
			t.Error("an old export is overwritten")
		}
		for _, args := range [][]string{nil, {"--key", journal.Fingerprint(pub)}, {"--key", base64.StdEncoding.EncodeToString(pub)}} {
			// No token, no agent.
			var stdout, stderr bytes.Buffer
			code := run(append([]string{"--url", "http://127.0.0.1:1", "--token-file", "/nonexistent", "journal", "verify", file}, args...), &stdout, &stderr)
			if code != 0 || !strings.Contains(stdout.String(), "5 events") {
				t.Errorf("%s %v: exit %d: %s%s", format, args, code, stdout.String(), stderr.String())
			}
		}
		code, out, _ = ctl(t, "journal", "verify", file, "--key", strings.Repeat("00", 32))
		if code != 1 || !strings.Contains(out, "signed with another key") {
			t.Errorf("another key: exit %d: %s", code, out)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		bad := write(t, "bad", strings.Replace(string(b), "S3", "S9", 2))
		code, out, _ = ctl(t, "--json", "journal", "verify", bad)
		var v struct {
			OK    bool
			Files []journal.Report
		}
		if err := json.Unmarshal([]byte(out), &v); err != nil || code != 1 || v.OK || v.Files[0].Problems[0].Kind != "changed" {
			t.Errorf("%s changed: exit %d: %s, %v", format, code, out, err)
		}
	}
	answers["GET /v1/journal/export"] = strings.Replace(answers["GET /v1/journal/export"], "S3", "S8", 1)
	file := filepath.Join(t.TempDir(), "e")
	code, out, _ := ctl(t, "journal", "export", "-o", file)
	if _, err := os.Stat(file); err == nil || code != 1 || !strings.Contains(out, "event 3 was changed") {
		t.Errorf("a damaged journal: exit %d: %s, %v", code, out, err)
	}
}

// Another epoch is chosen by its name or the first digits of it.
func TestJournalEpochs(t *testing.T) {
	old, now := strings.Repeat("ab", 16), strings.Repeat("cd", 16)
	export, _ := exported(t, "tilld/v1/a/b/c", 3, plain)
	answers["GET /v1/journal/epochs"] = `{"epochs":[{"epoch":"` + old + `","last_seq":3,"acked_seq":2,"ended":"2026-03-14T12:00:00Z","reason":"old copy"},{"epoch":"` + now + `","last_seq":1,"acked_seq":1}]}`
	answers["GET /v1/journal/export"] = export
	t.Cleanup(func() {
		delete(answers, "GET /v1/journal/epochs")
		delete(answers, "GET /v1/journal/export")
	})
	code, out, errs := ctl(t, "journal", "epochs")
	if code != 0 || !strings.Contains(out, old+"  3 events, 2 acked, ended 2026-03-14T12:00:00Z: old copy\n") || !strings.Contains(out, now+"  1 events, 1 acked, present\n") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	for _, name := range []string{old, "ab", "ABA"} {
		if code, out, errs := ctl(t, "journal", "export", "--epoch", name); code != 0 || out != export {
			t.Errorf("%s: exit %d: %s%s", name, code, out, errs)
		}
	}
	if code, _, errs := ctl(t, "journal", "export", "--epoch", "ef"); code != 1 || !strings.Contains(errs, "no such epoch") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func TestSettle(t *testing.T) {
	brand, lines := exported(t, "tilld/v1/a/b/c", 4, plain)
	view := `tilld.mall.view.v1 {"events":["sale.closed"],"redact":["member"],"source":"tilld/v1/a/b/c"}`
	epoch := strings.Repeat("ab", 16)
	hashes := []string{""}
	for _, l := range strings.Split(strings.TrimSpace(lines), "\n") {
		hashes = append(hashes, fmt.Sprintf("%x", sha256.Sum256([]byte(l))))
	}
	of := func(i int) string {
		if i == 1 {
			return fmt.Sprintf(`,"originalid":"%s-0"`, epoch)
		}
		return fmt.Sprintf(`,"originalid":"%s-%d","originalhash":%q`, epoch, i-1, hashes[i-1])
	}
	sale := func(i, amount int) string {
		return fmt.Sprintf(`tilld.sale.closed.v1 {"id":"S%d","number":%d,"day":"2026-03-14","currency":"CNY","total":%d,"tenders":[{"method":"cash","amount":%d}]}`, i, i, amount, amount)
	}
	_, mall := exported(t, "tilld/v1/m/m/m", 4, of, view, sale(1, 1), sale(2, 2), sale(3, 3))
	_, wrong := exported(t, "tilld/v1/m/m/m", 4, of, view, sale(1, 1), sale(2, 5), sale(3, 3))
	dir := filepath.Join(t.TempDir(), "ledger")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "x.jsonl"), []byte(mall), 0o600); err != nil {
		t.Fatal(err)
	}
	file := write(t, "brand.jsonl", brand)
	code, out, errs := ctl(t, "settle", "--brand", file, "--mall", dir)
	for _, want := range []string{"2026-03-14", "3 the same in both (the mall's without member), 1 differences, 0 of them not explained", "not delivered yet", "cash 10", "cash 6"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d, no %q in\n%s%s", code, want, out, errs)
		}
	}
	code, out, errs = ctl(t, "settle", "--brand", file, "--mall", write(t, "m.jsonl", wrong))
	if code != 1 || !strings.Contains(out, "NOT EXPLAINED: sale.closed S2 (amount): the brand says 2, the mall 5") || !strings.Contains(errs, "1 differences are not explained") {
		t.Errorf("another amount: exit %d\n%s%s", code, out, errs)
	}
	if code, out, _ := ctl(t, "--json", "settle", "--brand", file, "--mall", dir, "--day", "2026-03-14"); code != 0 || !strings.Contains(out, `"unexplained":0`) {
		t.Errorf("json: exit %d %s", code, out)
	}
}
