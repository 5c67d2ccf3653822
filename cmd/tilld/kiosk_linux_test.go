package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tilld/display"
	"tilld/display/screen"
	"tilld/internal/unchecked"
)

// What is printed can be typed into a shell, whatever the paths are called.
func TestKioskLine(t *testing.T) {
	c := kioskCmd{URL: "http://127.0.0.1:7780/screen", Position: "-1024,0", Size: "800x480", Scale: "1.25", Browser: "/opt/my browser's/chrome", Profile: "/run/user/1/it's"}
	b, err := c.browser()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("sh", "-c", "printf '%s\\n' "+b.line()).Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Split(strings.TrimRight(string(out), "\n"), "\n"); !slices.Equal(got, append([]string{b.path}, b.args...)) {
		t.Errorf("%q", got)
	}
	for _, want := range []string{"--app=http://127.0.0.1:7780/screen", "--kiosk", "--window-position=-1024,0", "--window-size=800,480", "--force-device-scale-factor=1.25", "--user-data-dir=/run/user/1/it's"} {
		if !slices.Contains(b.args, want) {
			t.Errorf("%s is missing in %q", want, b.args)
		}
	}
	for _, bad := range []kioskCmd{{Position: "1920", Size: "1x1", Scale: "1"}, {Position: "0,0", Size: "big", Scale: "1"}, {Position: "0,0", Size: "800x480", Scale: "--x"}} {
		if _, err := bad.browser(); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// A browser that ended is started again; each time what a killed one left in the
// profile is gone, and a profile that is in use is left alone.
func TestKioskKeeps(t *testing.T) {
	dir := t.TempDir()
	profile, log := filepath.Join(dir, "profile"), filepath.Join(dir, "log")
	if err := os.MkdirAll(filepath.Join(profile, "Default"), 0o700); err != nil {
		t.Fatal(err)
	}
	// The stand-in notes what it finds and leaves what a killed Chromium leaves;
	// the second time it stays, and writes no more.
	program := filepath.Join(dir, "chromium")
	script := fmt.Sprintf(`#!/bin/sh
{ ls -A %[1]s; cat %[1]s/Default/Preferences; echo; echo end; } >>%[2]s 2>/dev/null
[ -e %[2]s.first ] && exec sleep 600
: >%[2]s.first
ln -sf other-host-1 %[1]s/SingletonLock
ln -sf x %[1]s/SingletonCookie
printf '{"profile":{"exit_type":"Crashed","exited_cleanly":false}}' >%[1]s/Default/Preferences
exit 3
`, profile, log)
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- browser{path: program, profile: profile}.keep(ctx, slog.New(slog.DiscardHandler))
	}()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) { // polls a process
		if text, err := os.ReadFile(log); err == nil && bytes.Count(text, []byte("end\n")) >= 2 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("not started twice")
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "Singleton") || strings.Contains(string(text), "Crashed") || !strings.Contains(string(text), `"exit_type":"Normal","exited_cleanly":true`) {
		t.Errorf("the second start found\n%s", text)
	}

	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	user := exec.Command("sleep", "60") // whose command line names the profile
	user.Args = []string{"sleep", "60"}
	user.Args[0] = "sleep " + profile
	if err := user.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { user.Process.Kill(); user.Wait() }()
	lock := filepath.Join(profile, "SingletonLock")
	if err := os.Remove(lock); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := os.Symlink(fmt.Sprintf("%s-%d", host, user.Process.Pid), lock); err != nil {
		t.Fatal(err)
	}
	if err := (browser{profile: profile}).tidy(); err == nil {
		t.Error("a profile in use is tidied")
	}
	if _, err := os.Lstat(lock); err != nil {
		t.Error("the lock of a browser that runs is gone")
	}
}

// What the agent says about a page adds up to a hung one, or not.
func TestKioskHangs(t *testing.T) {
	fine, none := pageState{Drawn: true, SilentMS: 900}, pageState{}
	frozen, old := pageState{Drawn: true, SilentMS: 11_000}, pageState{Drawn: true, Stuck: true}
	type step struct {
		page pageState
		n    int // looks, 3 s apart; negative: the agent does not answer
	}
	for _, c := range []struct {
		name  string
		slack time.Duration
		steps []step
		want  int // the look at which it hangs, from 1; 0 for never
	}{
		{"draws", 1, []step{{fine, 1000}}, 0},
		{"freezes", 1, []step{{fine, 5}, {frozen, 100}}, 12},
		{"freezes again", 4, []step{{fine, 5}, {frozen, 100}}, 32},
		{"old scene", 1, []step{{fine, 5}, {old, 100}}, 12},
		{"comes to", 1, []step{{fine, 5}, {frozen, 6}, {fine, 1}, {frozen, 6}, {fine, 1}}, 0},
		{"no agent", 1, []step{{fine, 5}, {none, -1000}, {none, 2}, {fine, 5}}, 0},
		{"agent started again", 1, []step{{fine, 5}, {none, -10}, {none, 100}}, 23},
		{"never loads", 1, []step{{none, 100}}, 21},
		{"no agent from the start", 1, []step{{none, -1000}}, 0},
		{"loads late", 1, []step{{none, 19}, {fine, 100}}, 0},
	} {
		seen, now, look, got := kioskSeen{patience: kioskPatient, slack: c.slack}, time.Unix(1_800_000_000, 0), 0, 0
		for _, s := range c.steps {
			for range max(s.n, -s.n) {
				look++
				now = now.Add(kioskPatient.look)
				if seen.hangs(now, s.page, s.n > 0) && got == 0 {
					got = look
				}
			}
		}
		if got != c.want {
			t.Errorf("%s: hangs at look %d, want %d", c.name, got, c.want)
		}
	}
	// A machine that slept: one long gap is no proof.
	seen := kioskSeen{patience: kioskPatient, slack: 1}
	seen.hangs(time.Unix(0, 0), fine, true)
	if seen.hangs(time.Unix(36_000, 0), frozen, true) {
		t.Error("a page hangs because the machine slept")
	}
	for _, url := range []string{"http://127.0.0.1:7780/screen#mine", "http://127.0.0.1:7780/other", "https://pos.example.com/", "::"} {
		if args, ask := (browser{url: url, args: []string{"--app=" + url}}).named(); ask != "" || args[0] != "--app="+url {
			t.Errorf("%s: asks %q, opens %q", url, ask, args)
		}
	}
}

// kiosk keeps the real browser with the real flags on a page, until the test
// ends or done is called, which waits until nothing is left running.
func kiosk(t *testing.T, watch kioskPatience) (s *kioskScreen, profile string, said *lockedBuffer, done func()) {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		unchecked.Skip(t, "chromium is not installed (apt-get install chromium)")
	}
	s = &kioskScreen{Screen: screen.New(display.NewStage(display.Scene{Kind: display.Idle, Language: "zh-CN"}), screen.Options{}), drew: make(chan struct{}, 1)}
	srv := httptest.NewServer(s.handler())
	dir := t.TempDir()
	// Without a monitor and as root the browser needs two flags more.
	wrapper := filepath.Join(dir, "browser")
	if err := os.WriteFile(wrapper, []byte("#!/bin/sh\nexec "+chromium+" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	b, err := (&kioskCmd{URL: srv.URL + "/screen", Position: "0,0", Size: "800x480", Scale: "1", Browser: wrapper, Profile: filepath.Join(dir, "profile")}).browser()
	if err != nil {
		t.Fatal(err)
	}
	b.watch = watch
	ctx, cancel := context.WithCancel(t.Context())
	said = &lockedBuffer{}
	ended := make(chan error, 1)
	go func() { ended <- b.keep(ctx, slog.New(slog.NewTextHandler(said, nil))) }()
	done = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(30 * time.Second):
			t.Error("the browser does not end")
		}
		for end := time.Now().Add(60 * time.Second); len(browsers(t, b.profile)) > 0; time.Sleep(50 * time.Millisecond) { // polls processes
			if time.Now().After(end) {
				t.Errorf("left running: %v", browsers(t, b.profile))
				break
			}
		}
		srv.CloseClientConnections()
		srv.Close()
	})
	t.Cleanup(done)
	return s, b.profile, said, done
}

// kioskScreen says when its page reports a frame.
type kioskScreen struct {
	*screen.Screen
	drew chan struct{}
}

func (s *kioskScreen) handler() http.Handler {
	real := s.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		real.ServeHTTP(w, r)
		if r.URL.Path == "/screen/beat" {
			select {
			case s.drew <- struct{}{}:
			default:
			}
		}
	})
}

// draws waits for a frame: a page that follows may not have drawn one yet, and
// one that never did is given far longer.
func (s *kioskScreen) draws(t *testing.T, said *lockedBuffer) {
	t.Helper()
	select {
	case <-s.drew: // of an earlier page, perhaps
	default:
	}
	select {
	case <-s.drew:
	case <-time.After(90 * time.Second):
		t.Fatalf("the page does not draw\n%s", said.String())
	}
}

// pages waits until so many pages follow.
func pages(t *testing.T, s *kioskScreen, said *lockedBuffer, n int, what string) {
	t.Helper()
	for end := time.Now().Add(90 * time.Second); s.Pages() != n; time.Sleep(20 * time.Millisecond) { // polls a process
		if time.Now().After(end) {
			t.Fatalf("%s: %d pages\n%s", what, s.Pages(), said.String())
		}
	}
}

// The browser opens the page; killed, it is back by itself; at the end nothing is
// left running.
func TestKioskChromium(t *testing.T) {
	s, profile, said, done := kiosk(t, kioskPatient)
	pages(t, s, said, 1, "the page is open")
	pids := browsers(t, profile)
	if len(pids) == 0 {
		t.Fatal("no browser runs")
	}
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL) // may have ended with its parent
	}
	pages(t, s, said, 0, "the browser is gone")
	pages(t, s, said, 1, "the browser is back")
	if strings.Contains(said.String(), "tidied") {
		t.Errorf("the profile was not tidied: %s", said.String())
	}
	done()
}

// A browser that hangs, all of it or only the page, is ended with all that it
// started, and is back by itself.
func TestKioskHungChromium(t *testing.T) {
	s, profile, said, done := kiosk(t, kioskPatience{look: 250 * time.Millisecond, quiet: 8 * time.Second, hung: time.Second, load: 2 * time.Minute})
	pages(t, s, said, 1, "the page is open")
	for _, hang := range []string{"--type=renderer", ""} {
		s.draws(t, said)
		var stopped []int
		for _, pid := range browsers(t, profile) {
			args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			if err == nil && bytes.Contains(args, []byte(hang)) && syscall.Kill(pid, syscall.SIGSTOP) == nil {
				stopped = append(stopped, pid)
			}
		}
		if len(stopped) == 0 {
			t.Fatalf("nothing to stop in %v", browsers(t, profile))
		}
		pages(t, s, said, 0, fmt.Sprintf("the hung browser (%q) is ended", hang))
		pages(t, s, said, 1, "a new one is there")
		for _, pid := range stopped {
			for end := time.Now().Add(30 * time.Second); slices.Contains(browsers(t, profile), pid); time.Sleep(20 * time.Millisecond) { // polls processes
				if time.Now().After(end) {
					t.Fatalf("%d is left, stopped\n%s", pid, said.String())
				}
			}
		}
	}
	if n := strings.Count(said.String(), "hung=true"); n < 2 {
		t.Errorf("ended as hung %d times, want 2 at least: %s", n, said.String())
	}
	done()
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

func (l *lockedBuffer) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }

// browsers are the processes that use a profile.
func browsers(t *testing.T, profile string) (pids []int) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		var pid int
		if _, err := fmt.Sscan(e.Name(), &pid); err != nil || pid == os.Getpid() {
			continue
		}
		args, err := fs.ReadFile(os.DirFS("/proc"), e.Name()+"/cmdline")
		if err == nil && bytes.Contains(args, []byte("--user-data-dir="+profile)) {
			pids = append(pids, pid)
		}
	}
	return pids
}
