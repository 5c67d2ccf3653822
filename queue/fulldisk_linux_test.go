package queue

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"tilld/internal/fault"
	"tilld/internal/health"
	"tilld/internal/unchecked"
)

// A file system that is really full, in a name space of its own.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "fulldisk", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if strings.Contains(out.String(), "cannot mount") || out.Len() == 0 && err != nil {
		unchecked.Skip(t, "this system lets nobody mount a file system of his own: %v %s", err, out.Bytes())
	}
	t.Logf("%s", out.Bytes())
	if err != nil {
		t.Error(err)
	}
}

func fullDiskChild(dir string) error {
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=96m"); err != nil {
		return fmt.Errorf("cannot mount: %w", err)
	}
	return fullDisk(dir)
}

// fullDisk fills the disk that dir is on, restarts on it, and makes room.
func fullDisk(dir string) error {
	o := Options{Dir: filepath.Join(dir, "data"), Seal: sealer, ReserveBytes: 16 << 20, KeepAcked: 1, Health: &health.Board{}}
	ctx := context.Background()
	s, err := Open(ctx, o)
	if err != nil {
		return err
	}
	data := fmt.Appendf(nil, `{"pad":%q}`, strings.Repeat("x", 8000))
	add := func() error {
		return s.Update(ctx, func(tx *Tx) error { _, err := tx.Append(Message{Type: "x", Data: data}); return err })
	}
	// Another program takes most of the disk.
	if err := os.WriteFile(filepath.Join(dir, "log"), make([]byte, 40<<20), 0o600); err != nil {
		return err
	}
	selling, finishing := 0, 0
	for {
		err := add()
		if fault.KindOf(err) == fault.Full {
			break
		}
		if err != nil {
			return err
		}
		if s.Stats().Accepting {
			selling++
		} else {
			finishing++
		}
		if selling+finishing > 10_000 {
			return fmt.Errorf("the disk does not fill: %+v", s.Stats())
		}
	}
	if finishing < 20 {
		return fmt.Errorf("only %d commits after new sales were refused", finishing)
	}
	if !hasCondition(o.Health, "queue_disk_full") {
		return fmt.Errorf("no condition says that the disk is full")
	}
	if _, err := s.NextSession(ctx); err != nil {
		return fmt.Errorf("the link cannot start: %w", err)
	}
	// A restart on the full disk.
	for range 3 {
		if err := s.Close(); err != nil {
			return err
		}
		if s, err = Open(ctx, o); err != nil {
			return fmt.Errorf("restart: %w", err)
		}
		if s.LastSeq() != uint64(selling+finishing) || s.Recovered() != nil || s.Stats().Accepting {
			return fmt.Errorf("after a restart: last %d of %d, %+v, %+v", s.LastSeq(), selling+finishing, s.Recovered(), s.Stats())
		}
	}
	last := s.LastSeq()
	h, err := s.Hash(last)
	if err != nil {
		return err
	}
	if err := s.Ack(ctx, s.Epoch(), last, last, h); err != nil {
		return err
	}
	if err := s.trim(ctx); err != nil {
		return fmt.Errorf("deleting what was acked: %w", err)
	}
	if err := os.Remove(filepath.Join(dir, "log")); err != nil {
		return err
	}
	s.checkRoom()
	if !s.Stats().Accepting {
		return fmt.Errorf("does not accept although there is room: %+v", s.Stats())
	}
	if err := add(); err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	r, err := Check(o.Dir)
	if err != nil || !r.OK {
		return fmt.Errorf("check: %v %v", err, r.Findings)
	}
	fmt.Printf("%d commits, then %d while new sales were refused; 3 restarts on the full disk\n", selling, finishing)
	return nil
}
