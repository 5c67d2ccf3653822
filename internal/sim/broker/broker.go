// Package broker is an MQTT broker inside this process, for demonstrations and
// tests: mochi-mqtt on one loopback port, anybody may do anything, nothing is
// kept on disk.
package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
)

// Broker serves clients until it is closed.
type Broker struct {
	server *mochi.Server
	door   *door
	once   sync.Once
	err    error
}

// Listen starts a broker at an address such as "127.0.0.1:0".
func Listen(addr string) (*Broker, error) {
	caps := mochi.NewDefaultServerCapabilities()
	caps.MaximumClientWritesPending = 64 << 10 // a slow subscriber must not lose what a fleet sends
	s := mochi.New(&mochi.Options{Logger: slog.New(slog.DiscardHandler), Capabilities: caps})
	if err := s.AddHook(new(auth.AllowHook), nil); err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	d := &door{listener: l, inside: map[net.Conn]bool{}}
	if err := errors.Join(s.AddListener(d), s.Serve()); err != nil {
		return nil, errors.Join(fmt.Errorf("broker: %w", err), l.Close())
	}
	return &Broker{server: s, door: d}, nil
}

// Addr is host and port.
func (b *Broker) Addr() string { return b.door.Address() }

// Close ends it at once, without goodbyes, as when the machine fails. It
// returns when all clients are gone and the port is free.
func (b *Broker) Close() error {
	b.once.Do(func() { b.err = b.server.Close() })
	return b.err
}

// door is where clients come in. mochi's own listeners lock up when they are
// closed while a client leaves (2.7.9: the list of clients is locked for reading
// twice, and the leaving client waits for the write lock in between). This one
// asks for no list: it knows its connections, and waits for them.
type door struct {
	listener net.Listener
	serving  sync.WaitGroup

	mu     sync.Mutex
	closed bool
	inside map[net.Conn]bool
}

func (d *door) Init(*slog.Logger) error { return nil }
func (d *door) ID() string              { return "loopback" }
func (d *door) Address() string         { return d.listener.Addr().String() }
func (d *door) Protocol() string        { return "tcp" }

// Serve lets clients in until the listener is closed.
func (d *door) Serve(establish listeners.EstablishFn) {
	for {
		conn, err := d.listener.Accept()
		if err != nil {
			return
		}
		if !d.enter(conn) {
			conn.Close()
			return
		}
		go func() {
			defer d.leave(conn)
			establish(d.ID(), conn) // a client that fails is the client's matter
		}()
	}
}

func (d *door) enter(conn net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	d.inside[conn] = true
	d.serving.Add(1)
	return true
}

func (d *door) leave(conn net.Conn) {
	conn.Close()
	d.mu.Lock()
	delete(d.inside, conn)
	d.mu.Unlock()
	d.serving.Done()
}

// Close cuts every connection and waits until the server is done with it.
func (d *door) Close(listeners.CloseFn) {
	d.listener.Close()
	d.mu.Lock()
	d.closed = true
	for conn := range d.inside {
		conn.Close()
	}
	d.mu.Unlock()
	d.serving.Wait()
}
