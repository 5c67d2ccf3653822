package main

import (
	"io"
	"log/slog"
	"os"
	"strings"
)

// newLog returns the agent's log: text on a terminal, JSON lines otherwise, and the
// newest of it as JSON lines in held. The level can be changed while the agent runs.
func newLog(file, level string, held *logRing) (*slog.Logger, *slog.LevelVar, io.Closer, error) {
	var v slog.LevelVar
	if err := v.UnmarshalText([]byte(strings.ToUpper(level))); err != nil {
		return nil, nil, nil, err
	}
	opts := &slog.HandlerOptions{Level: &v}
	log := func(h slog.Handler) *slog.Logger {
		return slog.New(slog.NewMultiHandler(h, slog.NewJSONHandler(held, opts)))
	}
	if file != "" {
		f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, nil, nil, err
		}
		return log(slog.NewJSONHandler(f, opts)), &v, f, nil
	}
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		return log(slog.NewTextHandler(os.Stderr, opts)), &v, io.NopCloser(nil), nil
	}
	if inJournal(os.Stderr, os.Getenv("JOURNAL_STREAM")) {
		return log(newJournalHandler(os.Stderr, opts)), &v, io.NopCloser(nil), nil
	}
	return log(slog.NewJSONHandler(os.Stderr, opts)), &v, io.NopCloser(nil), nil
}
