package main

import (
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// tillFile is the name of what the agent puts into its data directory, or finds
// there when it is a disk of its own.
var tillFile = regexp.MustCompile(`^(till\.|\.?api-token|till-key|day-keys|http-addr$|reserve|journal$|snapshots$|slots$|firmware$|playlist|torn$|devices\.json|guard\.lock$|update\.lock$|lost\+found$)`)

// openDataDir makes the data directory and the folders that the updates fill
// later, so that what may be in it is there from the first start. A directory
// that others can look into is closed to them if it is ours: one with anything
// else in it (somebody's home, /tmp) keeps its mode, and the log says so.
func openDataDir(dir string, log *slog.Logger) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	st, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if st.Mode().Perm()&0o077 != 0 && filepath.Separator == '/' { // modes mean nothing elsewhere
		entries, err := os.ReadDir(dir)
		if err != nil {
			return fmt.Errorf("data directory: %w", err)
		}
		ours := !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return !tillFile.MatchString(e.Name()) })
		if ours {
			err = os.Chmod(dir, 0o700)
		}
		if !ours || err != nil {
			log.Warn("others can look into the data directory; its mode should be 0700", "dir", dir, "mode", st.Mode().Perm().String(), "err", err)
		}
	}
	for _, name := range []string{"slots", "firmware"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			return fmt.Errorf("data directory: %w", err)
		}
	}
	return nil
}
