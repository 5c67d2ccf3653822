package feed_test

import (
	"errors"
	"strings"
	"testing"

	"tilld/internal/feed"
)

func TestResumesWithoutGapOrSaysGone(t *testing.T) {
	f := feed.New(7)
	start := f.Last()
	for i := range feed.Held + 10 {
		f.Publish(feed.Scan, map[string]int{"n": i})
	}
	if _, _, err := f.After(start); !errors.Is(err, feed.ErrGone) {
		t.Errorf("dropped items: %v, want ErrGone", err)
	}
	from := f.Last() - 3
	items, more, err := f.After(from)
	if err != nil || len(items) != 3 || items[0].ID != from+1 {
		t.Fatalf("after %d: %d items, %v", from, len(items), err)
	}
	f.Publish(feed.Sale, struct{}{})
	<-more
	if items, _, err = f.After(f.Last()); err != nil || len(items) != 0 {
		t.Errorf("at the end: %d items, %v", len(items), err)
	}
	next := feed.New(8)
	if _, _, err := next.After(f.Last()); !errors.Is(err, feed.ErrGone) {
		t.Errorf("an id of the run before: %v, want ErrGone", err)
	}
	if next.Last() <= f.Last() {
		t.Error("ids do not grow across restarts")
	}
	if _, _, err := next.After(next.Last() + 5); !errors.Is(err, feed.ErrGone) {
		t.Errorf("an id never given out: %v, want ErrGone", err)
	}
}

func TestHeldBytes(t *testing.T) {
	f := feed.New(1)
	start := f.Last()
	big := strings.Repeat("x", 1<<20)
	for range 20 {
		f.Publish(feed.Scene, big)
	}
	if _, _, err := f.After(start); !errors.Is(err, feed.ErrGone) {
		t.Errorf("20 MiB are held: %v", err)
	}
	if items, _, err := f.After(f.Last() - 3); err != nil || len(items) != 3 {
		t.Errorf("the newest are gone: %d, %v", len(items), err)
	}
	f.Publish(feed.Scene, strings.Repeat("x", feed.HeldBytes+1))
	if items, _, err := f.After(f.Last() - 1); err != nil || len(items) != 1 {
		t.Errorf("one huge item: %d, %v", len(items), err)
	}
}
