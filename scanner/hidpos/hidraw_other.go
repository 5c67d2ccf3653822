//go:build !linux

package hidpos

import (
	"errors"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/internal/lang"
)

// prepare refuses: there is no hidraw on other systems.
func prepare(_ device.Port, name string, _ bool) ([]byte, error) {
	return nil, setSerial.Fault(fault.Config, name, "open", errors.New("HID POS scanners are read on Linux only"))
}

var setSerial = device.Advice{Code: "not_here", Text: lang.Text{
	ZH: "本系统无法读取 HID POS 模式的扫码枪：请把扫码枪设为 USB 串口模式（USB-COM），并改用 driver: line",
	EN: "HID POS scanners cannot be read on this system: set the scanner to USB serial mode (USB-COM) and use driver: line",
}}
