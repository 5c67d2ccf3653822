//go:build !linux && !windows

package main

import "errors"

var errNoService = errors.New("installing a service works on Linux and Windows")

func installService(string) error { return errNoService }
func uninstallService() error     { return errNoService }
