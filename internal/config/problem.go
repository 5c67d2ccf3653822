package config

import (
	"fmt"
	"strings"

	"tilld/internal/lang"
)

// Problem is one thing that is wrong with a configuration, for the person who
// wrote it.
type Problem struct {
	File    string // as it was named, or "environment"
	Line    int    // 1, 2, 3 …; 0 when there is no line
	Key     string // "cloud.window", "devices[2].driver"
	What    lang.Text
	Instead lang.Text // what to write instead
}

// In writes the problem as FILE:LINE: key: what is wrong; what to write instead.
func (p Problem) In(t lang.Tag) string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.What.In(t))
	if s := p.Instead.In(t); s != "" {
		b.WriteString("; " + s)
	}
	return b.String()
}

func (p Problem) Error() string { return p.In(lang.EN) }

func text(zh, en string, args ...any) lang.Text {
	return lang.Text{ZH: fmt.Sprintf(zh, args...), EN: fmt.Sprintf(en, args...)}
}
