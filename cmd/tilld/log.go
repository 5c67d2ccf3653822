package main

import (
	"io"
	"log/slog"
	"os"
	"strings"
)

// newLog returns the agent's log: text on a terminal, JSON lines otherwise. The
// level can be changed while the agent runs.
func newLog(file, level string) (*slog.Logger, *slog.LevelVar, io.Closer, error) {
	var v slog.LevelVar
	if err := v.UnmarshalText([]byte(strings.ToUpper(level))); err != nil {
		return nil, nil, nil, err
	}
	opts := &slog.HandlerOptions{Level: &v}
	if file != "" {
		f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, nil, nil, err
		}
		return slog.New(slog.NewJSONHandler(f, opts)), &v, f, nil
	}
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		return slog.New(slog.NewTextHandler(os.Stderr, opts)), &v, io.NopCloser(nil), nil
	}
	if inJournal(os.Stderr, os.Getenv("JOURNAL_STREAM")) {
		return slog.New(newJournalHandler(os.Stderr, opts)), &v, io.NopCloser(nil), nil
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, opts)), &v, io.NopCloser(nil), nil
}
