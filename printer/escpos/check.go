package escpos

import "tilld/device"

// Check reports what is wrong with the options of a configuration entry.
func Check(s device.Spec) error {
	_, err := configure(s)
	return err
}
