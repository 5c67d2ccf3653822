package link

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Limits of the connection.
const (
	// maxPacket is the largest remaining length of an MQTT packet taken from the
	// broker: a signed message of 256 KiB with its topic. The library allocates
	// what the fixed header announces, up to 256 MiB, before the first byte.
	maxPacket = maxMessage + 512
	// writeChunk has to go out within writeStall, else the peer has stopped
	// reading and the connection is dead.
	writeChunk = 8 << 10
	writeStall = 10 * time.Second
	readBuffer = 2 << 10
)

// errPacket says that the broker announced a packet beyond maxPacket.
var errPacket = errors.New("link: the broker announced a packet that is too large")

// wire is the connection to the broker as the MQTT library gets it. It reads
// through a buffer (the library reads headers byte by byte), refuses oversized
// packets at their header, and gives up on a peer that takes no bytes: without
// that a half-open link with a full send buffer goes unnoticed, since the
// keep-alive's ping waits behind it.
type wire struct {
	net.Conn
	r    *bufio.Reader
	left int64 // bytes of the current packet not read yet, its header included

	wmu  sync.Mutex // one packet at a time
	sent func()     // called after each PUBLISH, written or not; may be nil

	mu  sync.Mutex
	err error // the first error of the connection
}

func newWire(c net.Conn) *wire {
	return &wire{Conn: c, r: bufio.NewReaderSize(c, readBuffer)}
}

// Read reads, never across the end of a packet.
func (w *wire) Read(p []byte) (int, error) {
	if w.left == 0 {
		n, err := w.next()
		if err != nil {
			return 0, w.note(err)
		}
		w.left = n
	}
	if int64(len(p)) > w.left {
		p = p[:w.left]
	}
	n, err := w.r.Read(p)
	w.left -= int64(n)
	return n, w.note(err)
}

// next reads ahead the fixed header of the next packet and returns the whole
// packet's length (MQTT 3.1.1 §2.2.3).
func (w *wire) next() (int64, error) {
	length, shift := int64(0), 0
	for i := 2; i <= 5; i++ {
		b, err := w.r.Peek(i)
		if err != nil {
			return 0, err
		}
		length |= int64(b[i-1]&0x7f) << shift
		shift += 7
		if b[i-1]&0x80 == 0 {
			if length > maxPacket {
				return 0, fmt.Errorf("%w: %d bytes, at most %d", errPacket, length, maxPacket)
			}
			return length + int64(i), nil
		}
	}
	return 0, fmt.Errorf("%w: length of more than 4 bytes", errPacket)
}

// Write writes p whole. It may take longer than writeStall on a slow line, as
// long as bytes go out.
func (w *wire) Write(p []byte) (int, error) {
	w.wmu.Lock()
	defer w.wmu.Unlock()
	if w.sent != nil && len(p) > 0 && p[0]>>4 == 3 { // the library writes a packet at once
		defer w.sent()
	}
	done := 0
	for done < len(p) {
		if err := w.Conn.SetWriteDeadline(time.Now().Add(writeStall)); err != nil {
			return done, w.note(err)
		}
		n, err := w.Conn.Write(p[done:min(done+writeChunk, len(p))])
		done += n
		if err != nil {
			return done, w.note(err)
		}
	}
	return done, nil
}

// SetWriteDeadline does nothing: Write has its own, by progress.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// note keeps the first error, which says more than what the library makes of it.
func (w *wire) note(err error) error {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) {
		err = errGone
	}
	if err != nil {
		w.mu.Lock()
		if w.err == nil {
			w.err = err
		}
		w.mu.Unlock()
	}
	return err
}

// cause is the first error of the connection, nil while it is fine.
func (w *wire) cause() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// errGone replaces net.ErrClosed, whose text the MQTT library takes as a reason
// not to report a lost connection.
var errGone = errors.New("link: connection given up")
