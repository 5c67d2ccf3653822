package queue

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"

	"tilld/internal/fault"
)

const keepDamaged = 3 // files set aside that are kept

// rebuild sets the file aside and makes a new one from, in this order: the
// newest sound snapshot and the journal behind it; the whole journal; whatever
// records of the damaged file are sound, and the journal. limit is the last
// commit to bring back, 0 = all. uncertain: commits are missing at the end, so
// that sequences could be given twice.
func (s *Store) rebuild(reason string, limit uint64) (uncertain bool, err error) {
	var r Recovery
	s.log.Error("the file is damaged, rebuilding it", "reason", reason)
	came := s.reached()
	broken, err := s.quarantine()
	if err != nil {
		return false, fault.New(fault.Corrupt, "queue", "set aside", err)
	}
	path := s.path(dbName)
	tmp := path + ".tmp"
	type source struct {
		name  string
		start func() error // makes tmp
	}
	var sources []source
	snaps, err := snapshots(s.path(snapshotDir))
	if err != nil {
		return false, fault.New(fault.Corrupt, "queue", "rebuild", err)
	}
	for _, name := range snaps {
		from := s.path(snapshotDir, name)
		sources = append(sources, source{"snapshot " + name, func() error {
			st, err := checkFile(from, tree{}, false, nil)
			if err == nil && len(st.found) > 0 {
				err = errors.New(describe(st.found))
			}
			if err != nil {
				return err
			}
			return copyFile(tmp, from)
		}})
	}
	sources = append(sources, source{"journal", func() error { return blank(tmp) }})
	if broken != "" {
		sources = append(sources, source{"sound records of " + filepath.Base(broken), func() error { return s.salvage(tmp, broken) }})
	}
	// The first source after which nothing is missing; else the sound records of
	// the damaged file; else the source with which the least is missing.
	salvaged := len(sources) - 1 // has what no journal holds any more, even if places in it are gone
	if broken == "" {
		salvaged = -1
	}
	best, least := -1, ^uint64(0)
	var out replayed
	for i := range sources {
		lost, o, err := s.build(sources[i].start, tmp, limit)
		if err != nil {
			s.log.Warn("cannot rebuild from it", "source", sources[i].name, "err", err)
			continue
		}
		if i == salvaged {
			best, least, out = i, lost, o
			break
		}
		if lost < least {
			best, least, out = i, lost, o
		}
		if lost == 0 {
			break
		}
	}
	if best < 0 {
		return false, fault.New(fault.Corrupt, "queue", "rebuild", errors.New("neither snapshots nor journal can be used"))
	}
	if least > 0 && best != len(sources)-1 { // something else lies at tmp now
		if _, out, err = s.build(sources[best].start, tmp, limit); err != nil {
			return false, fault.New(fault.Corrupt, "queue", "rebuild", err)
		}
	}
	// A journal that ends before what the damaged file had is damaged too: what is
	// behind its end was accepted, and may have been sent under its numbers.
	short := out.end.lsn < came
	if missing := came - out.end.lsn; short && best != salvaged && missing > least {
		least = missing
	}
	if least > 0 {
		r.Lost = join(r.Lost, fmt.Sprintf("%d commits", least))
	}
	if best == salvaged {
		r.Lost = join(r.Lost, "what the damaged places held")
	}
	r.Source = sources[best].name
	if out.any && r.Source != "journal" {
		r.Source += " and the journal"
	}
	if err := install(tmp, path); err != nil {
		return false, fault.New(fault.Corrupt, "queue", "rebuild", err)
	}
	s.note(func(all *Recovery) {
		all.Reason, all.Quarantine, all.Source = join(all.Reason, reason), broken, r.Source
		all.Lost = join(all.Lost, r.Lost)
	})
	s.log.Info("rebuilt", "source", r.Source, "lsn", out.end.lsn)
	return !out.any || short, nil
}

// reached is the last commit that the file at its place has, 0 when nobody knows.
func (s *Store) reached() uint64 {
	st, err := checkFile(s.path(dbName), tree{}, false, nil)
	if err != nil || !st.hasMark {
		return 0
	}
	return st.mark.lsn
}

// build makes tmp from a source and the journal, and returns how many commits
// are known to be missing from it.
func (s *Store) build(start func() error, tmp string, limit uint64) (lost uint64, out replayed, err error) {
	if err := os.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0, out, err
	}
	if err := start(); err != nil {
		return 0, out, err
	}
	db, err := openBolt(tmp, 0)
	if err != nil {
		return 0, out, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var from mark
	if err := db.View(func(tx *bolt.Tx) (err error) {
		from, err = readMark(tx)
		return err
	}); err != nil {
		return 0, out, err
	}
	from.file, from.off = "", 0 // a journal file may have been cut since
	t := tree{}
	step := func(r record) error {
		t = t.commit(r)
		if r.kind == kindCommit && t.bytes < memLimit {
			return nil
		}
		err := applyTree(db, t, mark{lsn: r.lsn})
		t = tree{}
		return err
	}
	if out, err = replay(s.path(journalDir), from, limit, step, step); err != nil {
		return 0, out, err
	}
	if err := applyTree(db, t, out.end); err != nil {
		return 0, out, err
	}
	return out.lost, out, db.View(func(tx *bolt.Tx) error {
		if b := tx.Bucket([]byte(meta)); b == nil || b.Get([]byte(chainKey)) == nil {
			return errors.New("the chain is not in it")
		}
		return nil
	})
}

// blank makes an empty file of commit 0: the journal must have everything.
func blank(path string) error {
	db, err := openBolt(path, 0)
	if err != nil {
		return err
	}
	return errors.Join(applyTree(db, tree{}, mark{}), db.Close())
}

// salvage copies the sound records of a damaged file.
func (s *Store) salvage(path, broken string) error {
	db, err := openBolt(path, 0)
	if err != nil {
		return err
	}
	t := tree{}
	var failed error
	flush := func() {
		if failed == nil {
			failed = applyTree(db, t, mark{})
		}
		t = tree{}
	}
	st, err := checkFile(broken, tree{}, false, func(full string, e entry) {
		if full == fullKey(meta, []byte(lsnKey)) {
			return
		}
		e.value = slices.Clone(e.value)
		if t = t.put(full, e); t.bytes > applyBytes {
			flush()
		}
	})
	flush()
	// All of the journal goes on top, not only what is behind the mark: it may
	// have what the damaged places held. Older changes first and the newest last
	// end in the same state.
	list, serr := segments(s.path(journalDir))
	if failed == nil && err == nil && serr == nil && st.hasMark {
		from := st.mark.lsn
		if len(list) > 0 {
			from = min(from, list[0].first)
		}
		failed = applyTree(db, tree{}, mark{lsn: from})
	}
	err = errors.Join(err, serr)
	return errors.Join(err, failed, db.Close())
}

// quarantine renames the file and returns its new path; when there is none, it
// returns the one set aside last.
func (s *Store) quarantine() (string, error) {
	path := s.path(dbName)
	to := path + ".damaged-" + time.Now().UTC().Format("20060102T150405.000")
	err := os.Rename(path, to)
	old, _ := filepath.Glob(path + ".damaged-*") // the pattern is well-formed
	slices.Sort(old)
	if errors.Is(err, os.ErrNotExist) {
		if len(old) == 0 {
			return "", nil
		}
		return old[len(old)-1], nil
	}
	if err != nil {
		return "", err
	}
	for _, p := range old[:max(len(old)-keepDamaged, 0)] {
		if err := os.Remove(p); err != nil {
			s.log.Warn("an old damaged file cannot be removed", "file", p, "err", err)
		}
	}
	return to, syncDir(s.dir)
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// reopen closes the file after an error and opens it again, rebuilt if it does
// not pass the check. Transactions wait.
func (s *Store) reopen(cause error) error {
	s.handle.Lock()
	defer s.handle.Unlock()
	if s.db != nil {
		if err := s.closeFile(); err != nil {
			s.log.Warn("closing the file failed", "err", err)
		}
	}
	err := s.openAnew(cause)
	if err != nil && s.left.Load() {
		// The lock of the file that was left behind may be what is in the way.
		s.endRun(err)
	}
	return err
}

// openAnew has a file that is whole at its place and opens it. handle is held.
func (s *Store) openAnew(cause error) error {
	path := s.path(dbName)
	again := rewrite
	if s.faults.rewrite != nil {
		again = s.faults.rewrite
	}
	if isFull(cause) {
		again = syncFile // nothing was called clean, and there is no room to write
	}
	reason := ""
	err := again(path)
	if err == nil || errors.Is(err, os.ErrNotExist) {
		var st *fileState
		if st, err = checkFile(path, tree{}, false, nil); err == nil {
			reason = describe(st.found)
		} else if errors.Is(err, syscall.EIO) {
			err = fmt.Errorf("%w: %w", errUnreadable, err)
		}
	}
	switch {
	case err == nil:
	case errors.Is(err, os.ErrNotExist):
		reason = "after " + cause.Error()
	case errors.Is(err, errUnreadable): // a sector is gone: as good as damaged
		reason = err.Error()
	default:
		return err
	}
	if reason != "" {
		s.mu.Lock()
		limit := s.lsn
		s.mu.Unlock()
		if _, err := s.rebuild(reason, limit); err != nil {
			return err
		}
		r := s.recovery.Load()
		s.raise(kindDamaged, "reason", r.Reason, "file", r.Quarantine)
	}
	db, err := s.openFile()
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.db = db
	s.mu.Unlock()
	return nil
}
