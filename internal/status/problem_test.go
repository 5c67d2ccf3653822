package status

import (
	"errors"
	"fmt"
	"testing"

	"tilld/internal/fault"
	"tilld/queue"
)

// Who sells is told what to do, not that the program is at fault.
func TestFailingDiskIsNamed(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("close: %w", queue.ErrDisk), "storage_fault"},
		{&fault.Error{Kind: fault.Unknown, Component: "queue", Err: errors.Join(queue.ErrDisk, errors.New("input/output error"))}, "storage_fault"},
		{fault.New(fault.Full, "queue", "put", errors.New("no room left")), "queue_full"},
		{errors.New("nil pointer"), "internal"},
	} {
		if p, _ := toProblem(c.err); p.Code != c.want {
			t.Errorf("%v: %s, want %s", c.err, p.Code, c.want)
		}
	}
}
