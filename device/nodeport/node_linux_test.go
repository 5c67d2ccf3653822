package nodeport

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/creack/pty"
)

// A camera that the poller has is busy for the driver that wants to set it up;
// everything else needs the poller for its deadlines.
func TestCamerasAreNotPolled(t *testing.T) {
	far, near, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	defer near.Close()
	for _, c := range []struct {
		name   string
		open   func(string, int) (*os.File, error)
		polled bool
	}{{"a camera", unpolled, false}, {"a scanner", pollable, true}} {
		f, err := c.open(near.Name(), os.O_RDWR)
		if err != nil {
			t.Fatal(err)
		}
		if polled := !errors.Is(f.SetDeadline(time.Time{}), os.ErrNoDeadline); polled != c.polled {
			t.Errorf("%s is polled: %v", c.name, polled)
		}
		f.Close()
	}
	if _, err := unpolled("/dev/video999", os.O_RDWR); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no camera: %v", err)
	}
}
