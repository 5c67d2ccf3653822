package link

import (
	"bufio"
	"encoding/binary"
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

	publishPacket = 3 // MQTT 3.1.1 §2.2.1
)

// errPacket says that the broker announced a packet beyond maxPacket that is no
// message.
var errPacket = errors.New("link: the broker announced a packet that is too large")

// wire is the connection to the broker as the MQTT library gets it. It reads
// through a buffer (the library reads headers byte by byte), cuts oversized
// messages short, and gives up on a peer that takes no bytes: without that a
// half-open link with a full send buffer goes unnoticed, since the keep-alive's
// ping waits behind it.
type wire struct {
	net.Conn
	r    *bufio.Reader
	head []byte // fixed header that the library gets instead of the one that came
	left int64  // bytes of the current packet not read yet, its header included
	skip int64  // bytes behind them that the library never sees

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
	if len(w.head) > 0 {
		n := copy(p, w.head)
		w.head = w.head[n:]
		return n, nil
	}
	if w.left == 0 {
		if err := w.next(); err != nil {
			return 0, w.note(err)
		}
		if len(w.head) > 0 {
			return w.Read(p)
		}
	}
	if int64(len(p)) > w.left {
		p = p[:w.left]
	}
	n, err := w.r.Read(p)
	w.left -= int64(n)
	return n, w.note(err)
}

// next throws the rest of a packet that was cut away and reads ahead the fixed
// header of the next one (MQTT 3.1.1 §2.2.3).
func (w *wire) next() error {
	for w.skip > 0 {
		n, err := w.r.Discard(int(min(w.skip, 1<<20)))
		w.skip -= int64(n)
		if err != nil {
			return err
		}
	}
	length, shift := int64(0), 0
	for i := 2; i <= 5; i++ {
		b, err := w.r.Peek(i)
		if err != nil {
			return err
		}
		length |= int64(b[i-1]&0x7f) << shift
		shift += 7
		if b[i-1]&0x80 == 0 {
			if length > maxPacket {
				return w.cut(i, length)
			}
			w.left = length + int64(i)
			return nil
		}
	}
	return fmt.Errorf("%w: length of more than 4 bytes", errPacket)
}

// cut lets the library have a message that is too large up to the first byte
// too many: it is acknowledged to the broker and refused like any other. Ending
// the session instead would let one retained message, which every new session
// gets first, keep the till from its cloud for ever.
func (w *wire) cut(header int, length int64) error {
	b, err := w.r.Peek(header + 2)
	if err != nil {
		return err
	}
	kind, qos := b[0]>>4, b[0]>>1&3
	before := 2 + int64(b[header])<<8 + int64(b[header+1]) // topic, packet id
	if qos > 0 {
		before += 2
	}
	if kind != publishPacket || before > maxPacket-maxMessage {
		return fmt.Errorf("%w: %d bytes, at most %d", errPacket, length, maxPacket)
	}
	w.left = before + maxMessage + 1
	w.skip = length - w.left
	w.head = binary.AppendUvarint([]byte{b[0]}, uint64(w.left)) // as MQTT writes lengths
	_, err = w.r.Discard(header)
	return err
}

// Write writes p whole. It may take longer than writeStall on a slow line, as
// long as bytes go out.
func (w *wire) Write(p []byte) (int, error) {
	w.wmu.Lock()
	defer w.wmu.Unlock()
	if w.sent != nil && len(p) > 0 && p[0]>>4 == publishPacket { // the library writes a packet at once
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
