package main

import (
	"fmt"
	"os"
	"syscall"
)

// inJournal reports whether f is the stream to systemd's journal that
// JOURNAL_STREAM names; the variable alone is handed down to everything.
func inJournal(f *os.File, stream string) bool {
	st, err := f.Stat()
	if err != nil || stream == "" {
		return false
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && stream == fmt.Sprintf("%d:%d", sys.Dev, sys.Ino)
}
