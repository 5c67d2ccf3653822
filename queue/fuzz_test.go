package queue

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// FuzzRecord: whatever parses means the same after it is written again.
func FuzzRecord(f *testing.F) {
	for _, r := range []record{
		{kind: kindHeader},
		{kind: kindCommit, lsn: 7, at: 1, ops: []op{{key: fullKey(Sales, []byte("a")), value: []byte("1")}, {key: fullKey(outbox, eventKey(1, 2)), del: true}}},
		{kind: kindCommit, lsn: 8, ops: []op{{key: fullKey(State, []byte("empty")), value: []byte{}}}},
	} {
		f.Add(appendFrame(nil, r)[frameHead:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseRecord(b)
		if err != nil {
			return
		}
		again, n, ok := cutFrame(appendFrame(nil, r))
		if !ok || n != frameHead+len(again) {
			t.Fatalf("%+v does not frame", r)
		}
		r2, err := parseRecord(again)
		if err != nil || !reflect.DeepEqual(r, r2) {
			t.Fatalf("%+v became %+v, %v", r, r2, err)
		}
	})
}

// FuzzJournal: any file is read to its end without a panic, commits come in
// ascending order, and a sound frame behind garbage is found.
func FuzzJournal(f *testing.F) {
	var b []byte
	b = appendFrame(b, record{kind: kindHeader})
	for i := range uint64(4) {
		b = appendFrame(b, record{kind: kindCommit, lsn: i + 1, ops: []op{{key: fullKey(State, []byte("k")), value: []byte("v")}}})
	}
	f.Add(b, uint16(0), byte(0))
	f.Add(b, uint16(40), byte(1))
	f.Add(b[:len(b)-5], uint16(len(b)), byte(0x80))
	f.Fuzz(func(t *testing.T, b []byte, at uint16, flip byte) {
		b = bytes.Clone(b)
		if len(b) > 0 {
			b[int(at)%len(b)] ^= flip
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "2026-01-02.log"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		tail := appendFrame(nil, record{kind: kindHeader, lsn: 1 << 40})
		tail = appendFrame(tail, record{kind: kindCommit, lsn: 1<<40 + 1})
		if err := os.WriteFile(filepath.Join(dir, "2026-01-03.log"), tail, 0o600); err != nil {
			t.Fatal(err)
		}
		last, met := uint64(0), false
		out, err := replay(dir, mark{}, 0, nil, func(r record) error {
			if r.lsn <= last {
				t.Errorf("commit %d after %d", r.lsn, last)
			}
			last = r.lsn
			met = met || r.lsn == 1<<40+1
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if !met && last < 1<<40 {
			t.Errorf("the sound file was not read: %+v", out)
		}
		if i := resync(b); i >= 0 {
			if _, _, ok := cutFrame(b[i:]); !ok {
				t.Errorf("no frame at %d", i)
			}
		}
	})
}

// FuzzRecords: stored values of any bytes are refused or mean the same when
// stored again.
func FuzzValue(f *testing.F) {
	c := chain{}.renew()
	f.Add(c.pack())
	f.Add(mark{lsn: 3, file: "x.log", off: 9, clean: true}.pack())
	f.Add(stored{boot: 3, standIn: true, packed: []byte("{}")}.pack())
	f.Add(packValue("state\x00k", entry{value: []byte("v"), at: 5}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := unpackChain(b); err == nil && !bytes.Equal(c.pack(), b) {
			t.Errorf("chain %x", b)
		}
		if e, err := unpackStored(b); err == nil && !bytes.Equal(e.pack(), b) {
			t.Errorf("event %x", b)
		}
		if m, err := unpackMark(b); err == nil {
			if m2, err := unpackMark(m.pack()); err != nil || m != m2 {
				t.Errorf("mark %x", b)
			}
		}
		if e, err := unpackValue("state\x00k", b); err == nil && !bytes.Equal(packValue("state\x00k", e), b) {
			t.Errorf("value %x", b)
		}
		splitEventKey(b)
	})
}

// FuzzFile: a file of any damage is walked without a panic, and what is called
// sound can be mapped.
func FuzzFile(f *testing.F) {
	dir := f.TempDir()
	s := mustOpen(f, testOptions(dir))
	appendN(f, s, 3)
	mustClose(f, s)
	b, err := os.ReadFile(filepath.Join(dir, dbName))
	if err != nil {
		f.Fatal(err)
	}
	b = b[:usedPages(b)*4096]
	f.Add(uint32(16), byte(1), uint32(0), byte(0), uint32(len(b)))
	f.Add(uint32(3*4096+10), byte(0xFF), uint32(2*4096+17), byte(3), uint32(len(b)-1))
	f.Fuzz(func(t *testing.T, at uint32, flip byte, at2 uint32, flip2 byte, cut uint32) {
		c := bytes.Clone(b)
		c[int(at)%len(c)] ^= flip
		c[int(at2)%len(c)] ^= flip2
		c = c[:min(int(cut), len(c))]
		path := filepath.Join(t.TempDir(), dbName)
		if err := os.WriteFile(path, c, 0o600); err != nil {
			t.Fatal(err)
		}
		st, err := checkFile(path, tree{}, true, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(st.found) == 0 && len(c) == len(b) {
			if err := boltCheck(path); err != nil {
				t.Errorf("called sound, but: %v", err)
			}
		}
	})
}
