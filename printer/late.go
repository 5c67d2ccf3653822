package printer

import (
	"context"
	"fmt"
	"sync"
)

// late collects evidence that came after its job was done, until the station
// has time to book it.
type late struct {
	mu   sync.Mutex
	list []lateEvidence
}

type lateEvidence struct {
	mark     string
	evidence Evidence
}

// maxLate bounds what a printer gone mad can pile up between two looks.
const maxLate = 100

func (l *late) add(mark string, e Evidence) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.list) < maxLate {
		l.list = append(l.list, lateEvidence{mark, e})
	}
}

func (l *late) take() []lateEvidence {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.list
	l.list = nil
	return list
}

// reconcile books what the printer has said about jobs that are done.
func (st *Station) reconcile(ctx context.Context) error {
	list := st.late.take()
	r, ok := st.Ledger.(Reconciler)
	if !ok || len(list) == 0 {
		return nil
	}
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTime)
	defer cancel()
	for _, l := range list {
		if err := r.Confirm(own, st.Name, l.mark, l.evidence); err != nil {
			return fmt.Errorf("%s: late evidence: %w", st.Name, err)
		}
		st.Log.Info("late evidence", "dev", st.Name, "mark", l.mark, "evidence", l.evidence)
	}
	return nil
}
