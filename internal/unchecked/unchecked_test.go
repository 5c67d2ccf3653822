package unchecked_test

import (
	"os"
	"path/filepath"
	"testing"

	"tilld/internal/unchecked"
)

func TestSkipIsListed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "list")
	t.Setenv(unchecked.File, file)
	for _, why := range []string{"no hammer", "no nails\nat all"} {
		t.Run("wall", func(t *testing.T) {
			unchecked.Skip(t, "%s", why)
			t.Error("goes on")
		})
	}
	got, err := os.ReadFile(file)
	if want := "TestSkipIsListed/wall: no hammer\nTestSkipIsListed/wall#01: no nails\n"; err != nil || string(got) != want {
		t.Errorf("listed %q, %v, want %q", got, err, want)
	}
}
