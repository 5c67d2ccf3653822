package sim

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// ErrUnplugged means that nothing can be written because the cable is out.
var ErrUnplugged = errors.New("sim: cable is unplugged")

// Cable is a serial line: a real pseudo-terminal whose far end a till opens
// like any tty. Its path is a symbolic link that stays the same when the device
// is unplugged and plugged in again, as /dev/serial/by-id does.
//
// When the last program lets go of the far end, the cable makes itself a fresh
// pseudo-terminal: bytes nobody read, an exclusive lock and terminal settings
// left behind by a killed program die with the old one.
type Cable struct {
	link string

	mu      sync.Mutex
	near    *os.File // our end, nil while unplugged
	release func() error
	closed  bool
	moved   chan struct{} // closed when near changes
}

// NewCable makes a cable that a till finds under dir/name.
func NewCable(dir, name string) (*Cable, error) {
	c := &Cable{link: filepath.Join(dir, name), moved: make(chan struct{})}
	if err := c.Plug(); err != nil {
		return nil, err
	}
	return c, nil
}

// Path is what a till opens.
func (c *Cable) Path() string { return c.link }

// Address is Path as a device address of the till's configuration.
func (c *Cable) Address(baud int) string { return fmt.Sprintf("serial://%s?baud=%d", c.link, baud) }

// Plug makes the device appear. It does nothing when it is there.
func (c *Cable) Plug() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return os.ErrClosed
	}
	if c.near != nil {
		return nil
	}
	return c.open()
}

// Unplug makes the device vanish: the far end sees a hang-up, its path is gone.
func (c *Cable) Unplug() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.drop()
}

// Plugged reports whether the device is there.
func (c *Cable) Plugged() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.near != nil
}

// Close unplugs for good and ends a Read that waits.
func (c *Cable) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	return c.drop()
}

// open needs mu.
func (c *Cable) open() error {
	near, far, release, err := openPTY()
	if err != nil {
		return fmt.Errorf("sim: pseudo-terminal: %w", err)
	}
	fresh := c.link + ".new"
	err = os.Symlink(far, fresh)
	if err == nil {
		err = os.Rename(fresh, c.link)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("sim: pseudo-terminal: %w", err), release())
	}
	c.near, c.release = near, release
	c.announce()
	return nil
}

// drop needs mu.
func (c *Cable) drop() error {
	c.announce()
	if c.near == nil {
		return nil
	}
	// The path goes first: once released, the terminal's number may be the next
	// program's, and whoever still follows the path would open that one.
	err := errors.Join(os.Remove(c.link), c.release())
	c.near, c.release = nil, nil
	return err
}

// announce needs mu.
func (c *Cable) announce() {
	close(c.moved)
	c.moved = make(chan struct{})
}

// Read returns what the far end wrote. It waits through unplugging and through
// times when no program has the far end open; only Close ends it, with io.EOF.
func (c *Cable) Read(b []byte) (int, error) {
	for {
		c.mu.Lock()
		near, moved, closed := c.near, c.moved, c.closed
		c.mu.Unlock()
		if closed {
			return 0, io.EOF
		}
		if near == nil {
			<-moved
			continue
		}
		n, err := near.Read(b)
		if n > 0 {
			return n, nil
		}
		if err := c.hungUp(near, err); err != nil {
			return 0, err
		}
	}
}

// hungUp deals with a failed read on near: our own doing, or the far end's
// last close, after which a fresh terminal takes over.
func (c *Cable) hungUp(near *os.File, cause error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.near != near {
		return nil
	}
	if !errors.Is(cause, syscall.EIO) && !errors.Is(cause, io.EOF) {
		return fmt.Errorf("sim: cable: %w", cause)
	}
	release := c.release
	err := c.open() // first, so that the new one has another number
	return errors.Join(err, release())
}

// writeLimit is how long a write waits for a far end that reads nothing.
const writeLimit = 2 * time.Second

// Write sends bytes to the far end. When nobody reads there and the terminal's
// buffer (about 4 KiB) is full, the write fails after two seconds: a real line
// without flow control would have lost the bytes.
func (c *Cable) Write(b []byte) (int, error) {
	c.mu.Lock()
	near := c.near
	c.mu.Unlock()
	if near == nil {
		return 0, ErrUnplugged
	}
	if err := near.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return 0, err
	}
	return near.Write(b)
}
