package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"tilld/internal/fault"
	"tilld/internal/health"
)

// Names in the data directory.
const (
	dbName      = "till.db"
	journalDir  = "journal"
	snapshotDir = "snapshots"
	reserveName = "reserve"
)

// Store is the open data directory. It is safe for concurrent use.
//
// A commit goes into the journal first; once that is synced the caller is
// answered. The changes then lie in mem, from where they reach the file a
// little later, many at a time: in frozen while that is going on. Whoever reads
// looks into mem, frozen and the file, in this order.
type Store struct {
	o    Options
	log  *slog.Logger
	dir  string
	lock *os.File

	handle sync.RWMutex // held by each transaction; taken whole while the file is reopened
	db     *bolt.DB

	mu          sync.Mutex // guards what follows
	at          [strands]place
	lsn         uint64
	jmark       mark // of lsn
	mem, frozen tree
	busy        bool      // frozen is on its way into the file
	dirtyAt     time.Time // when mem got its first change
	damage      map[string]struct{}

	used     atomic.Int64 // live bytes in the file
	low      atomic.Bool  // the disk is nearly full or the reserve is spent
	trouble  atomic.Bool  // the last write or sync failed
	suspect  atomic.Bool  // reading the file went wrong in a way that its records do not explain
	pressure atomic.Bool  // the file cannot take what the journal has

	left     atomic.Bool // a file was left behind open, see closeFile
	hopeless chan error  // why only a new process can open the file, for Run

	vault *vault // keys of what is personal

	journal  *journal      // the writer goroutine's
	requests chan *request // unbuffered: after the writer's end nobody gets stuck in it
	poke     chan struct{} // something for the writer to do besides requests
	applies  chan job      // to the applier
	applied  chan struct{}
	stop     chan struct{}
	once     sync.Once
	writing  sync.WaitGroup
	applying sync.WaitGroup

	trimmed  [strands]string // the last event deleted, where trim goes on
	reserve  reserve
	recovery atomic.Pointer[Recovery]
	faults   faults
}

// faults are set by tests only: a disk that fails, and smaller bounds.
type faults struct {
	openJournal func(path string, flag int) (file, error)
	apply       func() error            // called before a commit to the file
	rewrite     func(path string) error // instead of rewrite
	noSync      bool                    // the control that must fail: the file is not synced
	eager       bool                    // each commit goes to the file at once
	rotate      int64                   // instead of rotateBytes
	alloc       int                     // by how much the file grows
}

// begin starts a transaction on the present state. end must follow.
func (s *Store) begin() (*Tx, error) {
	s.handle.RLock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		s.handle.RUnlock()
		return nil, s.notOpen()
	}
	// Under mu, because the trees must not move on before the file is fixed. It
	// may have frozen already, which changes nothing.
	file, err := s.db.Begin(false)
	if err != nil {
		s.handle.RUnlock()
		if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
			return nil, s.notOpen()
		}
		return nil, fault.New(fault.Corrupt, "queue", "begin", err)
	}
	tx := &Tx{s: s, file: file, layers: [2]tree{s.mem, s.frozen}}
	for n := range strands {
		tx.c[n] = s.at[n].c
	}
	return tx, nil
}

// notOpen says why there is no file: the store was closed, or the file could not be
// opened again after the disk had failed.
func (s *Store) notOpen() error {
	select {
	case <-s.stop:
		return ErrClosed
	default:
		return &fault.Error{Kind: fault.Unknown, Component: "queue", Op: "open", Err: diskError{errors.New("till.db is not open")}, Hint: kindTrouble.Remedy.EN}
	}
}

func (tx *Tx) end() {
	tx.ended = true
	_ = tx.file.Rollback() // a read transaction's only error is that it is over
	tx.s.handle.RUnlock()
}

// View runs f on what is committed at the call. It neither waits for writers
// nor holds them up, but a long one keeps old pages of the file from being used
// again. A panic of f is its error.
func (s *Store) View(f func(*Tx) error) error {
	tx, err := s.begin()
	if err != nil {
		return err
	}
	defer tx.end()
	return tx.call(f)
}

// call runs f and turns a panic into an error: of f, or of bbolt on a page that
// went bad under it.
func (tx *Tx) call(f func(*Tx) error) (err error) {
	old := debug.SetPanicOnFault(true) // a sector that cannot be read must not end the till
	defer func() {
		debug.SetPanicOnFault(old)
		if r := recover(); r != nil {
			err = &PanicError{Value: r, Stack: debug.Stack()}
			if own, ok := r.(runtime.Error); ok && isAddressFault(own) || inBolt(debug.Stack()) {
				tx.s.suspect.Store(true) // Run has the file checked
				err = fault.New(fault.Corrupt, "queue", "read", err)
			}
		}
	}()
	return f(tx)
}

// isAddressFault tells a page that could not be read from a bug.
func isAddressFault(err runtime.Error) bool {
	_, ok := err.(interface{ Addr() uintptr })
	return ok
}

// inBolt reports whether a panic came out of bbolt, which checks pages by
// assertions.
func inBolt(stack []byte) bool {
	_, after, found := bytes.Cut(stack, []byte("panic("))
	frames := bytes.SplitN(after, []byte("\n"), 5)
	return found && len(frames) > 2 && bytes.Contains(frames[2], []byte("go.etcd.io/bbolt"))
}

// PanicError is what a panic inside a transaction is answered with.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("queue: panic in a transaction: %v", e.Value) }

func (s *Store) state(n strand) chain {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at[n].c
}

// Boot counts the starts of this data directory, from 1.
func (s *Store) Boot() uint32 { return s.state(events).boot }

// Recovered says what this start found damaged and repaired; nil = nothing.
func (s *Store) Recovered() *Recovery { return s.recovery.Load() }

// Epoch is the present epoch, 32 hex digits.
func (s *Store) Epoch() string { return s.state(events).epochText() }

// LastSeq is the sequence of the newest event; 0 before the first.
func (s *Store) LastSeq() uint64 { return s.state(events).last }

// AckedSeq is the sequence through which the cloud has everything.
func (s *Store) AckedSeq() uint64 { return s.state(events).acked }

// Grown returns a channel that is closed at the next append and at a new epoch.
func (s *Store) Grown() <-chan struct{} { return s.grows(events) }

func (s *Store) grows(n strand) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at[n].grown
}

// Stats is the queue at a glance. It costs no disk access.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.at[events].c
	st := Stats{
		Epoch: c.epochText(), Depth: int(c.last - c.acked), LastSeq: c.last, AckedSeq: c.acked,
		Bytes: s.used.Load() + int64(s.mem.bytes+s.frozen.bytes), Limit: s.o.MaxBytes, Dead: int(c.dead),
	}
	if at := s.at[events].oldest; at != 0 {
		st.Oldest = fromMS(at)
	}
	st.Failing = s.trouble.Load() || s.db == nil
	st.Accepting = st.Bytes < s.o.MaxBytes && !s.low.Load() && !s.trouble.Load() && !s.pressure.Load()
	return st
}

func (s *Store) fullFault() error {
	return &fault.Error{
		Kind: fault.Full, Component: "queue", Op: "put", Err: errors.New("no room left"),
		Hint: kindFull.Remedy.EN,
	}
}

func (s *Store) raise(k health.Kind, args ...string) {
	if s.o.Health != nil {
		s.o.Health.Raise(k, "queue", args...)
	}
}

func (s *Store) clear(k health.Kind) {
	if s.o.Health != nil {
		s.o.Health.Clear(k, "queue")
	}
}

// NextSession counts up and stores the number of the next MQTT session; to be
// called before each CONNECT.
func (s *Store) NextSession(ctx context.Context) (uint64, error) { return s.nextSession(ctx, events) }

func (s *Store) nextSession(ctx context.Context, n strand) (number uint64, err error) {
	err = s.own(ctx, func(tx *Tx) error {
		tx.c[n].session++
		number = tx.c[n].session
		return nil
	})
	return number, err
}

func (s *Store) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

const ackQuiet = time.Second // how long an ack waits for a commit to ride along with
