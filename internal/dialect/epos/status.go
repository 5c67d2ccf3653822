package epos

import (
	"tilld/device"
	"tilld/internal/dialect"
	"tilld/internal/till"
	"tilld/printer"
)

// Bits of status, as the SDKs name them.
const (
	noResponse    = 0x00000001
	printSuccess  = 0x00000002
	drawerPin     = 0x00000004
	offline       = 0x00000008
	coverOpen     = 0x00000020
	mechanical    = 0x00000400
	cutterError   = 0x00000800
	unrecoverable = 0x00002000
	nearEnd       = 0x00020000
	paperEnd      = 0x00080000
	always        = 0x0f000010 // set by a printer that answers
)

// statusBits is how a printer stands.
func statusBits(p till.PrinterState) uint32 {
	if p.State != device.Ready && p.State != "" {
		return noResponse | offline
	}
	bits := uint32(always)
	if !p.Is(printer.DrawerOpen) {
		bits |= drawerPin
	}
	if p.Is(printer.NearEnd) {
		bits |= nearEnd
	}
	switch dialect.TroubleOf(p) {
	case dialect.Printed:
	case dialect.Paper:
		bits |= offline | nearEnd | paperEnd
	case dialect.Cover:
		bits |= offline | coverOpen
	case dialect.Cutter:
		bits |= offline | cutterError
	case dialect.Repair:
		bits |= offline | unrecoverable | mechanical
	default:
		bits |= offline
	}
	return bits
}

// codeOf says why in the dialect's words.
func codeOf(c dialect.Cause) string {
	switch c {
	case dialect.Printed:
		return ""
	case dialect.Paper:
		return "EPTR_REC_EMPTY"
	case dialect.Cover:
		return "EPTR_COVER_OPEN"
	case dialect.Cutter:
		return "EPTR_CUTTER"
	case dialect.Repair:
		return "EPTR_MECHANICAL"
	case dialect.Absent:
		return "EX_BADPORT"
	case dialect.Silent, dialect.Unsure:
		return "EX_TIMEOUT"
	case dialect.Busy:
		return "EX_ENPC_TIMEOUT"
	case dialect.NotKnown:
		return "DeviceNotFound"
	case dialect.Conflict:
		return "EX_SPOOLER"
	default:
		return "PrintSystemError"
	}
}
