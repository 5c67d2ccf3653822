package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// What the data directory is made of is there from the first start, for the
// agent's user alone; a directory that holds other things is not closed to them.
func TestOpenDataDir(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes mean nothing there")
	}
	for name, c := range map[string]struct {
		has  []string // files that are there before
		mode os.FileMode
		want os.FileMode
	}{
		"new":        {nil, 0, 0o700},
		"empty":      {nil, 0o755, 0o700},
		"ours":       {[]string{"till.db", "till.lock", "api-token", "day-keys.copy"}, 0o750, 0o700},
		"not ours":   {[]string{"letter.txt"}, 0o755, 0o755},
		"shared":     {[]string{"till.db", "letter.txt"}, 0o777, 0o777},
		"as it was":  {[]string{"letter.txt"}, 0o700, 0o700},
		"wide start": {nil, 0o777, 0o700},
	} {
		dir := filepath.Join(t.TempDir(), "data")
		if c.mode != 0 {
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			for _, name := range c.has {
				if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(dir, c.mode); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 { // and again at the next start
			if err := openDataDir(dir, slog.New(slog.DiscardHandler)); err != nil {
				t.Fatal(err)
			}
		}
		for path, want := range map[string]os.FileMode{dir: c.want, filepath.Join(dir, "slots"): 0o700, filepath.Join(dir, "firmware"): 0o700} {
			if st, err := os.Stat(path); err != nil || st.Mode().Perm() != want {
				t.Errorf("%s: %s: %v, %v; want %v", name, path, st.Mode(), err, want)
			}
		}
	}
}
