package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// timeline collects how long steps took, by name.
type timeline struct {
	names []string
	took  map[string][]time.Duration
}

func (t *timeline) add(name string, d time.Duration) {
	if t.took == nil {
		t.took = map[string][]time.Duration{}
	}
	if _, ok := t.took[name]; !ok {
		t.names = append(t.names, name)
	}
	t.took[name] = append(t.took[name], d)
}

// print writes count, median, 99th percentile and worst of each step.
func (t *timeline) print(w io.Writer) {
	fmt.Fprintf(w, "\n%-44s %5s %9s %9s %9s  ms\n", "step", "n", "p50", "p99", "max")
	for _, name := range t.names {
		d := slices.Sorted(slices.Values(t.took[name]))
		at := func(q float64) time.Duration { return d[min(int(q*float64(len(d))), len(d)-1)] }
		fmt.Fprintf(w, "%-44s %5d %9.1f %9.1f %9.1f\n", name, len(d), ms(at(0.5)), ms(at(0.99)), ms(d[len(d)-1]))
	}
}
