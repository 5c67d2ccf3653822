package code

import (
	"strings"

	"tilld/scanner/code/gs1"
)

// maxText bounds an article number of the house's own.
const maxText = 64

// Classify says what a payload is. The state decides first, since digit rules
// collide; the AIM identifier second; the digits last:
//
//  0. a payment proof, in every state: 246 digits beginning with 92, longer than
//     any other code of digits;
//  1. the chain's own patterns (member, coupon, pickup, basket, badge, receipt),
//     which are anchored and therefore cannot collide by accident;
//     Where they are taken, the short codes instead of proofs come next: 18 digits
//     beginning with 93, unless the symbology says GS1;
//  2. while a payment is awaited: auth codes, from linear codes and QR alike;
//  3. GS1 data, by AIM identifier or a leading FNC1, and Digital Link;
//  4. in-store labels, then GTINs, where the symbology does not speak against it;
//  5. auth codes out of place: still secrets, so that they reach no ledger;
//  6. item URLs, EMVCo codes, signed tokens, article numbers.
func (r Rules) Classify(state State, aim string, data []byte) Code {
	c := Code{Kind: Unknown, AIM: aim, Symbology: symbology(aim)}
	if len(data) == 0 || len(data) > 2953 {
		c.Reason = "empty or too long"
		return c
	}
	c.Text = string(data)
	if isProof(c.Text) {
		c.Kind = Proof
		return c
	}
	for _, o := range r.own {
		if o.pattern.MatchString(c.Text) {
			c.Kind = o.kind
			return c
		}
	}
	switch {
	case r.proofCodes && isProofCode(c.Text) && !carriesGS1(aim):
		c.Kind = ProofCode
	case allDigits(c.Text):
		r.digits(state, &c)
	case carriesGS1(aim) || c.Text[0] == '\x1d':
		r.elements(&c)
	default:
		r.text(&c)
	}
	return c
}

// isProof reports whether text has the form of a payment proof PP1
// (docs/offline-pay.md).
func isProof(text string) bool {
	return len(text) == 246 && strings.HasPrefix(text, "92") && allDigits(text)
}

// isProofCode reports whether text has the form of the code that a 1D scanner
// reads instead of a proof.
func isProofCode(text string) bool {
	return len(text) == 18 && strings.HasPrefix(text, "93") && allDigits(text)
}

// digits classifies a payload of digits alone.
func (r Rules) digits(state State, c *Code) {
	retail := len(c.AIM) >= 2 && c.AIM[1] == 'E' // EAN and UPC: never an auth code
	if !retail && state == AwaitingPayment {
		if scheme, ok := r.scheme(c.Text); ok {
			c.Kind, c.Scheme = AuthCode, scheme
			return
		}
	}
	if carriesGS1(c.AIM) {
		r.elements(c)
		return
	}
	for _, l := range r.labels {
		if l.read(c.Text, c) {
			return
		}
	}
	if gtin, ok := GTIN14(c.Text, c.AIM); ok {
		c.Kind, c.GTIN = Product, gtin
		return
	}
	if retail {
		c.Reason = "wrong check digit"
		return
	}
	if scheme, ok := r.scheme(c.Text); ok {
		c.Kind, c.Scheme = AuthCode, scheme
		return
	}
	if r.forwardUnknown && state == AwaitingPayment && len(c.Text) >= 16 && len(c.Text) <= 24 {
		c.Kind = AuthCode
		return
	}
	if len(c.Text) <= maxText {
		c.Kind = Product // an article number of the house's own; the price book decides
		return
	}
	c.Reason = "too many digits"
}

// elements classifies GS1 data.
func (r Rules) elements(c *Code) {
	raw := strings.TrimPrefix(c.Text, "\x1d")
	if strings.Contains(raw, "^") {
		c.Reason = "'^' is not allowed in GS1 data"
		return
	}
	m, err := gs1.Parse("^" + strings.ReplaceAll(raw, "\x1d", "^"))
	if err != nil {
		c.Reason = err.Error()
		return
	}
	c.message(m)
}

// text classifies everything else.
func (r Rules) text(c *Code) {
	for _, re := range r.itemURL {
		m := re.FindStringSubmatch(c.Text)
		if m == nil {
			continue
		}
		c.Kind = ItemCode
		for i, name := range re.SubexpNames() {
			switch name {
			case "gtin":
				c.GTIN = strings.Repeat("0", max(0, 14-len(m[i]))) + m[i]
			case "serial":
				c.Serial = m[i]
			}
		}
		return
	}
	if gs1.IsLink(c.Text) {
		m, err := gs1.ParseLink(c.Text, gs1.Options{ZeroSuppressed: true})
		if err != nil {
			c.Reason = "a web address that no rule names: " + err.Error()
			return
		}
		c.message(m)
		return
	}
	if isEMV(c.Text) {
		c.Kind = PayCode
		return
	}
	if isToken(c.Text) {
		c.Kind = Token
		return
	}
	if len(c.Text) <= maxText && printable(c.Text) && !strings.Contains(c.Text, "://") {
		c.Kind = Product
		return
	}
	c.Reason = "no rule fits"
}

// message takes from GS1 data what a till needs of it.
func (c *Code) message(m gs1.Message) {
	for _, key := range []string{"01", "02", "03"} {
		if v, ok := m.Value(key); ok && c.GTIN == "" {
			c.GTIN = v
		}
	}
	if v, ok := m.Value("8006"); ok && c.GTIN == "" {
		c.GTIN = v[:14]
	}
	c.Serial, _ = m.Value("21")
	c.Batch, _ = m.Value("10")
	if c.Expiry, _ = m.Value("17"); c.Expiry == "" {
		c.Expiry, _ = m.Value("15")
	}
	for _, e := range m {
		switch {
		case e.AI == "30":
			c.Quantity = strings.TrimLeft(e.Value, "0")
		case strings.HasPrefix(e.AI, "310"):
			c.Quantity = decimal(e.Value, int(e.AI[3]-'0'))
		case strings.HasPrefix(e.AI, "392"):
			c.Price = minor(e.Value, int(e.AI[3]-'0'))
		case strings.HasPrefix(e.AI, "393") && len(e.Value) > 3:
			c.Price = minor(e.Value[3:], int(e.AI[3]-'0'))
		}
	}
	switch {
	case c.GTIN == "":
		c.Kind, c.Reason = Unknown, "GS1 data without a GTIN"
	case c.Serial != "":
		c.Kind = ItemCode
	case c.Quantity != "" || c.Price != 0:
		c.Kind = Weighed
	default:
		c.Kind = Product
	}
}

// decimal places the point: "001250" with 3 is "1.250".
func decimal(digits string, places int) string {
	if places >= len(digits) {
		digits = strings.Repeat("0", places-len(digits)+1) + digits
	}
	whole, part := strings.TrimLeft(digits[:len(digits)-places], "0"), digits[len(digits)-places:]
	if whole == "" {
		whole = "0"
	}
	part = strings.TrimRight(part, "0")
	if part == "" {
		return whole
	}
	return whole + "." + part
}

// minor is an amount with some decimals in hundredths, 0 when it is out of
// range or has more than two decimals.
func minor(digits string, places int) int64 {
	var n int64
	for i := range len(digits) {
		n = n*10 + int64(digits[i]-'0')
		if n > 1e15 {
			return 0
		}
	}
	for ; places > 2; places-- {
		if n%10 != 0 {
			return 0
		}
		n /= 10
	}
	for ; places < 2; places++ {
		n *= 10
	}
	return n
}

// isEMV reports whether text is an EMVCo merchant-presented QR code: TLV that
// begins with the format indicator and ends with a good CRC (EMVCo QRCPS,
// CRC-16/CCITT-FALSE over everything up to the CRC's value).
func isEMV(text string) bool {
	n := len(text)
	if n < 20 || n > 512 || !strings.HasPrefix(text, "000201") || text[n-8:n-4] != "6304" {
		return false
	}
	crc := uint16(0xffff)
	for i := range n - 4 {
		crc ^= uint16(text[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	const hex = "0123456789ABCDEF"
	want := string([]byte{hex[crc>>12], hex[crc>>8&15], hex[crc>>4&15], hex[crc&15]})
	return strings.ToUpper(text[n-4:]) == want
}

// isToken reports whether text has the form of a compact JWT (RFC 7519): three
// parts of base64url, the first of which begins like a JSON object.
func isToken(text string) bool {
	if !strings.HasPrefix(text, "eyJ") || strings.Count(text, ".") != 2 {
		return false
	}
	for _, c := range []byte(text) {
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// carriesGS1 reports whether an AIM identifier announces GS1 data.
func carriesGS1(aim string) bool {
	switch aim {
	case "]C1", "]e0", "]e1", "]e2", "]d2", "]Q3", "]Q4", "]J1":
		return true
	default:
		return false
	}
}

// symbology names the symbology of an AIM identifier, "" when unknown
// (ISO/IEC 15424).
func symbology(aim string) string {
	if len(aim) < 3 || aim[0] != ']' {
		return ""
	}
	switch aim {
	case "]C1":
		return "gs1-128"
	case "]E4":
		return "ean8"
	case "]d2":
		return "gs1-datamatrix"
	case "]Q3", "]Q4":
		return "gs1-qr"
	}
	return symbologies[aim[1]]
}

// symbologies are the code letters of AIM identifiers.
var symbologies = [256]string{
	'A': "code39", 'C': "code128", 'E': "ean13", 'F': "codabar", 'G': "code93", 'I': "itf", 'L': "pdf417",
	'Q': "qr", 'R': "code25", 'S': "code25", 'd': "datamatrix", 'e': "databar", 'h': "hanxin", 'z': "aztec", 'J': "dotcode",
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func printable(s string) bool {
	for _, r := range s {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0xfffd {
			return false
		}
	}
	return true
}
