package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// TestJourneys plays each of the shopper journeys in a shop of its own, six at
// a time: they wait for the shopper most of the time.
func TestJourneys(t *testing.T) {
	t.Parallel()
	path, dir := program(t), t.TempDir()
	type run struct {
		err error
		out bytes.Buffer
	}
	results, room := map[string]*run{}, make(chan struct{}, 6)
	var all sync.WaitGroup
	for _, j := range journeys() {
		r := &run{}
		results[j.id] = r
		all.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			c := journeyCmd{Which: j.id, Broker: "embedded", Tilld: path, Keep: dir}
			r.err = c.run(t.Context(), &r.out)
		})
	}
	all.Wait()
	for _, j := range journeys() {
		t.Run(j.id, func(t *testing.T) {
			if r := results[j.id]; r.err != nil {
				t.Errorf("%v\n%s", r.err, &r.out)
			}
		})
	}
}

// TestJourneyPages: each journey has a page, whose list of what is checked is
// what is checked, whose pictures are there and small.
func TestJourneyPages(t *testing.T) {
	dir := filepath.Join("..", "..", "docs", "journeys")
	index, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	picture := regexp.MustCompile(`!\[[^\]]*\]\(([^)]+\.png)\)`)
	for _, j := range journeys() {
		name := pageName(j.id)
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if !strings.Contains(string(index), "("+name+")") {
			t.Errorf("README.md has no link to %s", name)
		}
		if want := checkedList(j); !strings.Contains(string(text), want) {
			t.Errorf("%s: \"What is checked\" is not what is checked; `tillsim journey %s --facts` prints it:\n%s", name, j.id, want)
		}
		pictures := picture.FindAllStringSubmatch(string(text), -1)
		if len(pictures) < 2 {
			t.Errorf("%s has %d pictures, want the screen and the receipt", name, len(pictures))
		}
		for _, p := range pictures {
			info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(p[1])))
			if err != nil || info.Size() > 60<<10 {
				t.Errorf("%s: picture %s: %v, at most 60 KiB", name, p[1], err)
			}
		}
	}
}
