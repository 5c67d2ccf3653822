package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	sim "tilld/internal/sim/broker"
)

// broker is an MQTT broker on a loopback port that stays the same while it is
// stopped and started.
type broker interface {
	Start(ctx context.Context) error
	Stop() error // at once, without goodbyes, as when the machine fails
	Port() int
	Running() bool
}

// newBroker makes a broker of a kind; dir is for its files.
func newBroker(kind, dir string) (broker, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	switch kind {
	case "embedded":
		return &embedded{port: port}, nil
	case "mosquitto":
		path, err := exec.LookPath("mosquitto")
		if err != nil {
			path = "/usr/sbin/mosquitto" // not in an ordinary user's PATH
			if _, err := os.Stat(path); err != nil {
				return nil, fmt.Errorf("mosquitto is not installed (apt-get install mosquitto), or use --broker embedded: %w", err)
			}
		}
		return &mosquitto{path: path, dir: dir, port: port}, nil
	}
	return nil, fmt.Errorf("no broker %q: mosquitto or embedded", kind)
}

// ports are those that freePort has given out.
var ports sync.Map

// freePort finds a port nobody listens on now, without listening there itself: a
// child that is being started would hold it for a moment. It is one that systems
// do not give to whoever asks for any port, and no other shop's here: it is still
// free when its program, killed, is started again.
func freePort() (int, error) {
	for range 100 {
		port := 15_000 + rand.IntN(15_000)
		if _, given := ports.LoadOrStore(port, true); given {
			continue
		}
		c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			return port, nil
		}
		c.Close()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, errors.New("no TCP port")
	}
	return addr.Port, l.Close()
}

// embedded is a broker inside this process.
type embedded struct {
	port int

	mu     sync.Mutex
	server *sim.Broker
}

func (e *embedded) Port() int { return e.port }

func (e *embedded) Running() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.server != nil
}

func (e *embedded) Start(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.server != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		s, err := sim.Listen(net.JoinHostPort("127.0.0.1", strconv.Itoa(e.port)))
		if err == nil {
			e.server = s
			return nil
		}
		// A program that is being started holds what was open here, closed since,
		// until it runs.
		if !errors.Is(err, syscall.EADDRINUSE) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (e *embedded) Stop() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.server == nil {
		return nil
	}
	err := e.server.Close()
	e.server = nil
	return err
}

// mosquitto is Debian's broker as a child process.
type mosquitto struct {
	path, dir string
	port      int

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{}
}

func (m *mosquitto) Port() int { return m.port }

func (m *mosquitto) Running() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cmd != nil
}

// Start returns once the broker listens.
func (m *mosquitto) Start(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cmd != nil {
		return nil
	}
	conf := filepath.Join(m.dir, "mosquitto.conf")
	text := fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\nmax_queued_messages 0\n"+
		"max_inflight_messages 0\nlog_dest file %s\nconnection_messages false\n", m.port, filepath.Join(m.dir, "mosquitto.log"))
	if os.Geteuid() == 0 {
		text += "user root\n" // its log is in our directory
	}
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return err
	}
	cmd := exec.Command(m.path, "-c", conf)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("mosquitto: %w", err)
	}
	m.cmd, m.done = cmd, make(chan struct{})
	go func(done chan struct{}) {
		defer close(done)
		cmd.Wait() // killed below, or found dead by the dial loop
	}(m.done)
	for {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(m.port)))
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-m.done:
			m.cmd = nil
			return errors.New("mosquitto ended at once; see mosquitto.log")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (m *mosquitto) Stop() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cmd == nil {
		return nil
	}
	err := m.cmd.Process.Kill()
	<-m.done
	m.cmd = nil
	return err
}
