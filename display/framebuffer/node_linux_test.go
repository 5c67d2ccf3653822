package framebuffer_test

import (
	"testing"

	"tilld/device"
	"tilld/device/dial"
	"tilld/display/framebuffer"
	"tilld/internal/fault"
)

// The agent's own dialer leads to the kernel's calls: a device that is no
// framebuffer refuses the first of them.
func TestNoFramebuffer(t *testing.T) {
	const address = "fb:///dev/null"
	port, err := dial.New(dial.Options{}).Dial(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	_, err = framebuffer.Open(t.Context(), port, device.Spec{Name: "panel-1", Address: address})
	if advice, ok := device.AdviceOf(err); fault.KindOf(err) != fault.Config || !ok || advice.Code != "wrong_address" {
		t.Errorf("%v, advice %v, want kind config and what to do", err, advice.Code)
	}
	if _, err := dial.New(dial.Options{}).Dial(t.Context(), "fb:///dev/fb77"); fault.KindOf(err) != fault.Absent {
		t.Errorf("no such node: %v, want kind absent", err)
	}
}
