package queue

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"tilld/internal/fault"
)

// Bounds of the write path.
const (
	maxBatch   = 1024            // closures in one commit
	batchBytes = 4 << 20         // once a commit has as much, the rest waits for the next
	applyBytes = 1 << 20         // changes in memory that are worth a commit to the file …
	applyAfter = 2 * time.Second // … or their age
	memLimit   = 32 << 20        // changes in memory at which writers wait for the file
)

type request struct {
	f     func(*Tx) error
	own   bool
	alone func() error // instead of f: the writer does only this
	state atomic.Int32
	done  chan error
}

const (
	waiting = iota
	taken
	withdrawn
)

// Update runs f in a transaction together with whatever others ask for at the
// same time, each seeing the changes of those before it. It returns nil when
// f's changes survive a power cut; f's own error or panic, which leaves nothing
// of f and does not touch the others; ctx's error, when f has not run and will
// not; fault.Full without room; another fault when the disk failed, after which
// the changes are not there, unless the till loses power before the disk works
// again.
//
// f runs on the writer's goroutine: it must be quick, must not wait for
// anything and must not call the Store.
func (s *Store) Update(ctx context.Context, f func(*Tx) error) error {
	return s.ask(ctx, &request{f: f})
}

// own is Update for the store's own needs.
func (s *Store) own(ctx context.Context, f func(*Tx) error) error {
	return s.ask(ctx, &request{f: f, own: true})
}

func (s *Store) ask(ctx context.Context, r *request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.done = make(chan error, 1)
	select {
	case s.requests <- r:
	case <-s.stop:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		if r.state.CompareAndSwap(waiting, withdrawn) {
			return ctx.Err()
		}
		return <-r.done // it is being written: only the disk knows
	}
}

// write is the writer goroutine.
func (s *Store) write() {
	defer s.writing.Done()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var due time.Time // when the timer is to fire; zero = nothing to wait for
	last := 0
	for {
		s.freeze(false)
		switch want := s.due(); {
		case want.IsZero():
			due = want
		case want != due:
			due = want
			timer.Reset(max(time.Until(want), 0))
		}
		select {
		case r := <-s.requests:
			batch := s.gather(r, last)
			last = len(batch)
			s.commit(batch)
		case <-timer.C:
			due = time.Time{}
			s.commit(nil)
		case <-s.poke:
		case <-s.applied:
		case <-s.stop:
			for {
				select {
				case r := <-s.requests:
					s.commit(s.gather(r, 0))
					continue
				default:
				}
				s.mu.Lock()
				ack := s.at[events].ackSent || s.at[copies].ackSent
				s.mu.Unlock()
				if ack {
					s.commitSome(nil)
				}
				s.freeze(true)
				return
			}
		}
	}
}

// gather takes what waits. When the last commit had several callers, those are
// just being answered and about to ask again: give them a moment on the
// processor, never a timer.
func (s *Store) gather(first *request, last int) []*request {
	batch := []*request{first}
	for spin := 0; ; spin++ {
		for more := true; more && len(batch) < maxBatch; {
			select {
			case r := <-s.requests:
				batch = append(batch, r)
			default:
				more = false
			}
		}
		if len(batch) >= last || spin >= 3 {
			return batch
		}
		runtime.Gosched()
	}
}

// due is when the writer must wake up by itself.
func (s *Store) due() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	var t time.Time
	for n := range strands {
		if at := s.at[n].ackAt.Add(ackQuiet); s.at[n].ackSent && (t.IsZero() || at.Before(t)) {
			t = at
		}
	}
	if s.mem.n > 0 && !s.busy {
		if at := s.dirtyAt.Add(applyAfter); t.IsZero() || at.Before(t) {
			t = at
		}
	}
	return t
}

// commit runs the closures, journals what they changed, makes it visible and
// answers. A nil batch only writes a waiting ack.
func (s *Store) commit(batch []*request) {
	for len(batch) > 0 {
		rest := s.commitSome(batch)
		batch = batch[len(batch)-rest:]
	}
	ack := false
	s.mu.Lock()
	for n := range strands {
		ack = ack || s.at[n].ackSent && time.Since(s.at[n].ackAt) >= ackQuiet
	}
	s.mu.Unlock()
	if ack {
		s.commitSome(nil)
	}
}

// commitSome does as much of batch as fits and returns how many are left.
func (s *Store) commitSome(batch []*request) (left int) {
	if len(batch) > 0 && batch[0].alone != nil {
		if batch[0].state.CompareAndSwap(waiting, taken) {
			batch[0].done <- batch[0].alone()
		}
		return len(batch) - 1
	}
	s.makeRoom()
	now := time.Now()
	tx, err := s.begin()
	if err != nil {
		for _, r := range batch {
			if r.state.CompareAndSwap(waiting, taken) {
				r.done <- err
			}
		}
		return 0
	}
	tx.write, tx.at = true, now.UnixMilli()
	tx.full = s.pressure.Load() && tx.layers[0].bytes > memLimit || s.low.Load() && s.last(tx) || s.used.Load()+int64(tx.layers[0].bytes+tx.layers[1].bytes) >= s.o.MaxBytes+s.o.ReserveBytes
	var head []op
	if s.journal.full(now) {
		head = tx.metaOps()
	}
	before := tx.c
	base := tx.layers[0].bytes
	ok := make([]*request, 0, len(batch))
	for i, r := range batch {
		if r.alone != nil || tx.layers[0].bytes-base > batchBytes {
			left = len(batch) - i
			break
		}
		if !r.state.CompareAndSwap(waiting, taken) {
			continue
		}
		if err := tx.try(r); err != nil {
			r.done <- err
			continue
		}
		ok = append(ok, r)
	}
	var pending [strands]bool
	s.mu.Lock()
	for n := range strands {
		if at := &s.at[n]; at.ackSent {
			tx.c[n].follow(at.c)
			pending[n] = true
		}
	}
	s.mu.Unlock()
	for n := range strands {
		if tx.c[n] != before[n] || pending[n] {
			tx.own = true
			tx.put(fullKey(meta, []byte(n.key(chainKey))), tx.c[n].pack())
		}
	}
	tx.end()
	if len(tx.ops) > 0 {
		if err = s.store(tx, head, now); err != nil {
			s.mu.Lock()
			for n := range strands {
				s.at[n].ackAt = now // not again at once
			}
			s.mu.Unlock()
		}
	}
	for _, r := range ok {
		r.done <- err
	}
	return left
}

// last reports whether the disk is down to what the store itself needs, to go
// on and to start again: an eighth of the reserve, and twice what has yet to get
// into the file.
func (s *Store) last(tx *Tx) bool {
	free, err := freeBytes(s.dir)
	if s.reserve.has() {
		free += s.o.ReserveBytes // not given up yet
	}
	return err == nil && free < s.o.ReserveBytes/8+2*int64(tx.layers[0].bytes+tx.layers[1].bytes)
}

// try runs one closure on top of those before it and keeps its changes only if
// it ends well.
func (tx *Tx) try(r *request) error {
	mem, c, n := tx.layers[0], tx.c, len(tx.ops)
	tx.own = r.own
	err := tx.call(r.f)
	if err == nil {
		size := 0
		for _, o := range tx.ops[n:] {
			size += len(o.key) + len(o.value) + 16
		}
		if size > maxRecord/2 {
			err = fmt.Errorf("queue: a transaction of %d bytes, at most %d are possible", size, maxRecord/2)
		}
	}
	if err != nil {
		tx.layers[0], tx.c, tx.ops = mem, c, tx.ops[:n]
	}
	return err
}

// store journals the changes of tx and makes them visible.
func (s *Store) store(tx *Tx, head []op, now time.Time) error {
	lsn := s.lsn + 1 // only the writer changes it
	if head != nil {
		r := record{lsn: s.lsn, ops: head}
		err := s.journal.start(now, r)
		if err != nil && isFull(err) && s.giveReserve() {
			err = s.journal.start(now, r)
		}
		if err != nil && s.journal.f == nil {
			return s.failed("journal", err)
		}
		if err != nil {
			s.log.Warn("no new journal file, going on with the old one", "err", err)
		}
	}
	r := record{kind: kindCommit, lsn: lsn, at: tx.at, ops: tx.ops}
	again, err := s.journal.append(r)
	if err != nil && again && isFull(err) && s.giveReserve() {
		again, err = s.journal.append(r)
	}
	if err != nil && !again {
		// This handle is not to be believed any more. In a new file the header
		// says which commit comes next, so what the old one may hold is void.
		err = s.retry(r, tx, err)
	}
	if err != nil {
		return s.failed("journal", err)
	}
	s.recovered()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mem.n == 0 {
		s.dirtyAt = now
	}
	s.mem, s.lsn = tx.layers[0], lsn
	s.jmark = mark{lsn: lsn, file: s.journal.name, off: s.journal.off}
	for n := range strands {
		s.at[n].become(tx.c[n], tx.at)
	}
	return nil
}

// retry writes r as the first commit of a new journal file.
func (s *Store) retry(r record, tx *Tx, cause error) error {
	s.failed("journal", cause)
	s.journal.drop()
	view, err := s.begin()
	if err != nil {
		return errors.Join(cause, err)
	}
	head := view.metaOps()
	view.end()
	if err := s.journal.start(fromMS(tx.at), record{lsn: r.lsn - 1, ops: head}); err != nil {
		return errors.Join(cause, err)
	}
	if _, err := s.journal.append(r); err != nil {
		s.journal.drop()
		return errors.Join(cause, err)
	}
	return nil
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// failed notes that the disk did not do what it was told and classifies it.
func (s *Store) failed(what string, err error) error {
	s.trouble.Store(true)
	s.log.Error("writing failed", "what", what, "err", err)
	s.raise(kindTrouble, "error", err.Error())
	if isFull(err) {
		return &fault.Error{Kind: fault.Full, Component: "queue", Op: what, Err: err, Hint: kindFull.Remedy.EN}
	}
	return &fault.Error{Kind: fault.Unknown, Component: "queue", Op: what, Err: diskError{err}, Hint: kindTrouble.Remedy.EN}
}

// recovered notes that the disk works again.
func (s *Store) recovered() {
	if s.trouble.CompareAndSwap(true, false) {
		s.log.Info("writing works again")
		s.clear(kindTrouble)
	}
}

// metaOps lists all of meta, for the header of a journal file.
func (tx *Tx) metaOps() []op {
	ops := []op{}
	err := tx.scan(meta, nil, nil, false, func(key string, e entry) (bool, error) {
		if key != lsnKey {
			ops = append(ops, op{key: fullKey(meta, []byte(key)), value: append([]byte{}, e.value...)})
		}
		return true, nil
	})
	if err != nil {
		// A damaged counter: the header goes without it, the file's check and
		// repair deal with it.
		tx.s.log.Error("reading counters for the journal failed", "err", fmt.Sprint(err))
	}
	return ops
}
