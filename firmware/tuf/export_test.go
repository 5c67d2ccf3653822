package tuf

import "time"

// Shape is the check that comes before the library.
var Shape = shape

// SetStall shortens the wait for a byte.
func (h *HTTP) SetStall(d time.Duration) { h.stall = d }
