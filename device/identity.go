package device

import (
	"fmt"
	"strconv"
	"strings"
)

// Identity says which piece of hardware is behind an address, as far as the
// hardware tells: USB vendor, product and serial number. Two pieces of one
// model without serial numbers have the same identity.
type Identity struct {
	VID, PID string // four upper-case hexadecimal digits each; "" when not USB
	Serial   string // "" when the device has none
}

// ParseIdentity reads "VID:PID" or "VID:PID/SERIAL" or "VID:PID:SERIAL".
func ParseIdentity(s string) (Identity, error) {
	vid, rest, ok := strings.Cut(s, ":")
	pid, serial := rest, ""
	if i := strings.IndexAny(rest, "/:"); i >= 0 {
		pid, serial = rest[:i], rest[i+1:]
	}
	if !ok || !hex4(vid) || !hex4(pid) {
		return Identity{}, fmt.Errorf("%q is not VID:PID or VID:PID/SERIAL with four hexadecimal digits each, such as 1A86:7523", s)
	}
	return Identity{VID: strings.ToUpper(vid), PID: strings.ToUpper(pid), Serial: serial}, nil
}

func hex4(s string) bool {
	_, err := strconv.ParseUint(s, 16, 16)
	return len(s) == 4 && err == nil
}

// IsZero reports whether nothing is known.
func (i Identity) IsZero() bool { return i == Identity{} }

// String is the form that [ParseIdentity] reads; "" when nothing is known.
func (i Identity) String() string {
	switch {
	case i.VID == "":
		return ""
	case i.Serial == "":
		return i.VID + ":" + i.PID
	default:
		return i.VID + ":" + i.PID + "/" + i.Serial
	}
}

// Matches reports whether have is what i asks for. Without a serial number i
// takes any.
func (i Identity) Matches(have Identity) bool {
	return strings.EqualFold(i.VID, have.VID) && strings.EqualFold(i.PID, have.PID) &&
		(i.Serial == "" || i.Serial == have.Serial)
}

// Identified is a [Port] that knows which hardware it leads to.
type Identified interface {
	Identity() Identity
}

// Prober is a [Port] that notices without traffic that its device is gone.
// Alive returns nil while it is there; it costs microseconds and never blocks.
type Prober interface {
	Alive() error
}

// As finds what a port can do, looking through wrappers that have an
// Unwrap() Port method.
func As[T any](p Port) (T, bool) {
	for p != nil {
		if t, ok := p.(T); ok {
			return t, true
		}
		w, ok := p.(interface{ Unwrap() Port })
		if !ok {
			break
		}
		p = w.Unwrap()
	}
	var none T
	return none, false
}
