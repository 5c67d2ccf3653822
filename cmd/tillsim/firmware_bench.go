//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"tilld/firmware"
	"tilld/firmware/slots"
	"tilld/internal/sim/tufrepo"
)

// healthWithin is how long the story's guard waits for a health report.
const healthWithin = 20 * time.Second

// firmwareStory is the bench: a publisher, a package, a till's data directory.
type firmwareStory struct {
	dir   string
	cuts  int
	began time.Time
	mu    sync.Mutex // guards the output

	repo   *tufrepo.Repo
	server *httptest.Server
	slow   *slowServer
	api    *api
	guard  *exec.Cmd
	gone   chan error // the guard's end
	log    *os.File
	sale   string
}

func (f *firmwareStory) file(parts ...string) string {
	return filepath.Join(append([]string{f.dir}, parts...)...)
}

// build makes a real tilld, or the guard, from the source tree.
func (f *firmwareStory) build(ctx context.Context, out, pkg, version string) error {
	root, err := sourceTree()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-ldflags", "-s -w -X main.version="+version, "-o", out, pkg)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, text)
	}
	return nil
}

// publish puts program into the repository as version.
func (f *firmwareStory) publish(version string, program []byte) error {
	name := firmware.TargetName("stable", runtime.GOOS, runtime.GOARCH)
	custom := firmware.Custom{Kind: "agent", Version: version, OS: runtime.GOOS, Arch: runtime.GOARCH}
	if err := f.repo.Add(name, program, custom); err != nil {
		return err
	}
	return f.repo.Publish()
}

// stick writes the repository to a fresh directory.
func (f *firmwareStory) stick(files tufrepo.Files) (string, error) {
	dir, err := os.MkdirTemp(f.dir, "stick-")
	if err != nil {
		return "", err
	}
	return dir, files.Write(filepath.Join(dir, "tilld-update"))
}

// updateCommand is `tilld update` of the version that runs.
func (f *firmwareStory) updateCommand(ctx context.Context, from string) *exec.Cmd {
	program := f.file("package", "tilld")
	if s, _ := firmware.Status(f.file("data")); s.Active != nil {
		program = slots.At(f.file("data")).Binary(s.Active.Slot)
	}
	return exec.CommandContext(ctx, program, "update", "--from", from, "--data-dir", f.file("data"), "--root", f.file("root.json"))
}

// update runs it, shows what it says, and returns it.
func (f *firmwareStory) update(ctx context.Context, from string) (said string, err error) {
	out, err := f.updateCommand(ctx, from).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		f.tell("   update: %s", strings.TrimSpace(line))
	}
	return string(out), err
}

// refuses expects the update command to fail and to say why.
func (f *firmwareStory) refuses(ctx context.Context, from, why string) error {
	said, err := f.update(ctx, from)
	if err == nil {
		return errors.New("the update was accepted")
	}
	if !strings.Contains(said, why) {
		return fmt.Errorf("it does not say %q", why)
	}
	if s, _ := firmware.Status(f.file("data")); s.Candidate != nil {
		return fmt.Errorf("version %s waits to be started", s.Candidate.Version)
	}
	return nil
}

// startGuard starts tilld-guard as the service manager would.
func (f *firmwareStory) startGuard() error {
	cmd := exec.Command(f.file("package", "tilld-guard"), "run", "--config", f.file("tilld.yaml"), "--data-dir", f.file("data"))
	cmd.Env = append(os.Environ(), "TILLD_GUARD_HEALTH="+healthWithin.String())
	cmd.Stdout, cmd.Stderr = f.log, f.log
	cmd.SysProcAttr = ownGroup()
	if err := cmd.Start(); err != nil {
		return err
	}
	f.guard, f.gone = cmd, make(chan error, 1)
	go func(gone chan<- error) { gone <- cmd.Wait() }(f.gone)
	return nil
}

// cutPower kills the guard and the agent at once, as far as that can be done
// without a plug: what was written and not synced survives here.
func (f *firmwareStory) cutPower() error {
	pids := f.agentPIDs()
	if err := f.guard.Process.Kill(); err != nil {
		return err
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	<-f.gone
	f.guard = nil
	return nil
}

// agentPIDs are the guard's children.
func (f *firmwareStory) agentPIDs() (pids []int) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", f.guard.Process.Pid))
	if err != nil {
		return nil
	}
	for _, path := range tasks {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for word := range strings.FieldsSeq(string(text)) {
			var pid int
			if _, err := fmt.Sscan(word, &pid); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// switchNow asks the guard to start the agent anew.
func (f *firmwareStory) switchNow() error { return f.guard.Process.Signal(syscall.SIGUSR1) }

// sells waits until that version is ready to sell.
func (f *firmwareStory) sells(ctx context.Context, version string) error {
	var last error
	for {
		var status struct {
			Version string `json:"version"`
		}
		last = f.api.ready(ctx)
		if last == nil {
			last = f.api.call(ctx, http.MethodGet, "/v1/status", "", nil, &status)
		}
		if last == nil && status.Version == version {
			f.tell("   version %s is ready to sell", version)
			return nil
		}
		if last == nil {
			last = fmt.Errorf("version %s runs", status.Version)
		}
		if err := f.wait(ctx, fmt.Sprintf("version %s to be ready: %v", version, last)); err != nil {
			return err
		}
	}
}

// until waits for a state of the slots.
func (f *firmwareStory) until(ctx context.Context, what string, ok func(*slots.State) bool) error {
	for {
		s, damage := firmware.Status(f.file("data"))
		if damage == nil && ok(&s) {
			f.tell("   %s", what)
			return nil
		}
		if err := f.wait(ctx, what); err != nil {
			return err
		}
	}
}

func (f *firmwareStory) wait(ctx context.Context, what string) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("waiting for %s: %w", what, context.Cause(ctx))
	case err := <-f.gone:
		f.guard = nil
		return fmt.Errorf("the guard ended (%v) while waiting for %s", err, what)
	case <-time.After(20 * time.Millisecond):
		return nil
	}
}

func (f *firmwareStory) showLog() {
	data, err := os.ReadFile(f.file("guard.log"))
	if err != nil {
		return
	}
	lines := bytes.Split(data, []byte("\n"))
	for _, line := range lines[max(0, len(lines)-30):] {
		fmt.Println("   log:", string(line))
	}
}

func (f *firmwareStory) close() error {
	var errs []error
	if f.guard != nil {
		errs = append(errs, f.cutPower())
	}
	if f.server != nil {
		f.slow.open(-1)
		f.server.Close()
	}
	if f.log != nil {
		errs = append(errs, f.log.Close())
	}
	return errors.Join(errs...)
}

// slowServer serves a repository and lets only so many bytes of a big file
// through until it is opened wider.
type slowServer struct {
	mu      sync.Mutex
	changed chan struct{}
	files   tufrepo.Files
	let     int64 // -1 = all
	sent    int64
	ranges  int // requests that continued a download
}

func (s *slowServer) open(let int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.let, s.sent = let, 0
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *slowServer) serve(files tufrepo.Files) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files = files
}

// reached waits until the gate is as far open as it may.
func (s *slowServer) reached(ctx context.Context) error {
	for {
		s.mu.Lock()
		done := s.sent >= s.let
		s.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func (s *slowServer) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	s.mu.Lock()
	files := s.files
	if req.Header.Get("Range") != "" {
		s.ranges++
	}
	s.mu.Unlock()
	if strings.HasPrefix(req.URL.Path, "/targets/") {
		w = &gate{ResponseWriter: w, s: s, gone: req.Context().Done()}
	}
	files.ServeHTTP(w, req)
}

type gate struct {
	http.ResponseWriter
	s    *slowServer
	gone <-chan struct{}
}

func (g *gate) Write(p []byte) (n int, err error) {
	for n < len(p) {
		g.s.mu.Lock()
		room, changed := int64(len(p)-n), g.s.changed
		if g.s.let >= 0 {
			room = min(room, g.s.let-g.s.sent)
		}
		g.s.sent += room
		g.s.mu.Unlock()
		if room == 0 {
			select {
			case <-changed:
				continue
			case <-g.gone:
				return n, io.ErrClosedPipe
			}
		}
		m, err := g.ResponseWriter.Write(p[n : n+int(room)])
		n += m
		if err != nil {
			return n, err
		}
		if f, ok := g.ResponseWriter.(http.Flusher); ok {
			f.Flush()
		}
	}
	return n, nil
}
