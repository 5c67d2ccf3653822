//go:build unix

package firmware_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tilld/firmware"
)

func TestHostileSticks(t *testing.T) {
	for _, c := range []struct {
		name, text string
		make       func(path string) error
	}{
		{"link", "symbolic link", func(path string) error { return os.Symlink("/etc/hostname", path) }},
		{"pipe", "pipe", func(path string) error { return syscall.Mkfifo(path, 0o600) }},
		{"directory", "directory", func(path string) error { return os.Mkdir(path, 0o700) }},
		{"endless", "longer than allowed", func(path string) error {
			f, err := os.Create(path)
			if err != nil {
				return err
			}
			defer f.Close()
			return f.Truncate(1 << 40)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			b.publish(custom("1.1.0"), "x")
			stick := b.stick()
			path := filepath.Join(stick, "metadata", "timestamp.json")
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := c.make(path); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
			defer cancel()
			_, err := firmware.RunUpdate(ctx, b.options(stick), nil)
			if err == nil || !strings.Contains(err.Error(), c.text) {
				t.Errorf("err = %v, want %q", err, c.text)
			}
		})
	}
	t.Run("link to a folder", func(t *testing.T) {
		b := newBench(t)
		b.publish(custom("1.1.0"), "x")
		stick := b.stick()
		if err := os.Rename(filepath.Join(stick, "metadata"), filepath.Join(stick, "elsewhere")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("elsewhere", filepath.Join(stick, "metadata")); err != nil {
			t.Fatal(err)
		}
		if _, err := b.update(b.options(stick)); err == nil || !strings.Contains(err.Error(), "symbolic link") {
			t.Errorf("err = %v", err)
		}
	})
}
