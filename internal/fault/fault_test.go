package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"tilld/internal/fault"
)

func TestKindAndHintSurviveWrapping(t *testing.T) {
	inner := &fault.Error{Kind: fault.Absent, Component: "pole-1", Op: "show", Hint: "check the cable", Err: io.EOF}
	err := fmt.Errorf("sale: %w", fault.New(fault.Timeout, "screen", "show", inner))
	if got := fault.KindOf(err); got != fault.Timeout {
		t.Errorf("KindOf = %v, want the outermost kind, timeout", got)
	}
	if got := fault.HintOf(err); got != "check the cable" {
		t.Errorf("HintOf = %q, want the first hint in the tree", got)
	}
	if !errors.Is(err, io.EOF) {
		t.Error("the cause is lost")
	}
	if got, want := inner.Error(), "pole-1: show: absent: EOF"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if fault.KindOf(io.EOF) != fault.Unknown || fault.HintOf(io.EOF) != "" {
		t.Error("a foreign error has a kind or a hint")
	}
}

// The numbers are stored in till.db and sent to the cloud.
func TestKindsKeepTheirNumbers(t *testing.T) {
	for n, want := range []string{"unknown", "config", "absent", "busy", "timeout", "protocol", "attention", "full", "corrupt", "refused", "kind(10)"} {
		if got := fault.Kind(n).String(); got != want {
			t.Errorf("kind %d is %q, want %q", n, got, want)
		}
	}
}
