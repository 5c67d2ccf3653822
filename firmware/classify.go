package firmware

import (
	"context"
	"errors"
	"io/fs"

	"tilld/firmware/slots"
	"tilld/firmware/tuf"
	"tilld/internal/fault"
)

// classify gives an error its kind and says what a person can do about it.
func classify(op string, err error) error {
	if fault.KindOf(err) != fault.Unknown {
		return err
	}
	kind, hint := fault.Absent, "check the cable, the address and that the stick is whole; what is there already is kept for the next try"
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		kind, hint = fault.Timeout, "try again; the download continues where it ended"
	case errors.Is(err, tuf.ErrNoRoot):
		kind, hint = fault.Config, "this build has no root of trust: name one with --root FILE"
	case slots.IsHeld(err):
		kind, hint = fault.Busy, "another update is under way: wait until it has ended"
	case errors.Is(err, slots.ErrOnTrial):
		kind, hint = fault.Busy, "wait until it is confirmed or rolled back"
	case errors.Is(err, tuf.ErrNoTarget):
		kind, hint = fault.Refused, "the repository has no build for this kind of till or channel; tell its publisher"
	case errors.Is(err, tuf.ErrExpired):
		kind, hint = fault.Refused, "the repository, or this till's clock, is too old: check the date, then make a new stick"
	case errors.Is(err, tuf.ErrRollback):
		kind, hint = fault.Refused, "this repository is older than one seen before: use the newest"
	case errors.Is(err, tuf.ErrUntrusted), errors.Is(err, tuf.ErrContent):
		kind, hint = fault.Refused, "do not use this repository: it was changed after it was signed, or signed by someone else"
	case errors.Is(err, fs.ErrPermission):
		kind, hint = fault.Config, "run it as root or as the user of the service"
	case isFull(err):
		kind, hint = fault.Full, "make room in the data directory"
	}
	return trouble(kind, op, hint, err)
}
