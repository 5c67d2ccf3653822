package ssi

// Opcodes and fields of SSI packets.
const (
	opAck          = 0xd0
	opNak          = 0xd1
	opDecodeData   = 0xf3
	opStartSession = 0xe4
	opStopSession  = 0xe5
	opBeep         = 0xe6

	fromScanner = 0x00
	fromHost    = 0x04

	retransmitted = 1 << 0 // status bits
	continues     = 1 << 1

	nakResend = 1

	beepShortHigh     = 0x00 // one
	beepThreeLongLows = 0x11
)

// packet makes the host's packet: length without checksum, opcode, source,
// status, data, and the two's complement of the sum of all bytes before it.
func packet(op byte, data ...byte) []byte {
	b := append([]byte{byte(4 + len(data)), op, fromHost, 0}, data...)
	sum := checksum(b)
	return append(b, byte(sum>>8), byte(sum))
}

func checksum(b []byte) uint16 {
	var sum uint16
	for _, c := range b {
		sum += uint16(c)
	}
	return -sum
}
