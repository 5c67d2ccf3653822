//go:build !linux

package wedge

import (
	"errors"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/internal/lang"
)

// prepare refuses: on other systems the keys of a keyboard go to the window in
// front, and a service never sees them.
func prepare(_ device.Port, name string, _ bool) (string, error) {
	return "", setSerial.Fault(fault.Config, name, "open", errors.New("keyboard scanners are read on Linux only"))
}

var setSerial = device.Advice{Code: "not_here", Text: lang.Text{
	ZH: "本系统无法读取键盘模式的扫码枪：请把扫码枪设为 USB 串口模式（USB-COM），并改用 driver: line",
	EN: "keyboard scanners cannot be read on this system: set the scanner to USB serial mode (USB-COM) and use driver: line",
}}
