//go:build linux

package guard_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tilld/firmware/guard"
	"tilld/firmware/slots"
)

// The test program plays the agent: its copies in the slots behave as the
// first word after the marker at their end says.
const marker = "\nagent-plays:"

func TestMain(m *testing.M) {
	if os.Getenv(guard.EnvGuard) != "" {
		play()
	}
	os.Exit(m.Run())
}

func play() {
	self, err := os.Executable()
	if err != nil {
		os.Exit(90)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		os.Exit(90)
	}
	role := string(program[bytes.LastIndex(program, []byte(marker))+len(marker):])
	data := os.Args[1]
	note := func(what string) {
		f, err := os.OpenFile(filepath.Join(data, "played"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			os.Exit(91)
		}
		fmt.Fprintf(f, "%s %s\n", role, what)
		f.Close()
	}
	note("start")
	if os.Getenv(guard.EnvData) != data {
		os.Exit(92)
	}
	confirm := func() {
		if slot := slots.Name(os.Getenv(guard.EnvSlot)); slot.Valid() {
			if _, err := slots.At(data).Confirm(slot); err != nil {
				note(err.Error())
			}
		}
		note("healthy")
	}
	kind, _, _ := strings.Cut(role, " ")
	switch kind {
	case "crash":
		os.Exit(7)
	case "killed":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "hang": // runs, but is never healthy, and ignores requests to stop
		ignoreTerm()
		time.Sleep(time.Hour)
	case "sick":
		time.Sleep(time.Hour)
	case "leashed":
		if os.Getenv(guard.EnvStop) != "stdin" {
			os.Exit(93)
		}
		confirm()
		io.Copy(io.Discard, os.Stdin)
		note("stopped")
		os.Exit(0)
	case "restart":
		confirm()
		time.Sleep(30 * time.Millisecond)
		os.Exit(guard.ExitRestart)
	}
	term := onTerm()
	confirm()
	<-term
	note("stopped")
	os.Exit(0)
}

// scene is a data directory, a package's agent and a running guard.
type scene struct {
	t       *testing.T
	data    string
	program []byte
	signals chan os.Signal
	done    chan int
	o       guard.Options

	mu  sync.Mutex
	log []string
}

func newScene(t *testing.T) *scene {
	t.Helper()
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{t: t, data: t.TempDir(), program: program, signals: make(chan os.Signal, 8), done: make(chan int, 1)}
	beside := filepath.Join(t.TempDir(), "tilld")
	if err := os.WriteFile(beside, s.agent("good package"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.o = guard.Options{
		DataDir: s.data, Beside: beside, Args: []string{s.data}, Stderr: os.Stderr,
		HealthTime: 20 * time.Second, StopTime: 5 * time.Second, Poll: 5 * time.Millisecond,
		FirstWait: time.Millisecond, LongestWait: 20 * time.Millisecond, TrialWait: time.Millisecond, SteadyTime: time.Minute,
		Log: func(line string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.log = append(s.log, line)
		},
	}
	t.Cleanup(func() {
		if t.Failed() {
			s.mu.Lock()
			defer s.mu.Unlock()
			t.Logf("guard:\n%s\nplayed:\n%s", strings.Join(s.log, "\n"), s.played())
		}
	})
	return s
}

func (s *scene) agent(role string) []byte { return append(bytes.Clone(s.program), marker+role...) }

func (s *scene) stage(version, role string) slots.Build {
	s.t.Helper()
	program := s.agent(role)
	sum := sha256.Sum256(program)
	d := s.dir()
	slot, part, err := d.Prepare(hex.EncodeToString(sum[:]))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(part, program, 0o700); err != nil {
		s.t.Fatal(err)
	}
	b := slots.Build{Slot: slot, Version: version, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(program))}
	if err := d.Stage(b, part); err != nil {
		s.t.Fatal(err)
	}
	if err := d.Activate(b); err != nil {
		s.t.Fatal(err)
	}
	return b
}

func (s *scene) dir() *slots.Dir {
	s.t.Helper()
	d, err := slots.Open(s.data)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

func (s *scene) start() { go func() { s.done <- guard.Run(s.o, s.signals) }() }

func (s *scene) stop() {
	s.t.Helper()
	s.signals <- syscall.SIGTERM
	s.ends(guard.ExitStopped)
}

func (s *scene) ends(want int) {
	s.t.Helper()
	select {
	case code := <-s.done:
		if code != want {
			s.t.Errorf("guard ended with %d, want %d", code, want)
		}
	case <-time.After(30 * time.Second):
		s.t.Fatal("guard does not end")
	}
}

func (s *scene) played() string {
	data, err := os.ReadFile(filepath.Join(s.data, "played"))
	if err != nil && !os.IsNotExist(err) {
		s.t.Error(err)
	}
	return string(data)
}

// Where no signal can be sent, the end of its standard input asks the agent to
// stop; one that does not care is killed, as with a signal.
func TestStopByStdin(t *testing.T) {
	for role, want := range map[string]int{"leashed": guard.ExitStopped, "sick": guard.ExitFailed} {
		t.Run(role, func(t *testing.T) {
			s := newScene(t)
			s.o.StopByStdin, s.o.StopTime = true, 5*time.Second
			if role == "sick" {
				s.o.StopTime = 50 * time.Millisecond
			}
			if err := os.WriteFile(s.o.Beside, s.agent(role), 0o700); err != nil {
				t.Fatal(err)
			}
			s.start()
			s.until(role+" start", 1)
			s.signals <- os.Interrupt
			s.ends(want)
			if got := strings.Contains(s.played(), "leashed stopped"); got != (role == "leashed") {
				t.Errorf("stopped in order: %v", got)
			}
		})
	}
}

// starts counts how often the guard says that it starts a version.
func (s *scene) starts(version string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range s.log {
		if strings.HasPrefix(line, "starting ") && strings.Contains(line, version) {
			n++
		}
	}
	return n
}

// until waits for n occurrences of what in the agents' notes.
func (s *scene) until(what string, n int) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		if strings.Count(s.played(), what+"\n") >= n {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%q did not happen %d times:\n%s", what, n, s.played())
		}
	}
}

func (s *scene) state() slots.State {
	s.t.Helper()
	st, damage := slots.At(s.data).Load()
	if damage != nil {
		s.t.Error(damage)
	}
	return st
}

func TestPackageRunsWithEmptySlots(t *testing.T) {
	s := newScene(t)
	s.start()
	s.until("good package healthy", 1)
	s.stop()
	if !strings.Contains(s.played(), "good package stopped") {
		t.Error("the agent was not stopped cleanly")
	}
}

func TestGoodUpdate(t *testing.T) {
	s := newScene(t)
	s.start()
	s.until("good package healthy", 1)
	s.stage("1.1.0", "good 1.1.0")
	s.signals <- syscall.SIGUSR1 // take the update now
	s.until("good 1.1.0 healthy", 1)
	s.stage("1.2.0", "good 1.2.0") // into the other slot
	s.signals <- syscall.SIGUSR1
	s.until("good 1.2.0 healthy", 1)
	s.stop()
	st := s.state()
	if st.Active == nil || st.Active.Version != "1.2.0" || st.Previous == nil || st.Previous.Version != "1.1.0" || st.Candidate != nil {
		t.Errorf("state %+v", st)
	}
	s.start()
	s.until("good 1.2.0 healthy", 2)
	s.stop()
}

func TestBadUpdatesAreTakenBack(t *testing.T) {
	for _, c := range []struct {
		role, reason string
		starts       int
	}{
		{"crash", "exit code 7", slots.Tries},
		{"killed", "signal: killed", slots.Tries},
		{"hang", "no health report within", 1},
		{"sick", "no health report within", 1},
	} {
		t.Run(c.role, func(t *testing.T) {
			s := newScene(t)
			s.o.HealthTime, s.o.StopTime = 10*time.Second, 5*time.Second
			if c.role == "hang" || c.role == "sick" {
				s.o.HealthTime, s.o.StopTime = 2*time.Second, 3*time.Second
			}
			b := s.stage("1.1.0", c.role)
			s.start()
			s.until("good package healthy", 1)
			s.stop()
			st := s.state()
			bad, ok := st.IsBad(b.SHA256)
			if !ok || !strings.Contains(bad.Reason, c.reason) || st.Candidate != nil || st.Active != nil {
				t.Errorf("state %+v, want the update given up for %q", st, c.reason)
			}
			// As the guard tells it: a build that is ended soon may not have said so.
			if n := s.starts("1.1.0"); n != c.starts {
				t.Errorf("it was started %d times, want %d", n, c.starts)
			}
		})
	}
}

// The old version of a slot comes back, not the package's.
func TestBackToTheSlotBefore(t *testing.T) {
	s := newScene(t)
	s.stage("1.1.0", "good 1.1.0")
	s.start()
	s.until("good 1.1.0 healthy", 1)
	s.stage("1.2.0", "crash")
	s.signals <- syscall.SIGUSR1
	s.until("good 1.1.0 healthy", 2)
	s.stop()
	if strings.Contains(s.played(), "package") {
		t.Error("the package's version was started")
	}
}

func TestStopDuringTrialCostsNoTry(t *testing.T) {
	s := newScene(t)
	s.stage("1.1.0", "sick")
	for n := range 3 * slots.Tries {
		s.start()
		s.until("sick start", n+1)
		s.signals <- syscall.SIGTERM
		<-s.done // sick dies by the signal
		if st := s.state(); st.Candidate == nil || st.Tries != slots.Tries || st.Trial {
			t.Fatalf("after stop %d: %+v", n+1, st)
		}
	}
}

// Staff switch a till that does not come up off and on again, in good order.
func TestStopsOfASickVersionEndItsTrial(t *testing.T) {
	s := newScene(t)
	s.o.SteadyTime = time.Millisecond
	s.stage("1.1.0", "sick")
	for n := range slots.Tries {
		s.start()
		s.until("sick start", n+1)
		s.signals <- syscall.SIGTERM
		<-s.done
		if st := s.state(); n < slots.Tries-1 && (st.Candidate == nil || st.Tries != slots.Tries-1-n) {
			t.Fatalf("after stop %d: %+v", n+1, st)
		}
	}
	st := s.state()
	if st.Candidate != nil || len(st.Bad) != 1 || !strings.Contains(st.Bad[0].Reason, "no health report") {
		t.Fatalf("%+v", st)
	}
	s.start()
	s.until("good package healthy", 1)
	s.stop()
}

// systemd must not end a trial before the guard does.
func TestTrialAsksForTimeToStart(t *testing.T) {
	name := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s := newScene(t)
	s.o.Env = append(os.Environ(), "NOTIFY_SOCKET="+name)
	s.o.StartTime = 10 * time.Second
	s.stage("1.1.0", "crash")
	s.start()
	s.until("good package healthy", 1)
	for _, want := range []string{"EXTEND_TIMEOUT_USEC=35000000", "WATCHDOG=1\nEXTEND_TIMEOUT_USEC=35000000", "WATCHDOG=1\nEXTEND_TIMEOUT_USEC=35000000", "WATCHDOG=1"} {
		if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		if n, err := conn.Read(buf); err != nil || string(buf[:n]) != want {
			t.Errorf("told %q, %v; want %q", buf[:n], err, want)
		}
	}
	s.stop()
}

func TestDamagedActiveSlot(t *testing.T) {
	s := newScene(t)
	b := s.stage("1.1.0", "good 1.1.0")
	s.start()
	s.until("good 1.1.0 healthy", 1)
	s.stop()
	if err := os.Truncate(s.dir().Binary(b.Slot), 1000); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.until("good package healthy", 1)
	s.stop()
}

func TestNoPackageLeft(t *testing.T) {
	s := newScene(t)
	s.stage("1.1.0", "good 1.1.0")
	s.start()
	s.until("good 1.1.0 healthy", 1)
	s.stop()
	s.o.Beside = filepath.Join(s.data, "gone")
	for _, path := range []string{"boot.json", "boot.json.1"} {
		if err := os.WriteFile(filepath.Join(s.data, "slots", path), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.start()
	s.until("good 1.1.0 healthy", 2)
	s.stop()
}

// A bad build is better than none: it may sell for a while.
func TestOnlyABadBuildLeft(t *testing.T) {
	s := newScene(t)
	s.stage("1.1.0", "crash")
	s.o.Beside = ""
	s.start()
	s.until("crash start", slots.Tries+2)
	s.signals <- syscall.SIGTERM
	<-s.done
}

func TestNothingToStart(t *testing.T) {
	s := newScene(t)
	s.o.Beside = filepath.Join(s.data, "gone")
	s.start()
	s.ends(guard.ExitNothing)
}

func TestUnusableDataDirectory(t *testing.T) {
	s := newScene(t)
	if err := os.WriteFile(filepath.Join(s.data, "slots"), nil, 0o600); err != nil { // a file in its place
		t.Fatal(err)
	}
	s.start()
	s.until("good package healthy", 1)
	s.stop()
}

func TestSecondGuardIsTurnedAway(t *testing.T) {
	s := newScene(t)
	s.start()
	s.until("good package healthy", 1)
	if code := guard.Run(s.o, make(chan os.Signal)); code != guard.ExitFailed {
		t.Errorf("second guard ended with %d", code)
	}
	s.stop()
}

func TestRestartOnRequest(t *testing.T) {
	s := newScene(t)
	if err := os.WriteFile(s.o.Beside, s.agent("restart"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.o.LongestWait = time.Minute // a wait would be seen
	s.start()
	s.until("restart healthy", 4)
	s.signals <- syscall.SIGTERM
	<-s.done
}

func TestCrashingPackageIsStartedAgain(t *testing.T) {
	s := newScene(t)
	if err := os.WriteFile(s.o.Beside, s.agent("crash"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.until("crash start", 6)
	s.signals <- syscall.SIGTERM
	<-s.done
}
