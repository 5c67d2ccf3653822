// Package printertest is the contract of a printer as tests, and a virtual
// receipt printer to run them against: bytes in, dots, text and events out. The
// machine is written from the manuals, apart from the drivers, so that a mistake
// in one of them shows.
package printertest
