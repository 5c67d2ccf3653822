package device_test

import (
	"encoding/json"
	"testing"

	"tilld/device"
)

func TestBoardWithoutDevices(t *testing.T) {
	var b device.Board
	if got, err := json.Marshal(b.List()); string(got) != "[]" {
		t.Errorf("%s, %v", got, err)
	}
}
