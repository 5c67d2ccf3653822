package queue

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
)

const keepSnapshots = 3

// snapshots lists the snapshots of a directory, newest first. Their names begin
// with the commit they contain.
func snapshots(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var list []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".db") {
			list = append(list, e.Name())
		}
	}
	slices.SortFunc(list, func(a, b string) int { return cmp.Compare(b, a) })
	return list, nil
}

func snapshotLSN(name string) (n uint64) {
	// A name of other making counts as the oldest.
	if _, err := fmt.Sscanf(name, "%d", &n); err != nil {
		return 0
	}
	return n
}

// snapshot copies the file as it is into snapshots/, verifies the copy, and
// removes what is not needed any more. Nothing is done when nothing has changed.
func (s *Store) snapshot() error {
	dir := s.path(snapshotDir)
	old, err := snapshots(dir)
	if err != nil {
		return err
	}
	s.handle.RLock()
	defer s.handle.RUnlock()
	if s.db == nil {
		return ErrClosed
	}
	tmp := filepath.Join(dir, "new.tmp")
	var m mark
	err = s.db.View(func(tx *bolt.Tx) error {
		if m, err = readMark(tx); err != nil {
			return err
		}
		if len(old) > 0 && snapshotLSN(old[0]) == m.lsn {
			return nil
		}
		if free, err := freeBytes(dir); err == nil && free < tx.Size()+2*s.o.ReserveBytes {
			return fmt.Errorf("only %s are free", megabytes(free))
		}
		f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		_, err = tx.WriteTo(f)
		return errors.Join(err, f.Sync(), f.Close())
	})
	if err != nil {
		return errors.Join(err, removeIf(tmp))
	}
	if len(old) > 0 && snapshotLSN(old[0]) == m.lsn {
		return nil
	}
	st, err := checkFile(tmp, tree{}, false, nil)
	if err == nil && len(st.found) > 0 {
		err = errors.New("the copy is damaged: " + describe(st.found))
		for _, full := range st.damaged {
			s.noteDamage(full) // else nobody might read it for months, and there be no snapshot
		}
	}
	if err != nil {
		return errors.Join(err, removeIf(tmp))
	}
	name := fmt.Sprintf("%020d-%s.db", m.lsn, time.Now().UTC().Format("20060102T150405"))
	if err := os.Rename(tmp, filepath.Join(dir, name)); err != nil {
		return err
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	for i := keepSnapshots - 1; i < len(old); i++ {
		if err := os.Remove(filepath.Join(dir, old[i])); err != nil {
			return err
		}
	}
	return s.prune()
}

func removeIf(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// journalShare is how much of MaxBytes journal files may take that the
// snapshots have made unnecessary.
const journalShare = 4

// prune removes journal files that no snapshot needs and that are older than
// acked events are kept, or sooner when they take too much room.
func (s *Store) prune() error {
	snaps, err := snapshots(s.path(snapshotDir))
	if err != nil || len(snaps) < 2 {
		return err // one snapshot alone is not trusted that far
	}
	oldest := snapshotLSN(snaps[len(snaps)-1])
	list, err := segments(s.path(journalDir))
	if err != nil {
		return err
	}
	var total int64
	for _, g := range list {
		total += g.size
	}
	limit := time.Now().Add(-s.o.KeepAcked).UnixMilli()
	for i := 0; i+1 < len(list); i++ {
		if list[i+1].first > oldest {
			break
		}
		if list[i+1].at > limit && total <= s.o.MaxBytes/journalShare {
			break
		}
		if err := os.Remove(s.path(journalDir, list[i].name)); err != nil {
			return err
		}
		total -= list[i].size
	}
	return nil
}
