//go:build !linux

package queue

import "errors"

func fullDiskChild(string) error { return errors.New("cannot mount") }
