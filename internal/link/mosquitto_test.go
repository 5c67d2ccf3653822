package link

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// ports are those that freePort has given out.
var ports sync.Map

// freePort returns a loopback port that was free a moment ago, below those that
// the system gives to whoever asks for any.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 12_000 + rand.IntN(3_000)
		if _, given := ports.LoadOrStore(port, true); given {
			continue
		}
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// mosquitto is the real broker in a process of its own.
type mosquitto struct {
	Port int
	dir  string
	cmd  *exec.Cmd
	log  *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startMosquitto starts the broker with extra lines of configuration; a line
// "%PORT%" stands for its port, the listener comes first.
func startMosquitto(t testing.TB, extra string) *mosquitto {
	t.Helper()
	m := &mosquitto{Port: freePort(t), dir: t.TempDir(), log: &lockedBuffer{}}
	conf := fmt.Sprintf("listener %d 127.0.0.1\nset_tcp_nodelay true\nlog_type error\nlog_type warning\nlog_type notice\nmax_queued_messages 0\nmax_inflight_messages 200\n%s\n", m.Port, extra)
	if os.Geteuid() == 0 {
		conf = "user root\n" + conf // else it drops to a user that cannot read the test's files
	}
	if extra == "" {
		conf += "allow_anonymous true\n"
	}
	if err := os.WriteFile(filepath.Join(m.dir, "mosquitto.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	m.start(t)
	t.Cleanup(m.stop)
	return m
}

func (m *mosquitto) url() string { return fmt.Sprintf("mqtt://127.0.0.1:%d", m.Port) }

func (m *mosquitto) start(t testing.TB) {
	t.Helper()
	bin, err := exec.LookPath("mosquitto")
	if err != nil {
		bin = "/usr/sbin/mosquitto"
	}
	m.cmd = exec.Command(bin, "-c", filepath.Join(m.dir, "mosquitto.conf"))
	m.cmd.Stdout, m.cmd.Stderr = m.log, m.log
	dieWithParent(m.cmd)
	if err := m.cmd.Start(); err != nil {
		t.Fatalf("mosquitto is needed for this test (apt-get install mosquitto): %v", err)
	}
	deadline := time.Now().Add(60 * time.Second)
	for time.Now().Before(deadline) {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", m.Port))
		if err == nil {
			c.Close()
			return
		}
		time.Sleep(5 * time.Millisecond) // polling another process; the deadline is what counts
	}
	t.Fatalf("mosquitto does not listen:\n%s", m.log)
}

// stop ends the broker; a second call does nothing.
func (m *mosquitto) stop() {
	if m.cmd != nil {
		m.cmd.Process.Kill()
		m.cmd.Wait()
		m.cmd = nil
	}
}
