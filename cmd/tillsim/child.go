package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// child is the real tilld as a child process.
type child struct {
	path, config, log string
	api               *api

	mu     sync.Mutex
	cmd    *exec.Cmd
	done   chan struct{} // closed when the process is gone
	err    error         // how it ended
	starts int
	asked  bool // we ended it
}

// Start launches it; Ready waits for it.
func (c *child) Start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running() {
		return nil
	}
	out, err := os.OpenFile(c.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command(c.path, "run", "--config", c.config)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = ownGroup() // ^C at the terminal goes to us, and we stop it in order
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("tilld: %w", err)
	}
	done := make(chan struct{})
	c.cmd, c.done, c.err, c.asked = cmd, done, nil, false
	c.starts++
	go func() {
		err := cmd.Wait()
		c.mu.Lock()
		c.err = err
		c.mu.Unlock()
		close(done)
	}()
	return nil
}

// running needs mu.
func (c *child) running() bool {
	if c.cmd == nil {
		return false
	}
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

// Running reports whether the process lives.
func (c *child) Running() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running()
}

// Starts counts how often it was started.
func (c *child) Starts() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.starts
}

// Resident is the largest resident memory that the process has had, in bytes; 0
// where the system does not tell.
func (c *child) Resident() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.running() {
		return 0
	}
	return resident(c.cmd.Process.Pid)
}

// Crashed returns how the process ended by itself, nil if it lives or we ended
// it.
func (c *child) Crashed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cmd == nil || c.running() || c.asked {
		return nil
	}
	return fmt.Errorf("tilld ended by itself: %v", c.err)
}

// Ready waits until tilld answers that it can sell. It fails when the process
// ends before.
func (c *child) Ready(ctx context.Context) error {
	var last error
	for {
		c.mu.Lock()
		done := c.done
		c.mu.Unlock()
		if last = c.api.ready(ctx); last == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("tilld is not ready: %w", last)
		case <-done:
			return fmt.Errorf("tilld ended at its start: %v; its log is %s", c.exit(), c.log)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (c *child) exit() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Kill is kill -9.
func (c *child) Kill() error {
	done, err := c.signal(syscall.SIGKILL)
	if err != nil || done == nil {
		return err
	}
	<-done
	return nil
}

// Stop is the orderly end: SIGTERM, exit 0 within five seconds.
func (c *child) Stop() (time.Duration, error) {
	began := time.Now()
	done, err := c.signal(syscall.SIGTERM)
	if err != nil || done == nil {
		return 0, err
	}
	late := time.NewTimer(5 * time.Second)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
		return 0, errors.Join(errors.New("tilld did not stop within 5 s of SIGTERM"), c.Kill())
	}
	if err := c.exit(); err != nil {
		return 0, fmt.Errorf("tilld stopped with %v, want exit code 0", err)
	}
	return time.Since(began), nil
}

func (c *child) signal(sig syscall.Signal) (<-chan struct{}, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.running() {
		return nil, nil
	}
	c.asked = true
	if err := c.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return nil, err
	}
	return c.done, nil
}
