package device

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"tilld/internal/fault"
	"tilld/internal/lang"
)

// State is how a device stands, in the words of the status page.
type State string

const (
	Ready   State = "ready"
	Missing State = "absent" // nothing plugged in at that address
	Denied  State = "denied" // a permission is missing
	Taken   State = "busy"   // another program holds it
	Silent  State = "silent" // plugged in, does not answer in time
	Faulty  State = "faulty" // answers nonsense, or is configured wrongly
)

// StateOf maps trouble to the state it puts a device in. Attention leaves the
// device ready: the condition says what the cashier has to do.
func StateOf(err error) State {
	if err == nil {
		return Ready
	}
	switch fault.KindOf(err) {
	case fault.Attention:
		return Ready
	case fault.Absent:
		return Missing
	case fault.Busy:
		return Taken
	case fault.Timeout:
		return Silent
	case fault.Config:
		if errors.Is(err, fs.ErrPermission) {
			return Denied
		}
		return Faulty
	default:
		return Faulty
	}
}

// Status is one row of the device table, as /v1/status and /v1/devices give it.
type Status struct {
	Name      string    `json:"name"`
	Kind      Kind      `json:"kind"`
	Driver    string    `json:"driver"`
	Address   string    `json:"address"`
	State     State     `json:"state"`
	Since     time.Time `json:"since"`
	Condition string    `json:"condition"`      // short reason, "" when ready
	Hint      string    `json:"hint,omitempty"` // what store IT can do, in English
	Code      string    `json:"code,omitempty"` // stable name of the hint, for translations
	Advice    Advice    `json:"-"`              // the hint in both languages
}

// HintIn returns the hint in language t; the English one when a driver has
// given no other.
func (s Status) HintIn(t lang.Tag) string { return cmp.Or(s.Advice.In(t), s.Hint) }

// Board is the table of all configured devices. Safe for concurrent use; the
// zero value is empty.
type Board struct {
	mu    sync.Mutex
	rows  []Status
	watch []func(Status)
}

// Watch has f called after every change of state or condition, from the
// goroutine that reported it; f must not block. Call Watch before devices start.
func (b *Board) Watch(f func(Status)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watch = append(b.watch, f)
}

// Add enters a configured device as absent.
func (b *Board) Add(s Spec) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows = append(b.rows, Status{
		Name: s.Name, Kind: s.Kind, Driver: s.Driver, Address: s.Address,
		State: Missing, Since: time.Now(),
	})
}

// Report records how the device stands: nil for ready, or what is wrong.
func (b *Board) Report(name string, err error) {
	b.mu.Lock()
	i := slices.IndexFunc(b.rows, func(s Status) bool { return s.Name == name })
	if i < 0 {
		b.mu.Unlock()
		return
	}
	old := b.rows[i]
	row := old
	row.State, row.Condition, row.Hint = StateOf(err), "", fault.HintOf(err)
	row.Advice, _ = AdviceOf(err)
	row.Code = row.Advice.Code
	if err != nil {
		row.Condition = strings.ReplaceAll(err.Error(), "\n", ": ") // errors.Join writes lines
	}
	if row.State == old.State && row.Condition == old.Condition && row.Hint == old.Hint {
		b.mu.Unlock()
		return
	}
	if row.State != old.State {
		row.Since = time.Now()
	}
	b.rows[i] = row
	watch := slices.Clone(b.watch)
	b.mu.Unlock()
	for _, f := range watch {
		f(row)
	}
}

// Get returns the row of one device; false when there is none of that name.
func (b *Board) Get(name string) (Status, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, row := range b.rows {
		if row.Name == name {
			return row, true
		}
	}
	return Status{}, false
}

// List returns the table in configuration order; it is never nil, so that a
// till without devices says [] and not null.
func (b *Board) List() []Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Status{}, b.rows...)
}
