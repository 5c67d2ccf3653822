package journal_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"tilld/internal/journal"
)

const epoch = "0123456789abcdef0123456789abcdef"

var noon = time.Date(2026, 3, 14, 4, 0, 0, 0, time.UTC)

// till makes events as a till does.
type till struct {
	source, epoch string
	seq           uint64
	prev          journal.Hash
	lines         [][]byte
}

func newTill(source string) *till { return &till{source: source, epoch: epoch} }

// add appends an event; extra goes in front of data.
func (t *till) add(kind, extra, data string) []byte {
	t.seq++
	line := []byte(fmt.Sprintf(`{"specversion":"1.0","id":"%s-%d","source":%q,"type":"tilld.%s.v1","time":%q,"datacontenttype":"application/json","epoch":%q,"sequence":"%020d","prevhash":"%s","bootid":"b","clockoffsetms":"0"%s,"data":%s}`,
		t.epoch, t.seq, t.source, kind, noon.Add(time.Duration(t.seq)*time.Minute).Format(time.RFC3339), t.epoch, t.seq, t.prev, extra, data))
	t.prev = sha256.Sum256(line)
	t.lines = append(t.lines, line)
	return line
}

func (t *till) sale(n int, amount int64) []byte {
	return t.add("sale.closed", "", fmt.Sprintf(`{"id":"S%d","number":%d,"day":"2026-03-14","state":"closed","currency":"CNY","total":%d,"tenders":[{"method":"cash","amount":%d}]}`, n, n, amount, amount))
}

// ledger is the lines as a receiver keeps them.
func (t *till) ledger() []byte { return append(bytes.Join(t.lines, []byte("\n")), '\n') }

var private = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))

// export writes the till's events as tilld does; those in gone are erased.
func (t *till) export(tb testing.TB, f journal.Filter, gone ...uint64) []byte {
	tb.Helper()
	var out bytes.Buffer
	w := journal.NewWriter(&out, t.source, t.epoch, "test", f)
	var prev journal.Hash
	for i, line := range t.lines {
		it := journal.Item{Sequence: uint64(i + 1), Hash: sha256.Sum256(line), Prev: prev, Body: line}
		e, err := journal.ParseEvent(line)
		if err != nil {
			tb.Fatal(err)
		}
		it.Original = e.Original
		prev = it.Hash
		if e.Original != (journal.Hash{}) {
			prev = e.Original
		}
		for _, n := range gone {
			if n == it.Sequence {
				it.Body = nil
			}
		}
		if err := w.Add(it); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(private, noon); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func verify(t *testing.T, name string, file []byte) journal.Report {
	t.Helper()
	r, err := journal.Check{}.Verify(name, bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func sales(n int) *till {
	t := newTill("tilld/v1/acme/sh-001/03")
	for i := range n {
		if i%3 == 2 {
			t.add("drawer.opened", "", `{"reason":"=cmd|x"}`)
		} else {
			t.sale(i+1, int64(100+i))
		}
	}
	return t
}

func TestWhole(t *testing.T) {
	k := sales(20)
	for _, tt := range []struct {
		name                    string
		f                       journal.Filter
		gone                    []uint64
		events, omitted, erased uint64
		first, last             uint64
	}{
		{"all", journal.Filter{}, nil, 20, 0, 0, 1, 20},
		{"one type", journal.Filter{Types: []string{"tilld.sale.closed.v1"}}, nil, 14, 6, 0, 1, 20},
		{"part of the day", journal.Filter{From: noon.Add(5 * time.Minute), To: noon.Add(9 * time.Minute)}, nil, 4, 0, 0, 5, 8},
		{"erased", journal.Filter{}, []uint64{4, 5, 19, 20}, 16, 2, 2, 1, 18},
		{"nothing", journal.Filter{Types: []string{"x"}}, nil, 0, 0, 0, 0, 0},
	} {
		file := k.export(t, tt.f, tt.gone...)
		var table bytes.Buffer
		if err := journal.WriteCSV(&table, bytes.NewReader(file)); err != nil {
			t.Fatal(err)
		}
		for form, b := range map[string][]byte{"lines": file, "csv": table.Bytes()} {
			r := verify(t, tt.name, b)
			if !r.OK() || r.Events != tt.events || r.Omitted != tt.omitted || r.Erased != tt.erased || r.First != tt.first || r.Last != tt.last ||
				r.Key != journal.Fingerprint(private.Public().(ed25519.PublicKey)) || r.Source != k.source {
				t.Errorf("%s as %s: %+v", tt.name, form, r)
			}
		}
		if strings.Contains(table.String(), ",=") {
			t.Errorf("%s: a formula in\n%s", tt.name, table.String())
		}
	}
}

// The last event of an export is held to the manifest's hash, also where as many
// events are left out as are in it.
func TestLastEventIsHeldToTheManifest(t *testing.T) {
	k := newTill("tilld/v1/acme/sh-001/03")
	k.sale(1, 100)
	k.add("drawer.opened", "", `{"reason":"x"}`)
	k.add("drawer.opened", "", `{"reason":"x"}`)
	k.sale(2, 200)
	file := k.export(t, journal.Filter{Types: []string{"tilld.sale.closed.v1"}})
	if r := verify(t, "whole", file); !r.OK() || r.Events != 2 || r.Omitted != 2 {
		t.Fatalf("%+v", r)
	}
	r := verify(t, "changed", bytes.Replace(file, []byte(`"total":200`), []byte(`"total":100`), 1))
	if len(r.Problems) == 0 || r.Problems[0].Kind != "changed" || r.Problems[0].Sequence != 4 {
		t.Errorf("problems %+v, want event 4 changed", r.Problems)
	}
}

// Whatever is done to an export is named, with the event it was done to.
func TestTampered(t *testing.T) {
	k := sales(20)
	whole := k.export(t, journal.Filter{})
	lines := bytes.SplitAfter(whole, []byte("\n"))[:21]
	edit := func(f func(l [][]byte) [][]byte) []byte {
		c := make([][]byte, len(lines))
		for i, l := range lines {
			c[i] = bytes.Clone(l)
		}
		return bytes.Join(f(c), nil)
	}
	// A whole other history from event 10 on, whose hashes fit.
	fork := newTill(k.source)
	fork.lines, fork.seq, fork.prev = append([][]byte{}, k.lines[:9]...), 9, sha256.Sum256(k.lines[8])
	for i := 10; i <= 20; i++ {
		fork.sale(i, 1)
	}
	for _, tt := range []struct {
		name string
		file []byte
		want string
	}{
		{"changed", edit(func(l [][]byte) [][]byte {
			l[6] = bytes.Replace(l[6], []byte(`"total":106`), []byte(`"total":107`), 1)
			return l
		}), "changed 7"},
		{"first changed", edit(func(l [][]byte) [][]byte {
			l[0] = bytes.Replace(l[0], []byte(`"total":100`), []byte(`"total":101`), 1)
			return l
		}), "changed 1"},
		{"last changed", edit(func(l [][]byte) [][]byte {
			l[19] = bytes.Replace(l[19], []byte(`"total":119`), []byte(`"total":0`), 1)
			return l
		}), "changed 20"},
		{"prevhash changed", edit(func(l [][]byte) [][]byte {
			l[6] = bytes.Replace(l[6], []byte(`"prevhash":"`), []byte(`"prevhash":"0`), 1)
			return l
		}), "unreadable 0"},
		{"missing", edit(func(l [][]byte) [][]byte { return append(l[:6], l[8:]...) }), "missing 7"},
		{"missing at the beginning", edit(func(l [][]byte) [][]byte { return l[2:] }), "missing 1"},
		{"missing at the end", edit(func(l [][]byte) [][]byte { return append(l[:18], l[20]) }), "missing 19"},
		{"doubled", edit(func(l [][]byte) [][]byte { return append(l[:8], append([][]byte{l[7]}, l[8:]...)...) }), "doubled 8"},
		{"exchanged", edit(func(l [][]byte) [][]byte { l[7], l[8] = l[8], l[7]; return l }), "missing 8"},
		{"cut off", whole[:len(whole)-50], "changed 0"},
		{"without its end", bytes.Join(lines[:20], nil), "manifest 0"},
		{"forked with the old manifest", append(fork.ledger(), lines[20]...), "changed 20"},
		{"another number", edit(func(l [][]byte) [][]byte {
			l[6] = bytes.Replace(l[6], []byte(`00007"`), []byte(`00008"`), 1)
			return l
		}), "unreadable 0"},
		{"manifest changed", edit(func(l [][]byte) [][]byte {
			l[20] = bytes.Replace(l[20], []byte(`"events":20`), []byte(`"events":19`), 1)
			return l
		}), "signature 0"},
		{"something after it", append(bytes.Clone(whole), k.lines[0]...), "changed 0"},
		{"a line after it", append(bytes.Clone(whole), append(bytes.Clone(k.lines[0]), '\n')...), "manifest 0"},
		{"a member twice", edit(func(l [][]byte) [][]byte {
			l[6] = bytes.Replace(l[6], []byte(`"data":`), []byte(`"sequence":"00000000000000000009","data":`), 1)
			return l
		}), "unreadable 0"},
	} {
		r := verify(t, tt.name, tt.file)
		if r.OK() {
			t.Errorf("%s: nothing found", tt.name)
			continue
		}
		if got := fmt.Sprintf("%s %d", r.Problems[0].Kind, r.Problems[0].Sequence); got != tt.want {
			t.Errorf("%s: %s, want %s: %v", tt.name, got, tt.want, r.Problems)
		}
	}
	// What no hash of the chain covers is covered by the digest.
	filtered := k.export(t, journal.Filter{Types: []string{"tilld.sale.closed.v1"}})
	if r := verify(t, "relabelled", bytes.Replace(filtered, []byte(`"filtered":1`), []byte(`"erased":1`), 1)); r.OK() || r.Problems[0].Kind != "forked" {
		t.Errorf("a run that was filtered is called erased: %+v", r.Problems)
	}
	// Columns that say something else than the event.
	var table bytes.Buffer
	if err := journal.WriteCSV(&table, bytes.NewReader(whole)); err != nil {
		t.Fatal(err)
	}
	forged := bytes.Replace(table.Bytes(), []byte(",106,CNY"), []byte(",999,CNY"), 1)
	if r := verify(t, "csv", forged); r.OK() || r.Problems[0].Kind != "changed" || r.Problems[0].Line != 8 {
		t.Errorf("forged column: %+v", r.Problems)
	}
}

// A declared loss is none; a stand-in for other bytes is.
func TestStandIn(t *testing.T) {
	k := sales(3)
	lost := k.add("sale.closed", "", `{"id":"S9"}`)
	hash := journal.Hash(sha256.Sum256(lost))
	k.sale(5, 500)
	before := sha256.Sum256(k.lines[2])
	stand := newTill(k.source)
	stand.seq, stand.prev = 3, before
	k.lines[3] = stand.add("record.damaged", "", `{"reason":"checksum","original_hash":"`+hash.String()+`"}`)
	if r := verify(t, "stand-in", k.export(t, journal.Filter{})); !r.OK() || r.Events != 5 {
		t.Errorf("%+v", r)
	}
}

func TestJoin(t *testing.T) {
	k := sales(20)
	all := k.export(t, journal.Filter{})
	part := func(from, to int) []byte {
		return k.export(t, journal.Filter{From: noon.Add(time.Duration(from) * time.Minute), To: noon.Add(time.Duration(to+1) * time.Minute)})
	}
	fork := sales(20)
	fork.lines, fork.seq, fork.prev = fork.lines[:9], 9, sha256.Sum256(fork.lines[8])
	for i := 10; i <= 22; i++ {
		fork.sale(i, 1)
	}
	for _, tt := range []struct {
		name  string
		files [][]byte
		want  string
	}{
		{"in a row", [][]byte{part(1, 7), part(8, 20)}, "[]"},
		{"out of order", [][]byte{part(8, 20), part(1, 7)}, "[]"},
		{"overlapping", [][]byte{part(1, 10), part(5, 20), all}, "[]"},
		{"a gap", [][]byte{part(1, 7), part(10, 20)}, "[missing 8]"},
		{"a fork", [][]byte{all, fork.export(t, journal.Filter{})}, "[forked 10]"},
		{"a fork behind", [][]byte{part(1, 10), fork.export(t, journal.Filter{From: noon.Add(11 * time.Minute)})}, "[forked 11]"},
	} {
		var reports []journal.Report
		for i, b := range tt.files {
			r := verify(t, fmt.Sprint(i), b)
			if !r.OK() {
				t.Fatalf("%s: %+v", tt.name, r)
			}
			reports = append(reports, r)
		}
		list, err := journal.Join(reports, func(file string) (io.ReadCloser, error) {
			var i int
			fmt.Sscan(file, &i)
			return io.NopCloser(bytes.NewReader(tt.files[i])), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, p := range list {
			got = append(got, fmt.Sprint(p.Kind, " ", p.Sequence))
		}
		if fmt.Sprint(got) != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, list, tt.want)
		}
	}
}

// What somebody else wrote is never believed, and never more than a report.
func FuzzVerify(f *testing.F) {
	k := sales(6)
	whole := k.export(f, journal.Filter{Types: []string{"tilld.sale.closed.v1"}}, 2)
	var table bytes.Buffer
	if err := journal.WriteCSV(&table, bytes.NewReader(whole)); err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(table.Bytes())
	f.Add([]byte(`{"omitted":{"first":1,"last":18446744073709551615}}` + "\n" + `{"manifest":{},"signature":"","key":""}` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := journal.Check{}.Verify("f", bytes.NewReader(b))
		if err == nil && r.OK() && !bytes.Equal(b, whole) && !bytes.Contains(b, []byte(`"manifest"`)) {
			t.Fatalf("%q is whole: %+v", b, r)
		}
		if err == nil && r.OK() && r.Key != journal.Fingerprint(private.Public().(ed25519.PublicKey)) {
			var s struct{ Key []byte } // signed by somebody who has made a key: fine, and said
			_ = json.Unmarshal(b[bytes.LastIndexByte(bytes.TrimSpace(b), '\n')+1:], &s)
		}
		var books journal.Books
		open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
		if books.Read("f", open) == nil {
			journal.Settle(&books, &books, "")
		}
	})
}

// stream makes the lines of n events on the way.
type stream struct {
	k    *till
	left int
	buf  []byte
}

func (s *stream) Read(p []byte) (int, error) {
	if len(s.buf) == 0 {
		if s.left == 0 {
			return 0, io.EOF
		}
		s.left--
		s.buf = append(s.k.sale(int(s.k.seq)+1, 500), '\n')
		s.k.lines = nil
	}
	n := copy(p, s.buf)
	s.buf = s.buf[n:]
	return n, nil
}

// A year's journal is checked in the memory of a day's.
func TestConstantMemory(t *testing.T) {
	n := 20_000
	if testing.Short() {
		n = 2_000
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r, err := journal.Check{NoManifest: true}.Verify("f", &stream{k: newTill("s"), left: n})
	runtime.GC()
	runtime.ReadMemStats(&after)
	if err != nil || !r.OK() || r.Events != uint64(n) {
		t.Fatalf("%+v, %v", r, err)
	}
	if grown := int64(after.HeapInuse) - int64(before.HeapInuse); grown > 4<<20 {
		t.Errorf("%d bytes more in use after %d events", grown, n)
	}
	runtime.KeepAlive(r)
}

func BenchmarkVerify(b *testing.B) {
	r, err := journal.Check{NoManifest: true}.Verify("f", &stream{k: newTill("s"), left: b.N})
	if err != nil || !r.OK() {
		b.Fatalf("%+v, %v", r, err)
	}
}
