// Package unchecked is for tests that need what a machine may lack. A run that
// skipped them is not to be taken for one that has looked.
package unchecked

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// File names the environment variable with the file that lists what a run has not
// checked, a line each; unset, nothing is listed.
const File = "TILLD_UNCHECKED"

// Skip skips a test for want of what the text says, and lists it.
func Skip(t testing.TB, format string, args ...any) {
	t.Helper()
	why := fmt.Sprintf(format, args...)
	if err := list(os.Getenv(File), t.Name()+": "+why); err != nil {
		t.Fatalf("%s, and that cannot be listed: %v", why, err)
	}
	t.Skipf("NOT CHECKED: %s", why)
}

func list(file, line string) error {
	if file == "" {
		return nil
	}
	line, _, _ = strings.Cut(line, "\n")
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(line + "\n"); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
