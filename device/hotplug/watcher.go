package hotplug

import (
	"context"
	"hash/maphash"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// lookEvery is how often /sys is looked at: what a replugged device waits at
// most on systems without uevents.
const lookEvery = time.Second

// Watcher tells its subscribers about arrivals and departures.
type Watcher struct {
	root   string
	log    *slog.Logger
	listen func(ctx context.Context, heard func(Event)) error

	mu   sync.Mutex
	subs []chan struct{}
}

// New returns a watcher of the hardware below root; "" is the real one.
func New(root string, log *slog.Logger) *Watcher {
	w := &Watcher{root: filepath.Join("/", root), log: log}
	if root == "" {
		w.listen = listen
	}
	return w
}

// Subscribe returns a channel for one slot. It holds one signal: many events
// while the slot is busy are one.
func (w *Watcher) Subscribe() <-chan struct{} {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.subs = append(w.subs, c)
	return c
}

func (w *Watcher) tell() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.subs {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// Run watches until ctx ends; it then returns nil.
func (w *Watcher) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	if w.listen != nil {
		wg.Go(func() {
			err := w.listen(ctx, func(e Event) {
				if e.matters() {
					w.log.Debug("hardware", "action", e.Action, "subsystem", e.Subsystem, "name", e.Name)
					w.tell()
				}
			})
			if ctx.Err() == nil {
				w.log.Info("no kernel events, looking once a second instead", "err", err)
			}
		})
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	seed := maphash.MakeSeed()
	last := w.look(seed)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if now := w.look(seed); now != last {
			last = now
			w.tell()
		}
	}
}

// watched are the folders whose entries come and go with hardware.
var watched = []string{
	"sys/class/tty", "sys/class/usbmisc", "sys/class/input", "sys/class/hidraw", "sys/class/video4linux",
	"dev/serial/by-id", "dev/serial/by-path",
}

// look returns a number that changes when hardware comes or goes: a hash of the
// names in the watched folders and of where they point, which names the socket.
func (w *Watcher) look(seed maphash.Seed) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, folder := range watched {
		entries, err := os.ReadDir(filepath.Join(w.root, folder))
		if err != nil {
			continue // not on this system, or nothing of that kind is plugged in
		}
		for _, e := range entries {
			h.WriteString(folder)
			h.WriteString(e.Name())
			if target, err := os.Readlink(filepath.Join(w.root, folder, e.Name())); err == nil {
				h.WriteString(target)
			}
		}
	}
	return h.Sum64()
}
