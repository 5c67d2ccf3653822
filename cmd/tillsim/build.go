package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// findTilld returns the tilld to run: the given one, the one beside this
// program, or one built from the source tree into dir.
func findTilld(ctx context.Context, given, dir string) (string, error) {
	if given != "" {
		return filepath.Abs(given)
	}
	self, err := os.Executable()
	if err == nil {
		beside := filepath.Join(filepath.Dir(self), "tilld")
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return beside, nil
		}
	}
	return buildTilld(ctx, dir)
}

// buildTilld needs only Go and the source tree that this process stands in.
func buildTilld(ctx context.Context, dir string) (string, error) {
	root, err := sourceTree()
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "tilld")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", out, "./cmd/tilld")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./cmd/tilld: %w\n%s", err, text)
	}
	return out, nil
}

// sourceTree walks up from the working directory to our go.mod.
func sourceTree() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(mod), "module tilld\n") {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no tilld beside this program and no source tree around: give --tilld PATH")
		}
		dir = up
	}
}
