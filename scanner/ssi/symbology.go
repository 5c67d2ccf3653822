package ssi

// aims gives the AIM identifier of a bar code type as SSI numbers them. Types
// that are not here have none: the payload alone says what they are.
var aims = map[byte]string{
	0x01: "]A0", 0x13: "]A4", 0x20: "]A0", // Code 39, full ASCII, Code 32
	0x02: "]F0", 0x18: "]F0", // Codabar, NW-7
	0x03: "]C0", 0x0f: "]C1", 0x19: "]C0", 0x21: "]C4", // Code 128, GS1-128, ISBT 128, concatenated
	0x04: "]S0", 0x05: "]R0", 0x06: "]I0", // discrete, IATA and interleaved 2 of 5
	0x07: "]G0", 0x0c: "]H0", 0x0e: "]M0", 0x12: "]K0", // Code 93, Code 11, MSI, Code 16K
	0x08: "]E0", 0x09: "]E0", 0x10: "]E0", // UPC-A, UPC-E, UPC-E1
	0x0a: "]E4", 0x0b: "]E0", bookland: "]X0", // EAN-8, EAN-13, ISBN
	0x11: "]L0", 0x1a: "]L0", 0x28: "]L0", // PDF417, MicroPDF417, macro PDF
	0x15: "]X0", 0x39: "]X0", 0x72: "]X0", // Trioptic, matrix and Chinese 2 of 5
	0x1b: "]d1", 0xc1: "]d2", // Data Matrix, GS1
	0x1c: "]Q1", 0x29: "]Q1", 0x2c: "]Q1", 0xc2: "]Q3", // QR, macro QR, micro QR, GS1
	0x25: "]U0", 0x2d: "]z0", 0x2e: "]zC", 0xb7: "]h0", 0xc4: "]J0", // MaxiCode, Aztec, Aztec rune, Han Xin, DotCode
	0x30: "]e0", 0x31: "]e0", 0x32: "]e0", // GS1 DataBar: omnidirectional, limited, expanded
	0x48: "]E3", 0x4b: "]E3", 0x88: "]E3", 0x8b: "]E3", // UPC-A and EAN-13 with add-on of 2 or 5 digits
}

// aimOf returns the AIM identifier of a code; "" when its type has none.
func aimOf(kind byte, data []byte) string {
	if kind == bookland && len(data) == 13 {
		return "]E0" // sent as the EAN-13 that it is; as an ISBN of ten characters it is another code
	}
	return aims[kind]
}

const bookland = 0x16
