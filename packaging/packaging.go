// Package packaging holds the files that an installation needs beside the
// programs.
package packaging

import _ "embed"

// Unit is the systemd unit; @START@ stands for the command line.
//
//go:embed tilld.service
var Unit string

// Rules are the udev rules for the till's hardware.
//
//go:embed 60-tilld.rules
var Rules string
