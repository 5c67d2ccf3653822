package queue

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"

	"tilld/internal/fault"
)

// lockWait is how long a start waits for the process before it to end.
const lockWait = 3 * time.Second

// Open opens the data directory o.Dir, making it if need be. The file is
// checked before it is mapped; a damaged one is set aside and rebuilt from a
// snapshot and the journal, of which [Store.Recovered] tells. fault.Busy names
// the process that has the directory open; fault.Config: it cannot be used.
func Open(ctx context.Context, o Options) (*Store, error) { return openFaulty(ctx, o, faults{}) }

func openFaulty(ctx context.Context, o Options, broken faults) (_ *Store, err error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = 2 << 30
	}
	if o.ReserveBytes == 0 {
		o.ReserveBytes = 64 << 20
	}
	if o.KeepAcked == 0 {
		o.KeepAcked = 7 * 24 * time.Hour
	}
	if k := o.Copies; k != nil && k.MaxBytes == 0 {
		with := *k
		with.MaxBytes = maxCopies
		o.Copies = &with
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Seal == nil {
		return nil, fault.New(fault.Config, "queue", "open", errors.New("no Seal"))
	}
	s := &Store{
		o: o, log: o.Log.With("part", "queue"), dir: o.Dir, faults: broken,
		requests: make(chan *request), poke: make(chan struct{}, 1),
		applies: make(chan job, 1), applied: make(chan struct{}, 1), stop: make(chan struct{}),
		damage: make(map[string]struct{}), hopeless: make(chan error, 1),
	}
	for n := range strands {
		s.at[n].grown = make(chan struct{})
	}
	for _, d := range []string{"", journalDir, snapshotDir} {
		if err := os.MkdirAll(s.path(d), 0o700); err != nil {
			return nil, fault.New(fault.Config, "queue", "open", err)
		}
	}
	if s.lock, err = lockDir(s.dir, false, lockWait); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			if s.db != nil {
				s.db.Close()
			}
			if s.journal != nil {
				s.journal.drop()
			}
			s.lock.Close()
		}
	}()
	s.journal = &journal{dir: s.path(journalDir), open: openOS, most: cmp.Or(broken.rotate, rotateBytes)}
	if broken.openJournal != nil {
		s.journal.open = broken.openJournal
	}
	s.reserve = reserve{path: s.path(reserveName), size: o.ReserveBytes}
	s.holdReserve()
	if s.vault, err = openVault(s.dir, s.log, time.Now()); err != nil {
		return nil, err
	}
	uncertain, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	if uncertain {
		s.note(func(r *Recovery) { r.NewEpoch = true })
	}
	s.measure()
	s.writing.Add(1)
	go s.write()
	s.applying.Add(1)
	go s.apply()
	if err := s.first(ctx, uncertain); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// first is what each start commits: the boot, and the repair of what a rebuild
// could not bring back.
func (s *Store) first(ctx context.Context, uncertain bool) error {
	err := s.own(ctx, func(tx *Tx) error {
		tx.c[events].boot++
		return nil
	})
	if err == nil {
		err = s.healAll(ctx)
	}
	if err == nil {
		err = s.finishEpoch(ctx)
	}
	for n := range strands {
		if err == nil && uncertain && s.state(n).gen != 0 {
			err = s.newEpoch(ctx, n, "the end of the journal is missing")
		}
	}
	if err == nil {
		err = s.openCopies(ctx)
	}
	if r := s.recovery.Load(); r != nil {
		s.log.Error("the store was repaired", "reason", r.Reason, "file", r.Quarantine, "source", r.Source, "lost", r.Lost)
		s.raise(kindDamaged, "reason", r.Reason, "file", r.Quarantine)
		if r.Lost != "" {
			s.raise(kindLost, "lost", r.Lost)
		}
	}
	if n := s.Stats().Dead; n > 0 {
		s.raise(kindDead, "count", fmt.Sprint(n))
	}
	return err
}

// load brings the file to the journal's end and opens both. uncertain: commits
// may be missing at the end, so that sequences could be given twice.
func (s *Store) load(ctx context.Context) (uncertain bool, err error) {
	for _, tmp := range []string{dbName + ".tmp", dbName + ".copy"} {
		if err := os.Remove(s.path(tmp)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return false, fault.New(fault.Config, "queue", "open", err)
		}
	}
	path := s.path(dbName)
	reason := s.settle()
	_, err = os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		fresh, err := s.isFresh()
		if err != nil {
			return false, fault.New(fault.Config, "queue", "open", err)
		}
		if fresh {
			if err := create(path); err != nil {
				return false, fault.New(fault.Config, "queue", "create", err)
			}
		} else {
			reason = dbName + " is not there"
		}
	case err != nil:
		return false, fault.New(fault.Config, "queue", "open", err)
	case reason == "":
		if reason, err = s.inspect(ctx); err != nil {
			return false, fault.New(fault.Config, "queue", "open", err)
		}
	}
	if reason != "" {
		if uncertain, err = s.rebuild(reason, 0); err != nil {
			return false, err
		}
	}
	compactIfSparse(path, s.o.MaxBytes, s.log)
	if s.db, err = s.openFile(); err != nil {
		return false, fault.New(fault.Corrupt, "queue", "open", err)
	}
	more, err := s.catchUp()
	return uncertain || more, err
}

// settle makes durable what an ended process wrote and did not come to sync.
// What is read now may be in memory only, a new meta page of bbolt for one: its
// next commit would reuse pages of the state before, which is still the one on
// the disk, and a power cut would leave neither. It says what is wrong with the
// file when that fails.
func (s *Store) settle() string {
	list, err := segments(s.path(journalDir))
	if err != nil {
		s.log.Warn("the journal cannot be listed", "err", err)
	}
	for _, g := range list[max(len(list)-2, 0):] {
		if err := syncFile(s.path(journalDir, g.name)); err != nil {
			s.log.Warn("the journal cannot be synced", "file", g.name, "err", err)
		}
	}
	for _, d := range []string{journalDir, snapshotDir, ""} {
		if err := syncDir(s.path(d)); err != nil {
			s.log.Warn("a directory cannot be synced", "dir", d, "err", err)
		}
	}
	if err := syncFile(s.path(dbName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "cannot be synced: " + err.Error()
	}
	return ""
}

// catchUp applies what the journal has and the file has not, and opens the
// journal for more.
func (s *Store) catchUp() (uncertain bool, err error) {
	var m mark
	if err := s.db.View(func(tx *bolt.Tx) (err error) {
		m, err = readMark(tx)
		return err
	}); err != nil {
		return false, fault.New(fault.Corrupt, "queue", "open", err)
	}
	t := tree{}
	out, err := replay(s.path(journalDir), m, 0, nil, func(r record) error {
		t = t.commit(r)
		if t.bytes < memLimit {
			return nil
		}
		err := applyTree(s.db, t, mark{lsn: r.lsn})
		t = tree{}
		return err
	})
	if err != nil {
		return false, fault.New(fault.Corrupt, "queue", "read journal", err)
	}
	if len(out.found) > 0 || !out.any && m.file != "" && !m.clean {
		why := "the journal is damaged: " + describe(out.found)
		if len(out.found) == 0 {
			why = "the journal is not there"
		}
		s.note(func(r *Recovery) {
			r.Reason = join(r.Reason, why)
			if out.lost > 0 {
				r.Lost = join(r.Lost, fmt.Sprintf("%d commits", out.lost))
			}
		})
		// What the file was synced to, and the journal is shorter: commits
		// behind that may have been lost with it, unless it was closed cleanly.
		uncertain = !m.clean && (out.end.file != m.file && out.end.lsn == m.lsn || out.end.file == m.file && out.end.off < m.off)
	}
	err = s.resume(&out, m)
	if err != nil && isFull(err) && s.giveReserve() {
		err = s.resume(&out, m)
	}
	if err != nil {
		return false, fault.New(fault.Config, "queue", "open journal", err)
	}
	s.lsn = out.end.lsn
	s.jmark = mark{lsn: s.lsn, file: s.journal.name, off: s.journal.off}
	// Also takes the mark of a clean end away.
	err = applyTree(s.db, t, s.jmark)
	if err != nil && isFull(err) {
		// A full disk must not keep the till from starting: the changes wait in
		// memory, as they would have without the restart.
		s.mem, s.dirtyAt = t, time.Now()
		s.nearlyFull(true)
		s.pressure.Store(true)
		err = s.reopen(err)
	}
	if err != nil {
		return false, fault.New(fault.Corrupt, "queue", "apply journal", err)
	}
	return uncertain, s.readState()
}

// resume opens the journal behind its last sound frame, or begins a new file.
func (s *Store) resume(out *replayed, m mark) error {
	if out.end.file != "" && out.end.off > 0 && out.end.lsn >= m.lsn && (out.end.file != m.file || out.end.off >= m.off) {
		if out.size > out.end.off {
			s.log.Info("cutting off what a power cut tore", "file", out.end.file, "bytes", out.size-out.end.off)
		}
		return s.journal.resume(out.end.file, out.end.off, out.size)
	}
	if out.end.file != "" && out.end.off == 0 {
		// Torn while it was begun: nothing was ever accepted from it.
		if err := os.Remove(filepath.Join(s.journal.dir, out.end.file)); err != nil {
			return err
		}
	}
	var head []op
	err := s.db.View(func(tx *bolt.Tx) error {
		t := &Tx{s: s, file: tx}
		head = t.metaOps()
		return nil
	})
	if err != nil {
		return err
	}
	return s.journal.start(time.Now(), record{lsn: out.end.lsn, ops: head})
}

// readState loads chain and the age of the oldest event.
func (s *Store) readState() error {
	return s.View(func(tx *Tx) error {
		for n := range strands {
			if err := tx.readPlace(n); err != nil {
				return err
			}
		}
		return nil
	})
}

// readPlace takes up where a strand stands.
func (tx *Tx) readPlace(n strand) error {
	e, err := tx.find(fullKey(meta, []byte(n.key(chainKey))))
	if err != nil {
		return err
	}
	if e.value == nil && n == copies {
		return nil // there never were any
	}
	c, err := unpackChain(e.value)
	if err != nil {
		return fault.New(fault.Corrupt, "queue", "open", err)
	}
	if c.acked == c.last {
		c.out = c.in
	}
	tx.c[n] = c
	var oldest int64
	if c.last > c.acked {
		if _, e, err := tx.event(n, c.acked+1); err == nil {
			oldest = e.at
		} else {
			oldest = time.Now().UnixMilli()
		}
	}
	tx.s.mu.Lock()
	tx.s.at[n].c, tx.s.at[n].oldest = c, oldest
	tx.s.mu.Unlock()
	return nil
}

func readMark(tx *bolt.Tx) (mark, error) {
	full := fullKey(meta, []byte(lsnKey))
	b := tx.Bucket([]byte(meta))
	if b == nil {
		return mark{}, errors.New("no bucket meta")
	}
	e, err := unpackValue(full, b.Get([]byte(lsnKey)))
	if err != nil {
		return mark{}, err
	}
	return unpackMark(e.value)
}

// commit returns t with the changes of r.
func (t tree) commit(r record) tree {
	for _, o := range r.ops {
		e := entry{at: r.at}
		if !o.del {
			e.value = o.value
		}
		t = t.put(o.key, e)
	}
	return t
}

// isFresh reports whether nothing was ever stored in the directory.
func (s *Store) isFresh() (bool, error) {
	for _, pattern := range []string{journalDir + "/*.log", snapshotDir + "/*.db", dbName + ".damaged-*"} {
		list, err := filepath.Glob(s.path(pattern))
		if err != nil || len(list) > 0 {
			return false, err
		}
	}
	return true, nil
}

// create makes a new file aside and renames it: a power cut during bbolt's own
// first writes would leave something that it cannot open.
func create(path string) error {
	tmp := path + ".tmp"
	db, err := openBolt(tmp, 0)
	if err != nil {
		return err
	}
	first := chain{}.renew()
	t := tree{}.put(fullKey(meta, []byte(chainKey)), entry{value: first.pack(), at: time.Now().UnixMilli()})
	err = db.Update(func(tx *bolt.Tx) error {
		for _, b := range buckets {
			if _, err := tx.CreateBucketIfNotExists([]byte(b)); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = applyTree(db, t, mark{clean: true})
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	return install(tmp, path)
}

// install makes a finished file the one that counts.
func install(tmp, path string) error {
	f, err := os.OpenFile(tmp, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close(), os.Rename(tmp, path)); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// inspect checks the file before it is mapped and says what is wrong with it,
// "" = nothing.
func (s *Store) inspect(ctx context.Context) (string, error) {
	path := s.path(dbName)
	if len(s.o.CheckCommand) > 0 {
		reason, done := s.child(ctx)
		if done {
			return reason, nil
		}
	}
	st, err := checkFile(path, tree{}, false, nil)
	if err != nil {
		if errors.Is(err, syscall.EIO) {
			return err.Error(), nil
		}
		return "", err
	}
	return describe(st.found), nil
}

// checkEnv tells a check that its parent holds the lock and wants to know about
// the file alone.
const checkEnv = "TILLD_QUEUE_CHECK"

// child has another process open and check the file. done is false when that
// process could not do it, whatever the reason.
func (s *Store) child(ctx context.Context) (reason string, done bool) {
	cmd := exec.CommandContext(ctx, s.o.CheckCommand[0], s.o.CheckCommand[1:]...)
	cmd.Env = append(os.Environ(), checkEnv+"=file")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var report CheckReport
	if json.Unmarshal(out, &report) == nil && (report.OK || len(report.Findings) > 0) {
		return describe(report.Findings), true
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() == nil {
		if ws, ok := exit.Sys().(syscall.WaitStatus); ok && diedOfMemory(ws, stderr.String()) {
			return "the check ended with a memory fault", true
		}
	}
	s.log.Warn("the check in another process did not work, checking here", "err", err)
	return "", false
}

func diedOfMemory(ws syscall.WaitStatus, stderr string) bool {
	return ws.Signaled() && (ws.Signal() == syscall.SIGBUS || ws.Signal() == syscall.SIGSEGV) ||
		strings.Contains(stderr, "unexpected fault address") || strings.Contains(stderr, "SIGBUS") || strings.Contains(stderr, "assertion failed")
}

func describe(found []Finding) string {
	if len(found) == 0 {
		return ""
	}
	f := found[0]
	text := f.File + ": "
	if f.Bucket != "" {
		text += string(f.Bucket) + ": "
	}
	if f.Key != "" {
		text += f.Key + ": "
	}
	text += f.Reason
	if n := len(found) - 1; n > 0 {
		text += fmt.Sprintf(" (and %d more)", n)
	}
	return text
}

// note adds to the account of repairs: by the start, and after it by reopen,
// which is alone then.
func (s *Store) note(change func(*Recovery)) {
	r := &Recovery{At: time.Now()}
	if old := s.recovery.Load(); old != nil {
		*r = *old
	}
	change(r)
	s.recovery.Store(r)
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}
