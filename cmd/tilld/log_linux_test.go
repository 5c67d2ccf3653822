package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"syscall"
	"testing"
)

func TestJournalPriorities(t *testing.T) {
	var b bytes.Buffer
	drop := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	log := slog.New(newJournalHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: drop}))
	log.Info("a")
	log.With("part", "queue").Warn("b")
	log.WithGroup("g").Error("c", "x", 1)
	log.Debug("d")
	want := `<6>{"level":"INFO","msg":"a"}
<4>{"level":"WARN","msg":"b","part":"queue"}
<3>{"level":"ERROR","msg":"c","g":{"x":1}}
<7>{"level":"DEBUG","msg":"d"}
`
	if b.String() != want {
		t.Errorf("%s\nwant\n%s", b.String(), want)
	}
}

func TestInJournal(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var st syscall.Stat_t
	if err := syscall.Fstat(int(f.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	this := fmt.Sprintf("%d:%d", st.Dev, st.Ino)
	if !inJournal(f, this) || inJournal(f, "") || inJournal(f, this+"1") {
		t.Error("the stream is not told by device and inode")
	}
}
