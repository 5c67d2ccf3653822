package main

import (
	"context"
	"io"
	"log/slog"
	"sync"
)

// journalHandler writes JSON lines with the priority in front by which systemd's
// journal sorts them (sd-daemon(3)): journalctl -p warning -u tilld. The journal
// takes the mark off.
type journalHandler struct {
	slog.Handler
	out *markedWriter
}

// markedWriter puts mark before what is written; mu is held over a whole record.
type markedWriter struct {
	w    io.Writer
	mu   sync.Mutex
	mark string
	line []byte
}

func newJournalHandler(w io.Writer, opts *slog.HandlerOptions) journalHandler {
	out := &markedWriter{w: w}
	return journalHandler{slog.NewJSONHandler(out, opts), out}
}

func (h journalHandler) Handle(ctx context.Context, r slog.Record) error {
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	switch {
	case r.Level >= slog.LevelError:
		h.out.mark = "<3>"
	case r.Level >= slog.LevelWarn:
		h.out.mark = "<4>"
	case r.Level >= slog.LevelInfo:
		h.out.mark = "<6>"
	default:
		h.out.mark = "<7>"
	}
	return h.Handler.Handle(ctx, r)
}

func (h journalHandler) WithAttrs(as []slog.Attr) slog.Handler {
	return journalHandler{h.Handler.WithAttrs(as), h.out}
}

func (h journalHandler) WithGroup(name string) slog.Handler {
	return journalHandler{h.Handler.WithGroup(name), h.out}
}

// Write writes mark and record at once: two writes could be two lines.
func (m *markedWriter) Write(p []byte) (int, error) {
	m.line = append(append(m.line[:0], m.mark...), p...)
	if _, err := m.w.Write(m.line); err != nil {
		return 0, err
	}
	return len(p), nil
}
