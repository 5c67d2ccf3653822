package device

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"tilld/internal/fault"
)

// Send writes one whole frame before ctx ends and classifies the failure:
// kind Timeout when the device stopped taking bytes, Absent when the port is
// gone. After an error part of the frame may be on the wire, so go on from a
// state on which the device can resynchronise, never from the middle. Reads that
// wait meanwhile are not disturbed on ports with a deadline for each direction.
func Send(ctx context.Context, p Port, component, op string, frame []byte) error {
	if err := ctx.Err(); err != nil {
		return fault.New(fault.Timeout, component, op, err)
	}
	deadline, _ := ctx.Deadline()
	if err := SetWriteDeadline(p, deadline); err != nil {
		return fault.New(fault.Absent, component, op, err)
	}
	cut := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		SetWriteDeadline(p, time.Unix(1, 0))
		close(cut)
	})
	n, err := p.Write(frame)
	if !stop() {
		<-cut // the late deadline must not hit the next frame
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%d of %d bytes sent: %w", n, len(frame), err)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return TakesNothing.Fault(fault.Timeout, component, op, err)
	}
	return PlugIn.Fault(fault.Absent, component, op, err)
}
