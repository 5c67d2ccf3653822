package camera

import (
	"bytes"
	"context"
	"image"
	_ "image/jpeg" // frames are JPEG
	_ "image/png"  // or PNG
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/internal/plainfile"
)

const (
	lookEvery   = 100 * time.Millisecond // for new frames
	settle      = 2 * time.Second        // an unreadable file that is younger may still be written
	maxFileSize = 32 << 20               // bytes
)

// folder gives the frames of a directory in the order of their names, each once.
// Whoever writes them should write under another name (or one that begins with a
// dot) and rename.
type folder struct {
	name, path string
	done       map[string]bool // names that were given
	todo       []string        // names found and not yet given
	changed    time.Time       // of the directory, when it was listed
	again      bool            // something may be different though changed is not
}

func (f *folder) close() error { return nil }

func (f *folder) next(ctx context.Context) (image.Image, error) {
	for ctx.Err() == nil {
		if len(f.todo) == 0 {
			if err := f.list(); err != nil {
				return nil, device.PlugIn.Fault(fault.Absent, f.name, "read", err)
			}
		}
		for len(f.todo) > 0 {
			file := f.todo[0]
			f.todo = f.todo[1:]
			img, wait := load(filepath.Join(f.path, file))
			if wait {
				f.again = true // it comes with the next list
				continue
			}
			f.done[file] = true
			return img, nil
		}
		pause(ctx, lookEvery)
	}
	return nil, ctx.Err()
}

// list finds the files that are new and forgets those that are gone.
func (f *folder) list() error {
	st, err := os.Stat(f.path)
	if err != nil {
		return err
	}
	if !f.again && st.ModTime().Equal(f.changed) {
		return nil
	}
	// A file that comes within the tick of the clock does not change the time.
	f.changed, f.again = st.ModTime(), time.Since(st.ModTime()) < time.Second
	entries, err := plainfile.ReadDir(f.path)
	if err != nil {
		return err
	}
	old := f.done
	f.done, f.todo = make(map[string]bool), nil
	for _, e := range entries {
		name := e.Name()
		switch {
		case strings.HasPrefix(name, ".") || e.IsDir() || !slices.Contains([]string{".png", ".jpg", ".jpeg"}, strings.ToLower(filepath.Ext(name))):
		case old[name]:
			f.done[name] = true
		default:
			f.todo = append(f.todo, name)
		}
	}
	return nil
}

// load reads one frame; nil when it is none. wait says that it may become one.
func load(file string) (img image.Image, wait bool) {
	fd, err := plainfile.Open(file)
	if err != nil {
		return nil, false // gone again, or a pipe
	}
	defer fd.Close() // only read from
	st, err := fd.Stat()
	if err != nil || st.Size() > maxFileSize {
		return nil, false
	}
	young := time.Since(st.ModTime()) < settle
	b, err := io.ReadAll(io.LimitReader(fd, maxFileSize))
	if err != nil {
		return nil, young
	}
	cfg, _, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, young
	}
	if cfg.Width < 1 || cfg.Height < 1 || cfg.Width > MaxPixels/cfg.Height {
		return nil, false
	}
	img, _, err = image.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, young
	}
	return img, false
}
