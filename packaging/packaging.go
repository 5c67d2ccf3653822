// Package packaging holds the files that an installation needs beside the
// programs.
package packaging

import _ "embed"

// Unit is the systemd unit; @START@ stands for the command line.
//
//go:embed tilld.service
var Unit string
