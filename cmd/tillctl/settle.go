package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"tilld/internal/journal"
)

type settleCmd struct {
	Brand []string `help:"The brand's view: exports, lines of a receiver's ledger, or directories of them." required:"" placeholder:"FILE"`
	Mall  []string `help:"The mall's view, the same." required:"" placeholder:"FILE"`
	Day   string   `help:"Only this business day." placeholder:"YYYY-MM-DD"`
}

// Run compares: exit 0 when everything is equal or explained, 1 otherwise.
func (c settleCmd) Run(s *session) error {
	var views [2]journal.Books
	for i, list := range [][]string{c.Brand, c.Mall} {
		if err := readBooks(&views[i], list); err != nil {
			return err
		}
	}
	list := journal.Settle(&views[0], &views[1], c.Day)
	open := 0
	for _, x := range list {
		open += x.Unexplained
	}
	if s.json {
		if err := json.NewEncoder(s.out).Encode(map[string]any{"settlements": list, "unexplained": open}); err != nil {
			return err
		}
	} else {
		for _, x := range list {
			s.settlement(x)
		}
	}
	switch {
	case len(list) == 0:
		return fmt.Errorf("there are no sales in the files")
	case open > 0:
		return fmt.Errorf("%d differences are not explained", open)
	}
	return nil
}

func readBooks(b *journal.Books, names []string) error {
	for _, name := range names {
		files := []string{name}
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		if info.IsDir() {
			if files, err = filepath.Glob(filepath.Join(name, "*.jsonl")); err != nil {
				return err
			}
			slices.Sort(files)
		}
		for _, file := range files {
			if err := b.Read(file, func() (io.ReadCloser, error) { return os.Open(file) }); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *session) settlement(x journal.Settlement) {
	fmt.Fprintf(s.out, "till %s, at the mall %s\n", safe(x.Source), safe(x.MallSource))
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "day\tview\tsales\trefunds\tvoids\tgross\trefunded\tnet\tnumbers\ttenders")
	for _, d := range x.Days {
		for _, v := range []struct {
			name string
			s    journal.Sums
		}{{"brand", d.Brand}, {"mall", d.Mall}} {
			fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d %s\t%d of %d\t%s\n", safe(d.Day), v.name, v.s.Sales, v.s.Refunds, v.s.Voids, v.s.Gross, v.s.Refunded, v.s.Net, safe(d.Currency), v.s.Numbers, v.s.Last, safe(tenders(v.s.Tenders)))
		}
	}
	w.Flush()
	fmt.Fprintf(s.out, "%d the same in both", x.Same)
	if len(x.Redacted) > 0 {
		fmt.Fprintf(s.out, " (the mall's without %s)", safe(strings.Join(x.Redacted, ", ")))
	}
	fmt.Fprintf(s.out, ", %d differences, %d of them not explained\n", len(x.Differences), x.Unexplained)
	for _, d := range x.Differences {
		mark := "explained"
		if !d.Explained {
			mark = "NOT EXPLAINED"
		}
		fmt.Fprintf(s.out, "%s: %s %s (%s): %s\n", mark, safe(d.Kind), safe(d.ID), safe(d.Reason), safe(d.Text))
	}
}

func tenders(m map[string]int64) string {
	var list []string
	for k, v := range m {
		list = append(list, fmt.Sprintf("%s %d", k, v))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}
