package link

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"tilld/internal/strict"
)

// Limits of signed messages.
const (
	maxMessage = 256 << 10      // bytes of the compact form
	maxLife    = 24 * time.Hour // between iat and exp
	maxAhead   = 5 * time.Minute
	maxJTI     = 128
)

// Why a message from the cloud was refused; also the label of its counter.
type refusal string

const (
	refOversized refusal = "oversized"
	refRetained  refusal = "retained"
	refMalformed refusal = "malformed" // not a compact JWT, or other headers than alg, kid, typ
	refKey       refusal = "unknown_key"
	refSignature refusal = "signature"
	refClaims    refusal = "claims" // missing, unknown or nonsensical claims
	refAudience  refusal = "audience"
	refExpired   refusal = "expired"
	refFuture    refusal = "future"
	refType      refusal = "unknown_type"
	refData      refusal = "data" // does not decode
	refRepeated  refusal = "repeated"
	refFlood     refusal = "flood"
	refAck       refusal = "ack" // another epoch, beyond what was sent, wrong hash
	refTopic     refusal = "topic"
)

// refused is a message that is not acted on.
type refused struct {
	why refusal
	err error
}

func (r *refused) Error() string { return string(r.why) + ": " + r.err.Error() }
func (r *refused) Unwrap() error { return r.err }

func refuse(why refusal, format string, args ...any) error {
	return &refused{why: why, err: fmt.Errorf(format, args...)}
}

// message is a signed message whose signature, shape and audience are right.
// Its age is not judged yet: see [message.fresh].
type message struct {
	issuer   string
	jti      string
	ref      string
	kind     string
	issued   time.Time
	grain    time.Duration // issued is exact to this much, downwards
	expires  time.Time
	data     json.RawMessage
	received time.Time // by the till's clock
}

// verifier checks signed messages for one till.
type verifier struct {
	audience map[string]bool // the till's path and its two wildcards
	trust    func(kid string) (Trust, error)
	parser   *jwt.Parser
	size     int           // bytes of the compact form
	life     time.Duration // between iat and exp, at most
}

func newVerifier(merchant, store, till string, trust func(kid string) (Trust, error)) *verifier {
	return &verifier{
		size: maxMessage, life: maxLife,
		audience: map[string]bool{
			merchant + "/" + store + "/" + till: true,
			merchant + "/" + store + "/*":       true,
			merchant + "/*":                     true,
		},
		trust: trust,
		// The library checks base64, algorithm and signature. All claims are
		// checked here: it would let a missing iat, a life of ten years and
		// unknown claims pass, and would refuse by a clock that is itself wrong.
		parser: jwt.NewParser(jwt.WithValidMethods([]string{"EdDSA"}), jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation()),
	}
}

// raw keeps the claims as they are until the signature has been checked.
type raw struct {
	jwt.MapClaims // never filled; satisfies jwt.Claims
	bytes         []byte
}

func (r *raw) UnmarshalJSON(b []byte) error { r.bytes = bytes.Clone(b); return nil }

// verify checks, in this order: size, characters, header, key, signature,
// claims, audience. Its errors are *refused.
func (v *verifier) verify(token []byte, received time.Time) (*message, error) {
	if len(token) > v.size { // the rest of a very long one is cut off, see wire
		return nil, refuse(refOversized, "more than %d bytes", v.size)
	}
	text := string(token)
	if err := compact(text); err != nil {
		return nil, &refused{refMalformed, err}
	}
	kid, err := header(text)
	if err != nil {
		return nil, &refused{refMalformed, err}
	}
	trust, err := v.trust(kid)
	if err != nil {
		return nil, &refused{refKey, err}
	}
	key, ok := trust.Message(kid)
	if !ok {
		return nil, refuse(refKey, "no message key with kid %.40q in the trust file", kid)
	}
	var claims raw
	if _, err := v.parser.ParseWithClaims(text, &claims, func(*jwt.Token) (any, error) { return key, nil }); err != nil {
		if errors.Is(err, jwt.ErrTokenMalformed) {
			return nil, &refused{refMalformed, err}
		}
		return nil, &refused{refSignature, err}
	}
	return v.claims(claims.bytes, received)
}

// compact reports whether s has the characters and the three parts of a JWT in
// compact form. The library would decode around line breaks.
func compact(s string) error {
	dots := 0
	for i := range len(s) {
		switch c := s[i]; {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
		case c == '.':
			dots++
		default:
			return fmt.Errorf("byte %#02x at %d in a compact JWT", c, i)
		}
	}
	if dots != 2 {
		return fmt.Errorf("%d dots in a compact JWT", dots)
	}
	return nil
}

// header accepts exactly {"alg":"EdDSA","kid":…,"typ":"JWT"}: no crit, no jku,
// jwk or x5u, nothing twice.
func header(token string) (kid string, err error) {
	part, _, _ := strings.Cut(token, ".")
	b, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return "", err
	}
	if err := strict.Check(b); err != nil {
		return "", err
	}
	var h map[string]any
	if err := json.Unmarshal(b, &h); err != nil {
		return "", err
	}
	kid, ok := h["kid"].(string)
	if len(h) != 3 || h["alg"] != "EdDSA" || h["typ"] != "JWT" || !ok || kid == "" {
		return "", errors.New("header is not exactly alg EdDSA, kid and typ JWT")
	}
	return kid, nil
}

// claims decodes and checks the signed claims.
func (v *verifier) claims(b []byte, received time.Time) (*message, error) {
	if err := strict.Check(b); err != nil {
		return nil, &refused{refClaims, err}
	}
	var c map[string]json.RawMessage // exact names: a struct would match JTI as well
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, &refused{refClaims, err}
	}
	m := &message{received: received, data: json.RawMessage("{}")}
	var aud []string
	var err error
	for name, value := range c {
		switch name {
		case "iss":
			err = json.Unmarshal(value, &m.issuer)
		case "aud":
			aud, err = audiences(value)
		case "jti":
			err = json.Unmarshal(value, &m.jti)
		case "ref":
			err = json.Unmarshal(value, &m.ref)
		case "type":
			err = json.Unmarshal(value, &m.kind)
		case "iat":
			m.issued, m.grain, err = numericDate(value)
		case "exp":
			m.expires, _, err = numericDate(value)
		case "data":
			switch {
			case value[0] == '{':
				m.data = value
			case string(value) != "null":
				err = errors.New("not an object")
			}
		default:
			err = errors.New("unknown claim")
		}
		if err != nil {
			return nil, refuse(refClaims, "%.40q: %w", name, err)
		}
	}
	switch {
	case m.issuer == "" || m.kind == "" || !validJTI(m.jti):
		return nil, refuse(refClaims, "iss, jti (1 to %d characters) and type are needed", maxJTI)
	case m.issued.IsZero() || m.expires.IsZero() || !m.expires.After(m.issued):
		return nil, refuse(refClaims, "iat, and exp after it, are needed")
	case m.expires.Sub(m.issued) > v.life:
		return nil, refuse(refClaims, "exp %v after iat, at most %v", m.expires.Sub(m.issued), v.life)
	}
	for _, a := range aud {
		if v.audience[a] {
			return m, nil
		}
	}
	return nil, refuse(refAudience, "for %.100q", aud)
}

// validJTI keeps ids printable: they are keys in the store and come back in
// replies and logs.
func validJTI(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' || c == '/' || c == '"' || c == '\\' {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= maxJTI
}

// audiences reads aud, a string or a list of strings (RFC 7519 §4.1.3).
func audiences(b json.RawMessage) (list []string, err error) {
	if b[0] == '[' {
		err = json.Unmarshal(b, &list)
		return list, err
	}
	var one string
	err = json.Unmarshal(b, &one)
	return []string{one}, err
}

// numericDate reads seconds since 1970 (RFC 7519 §2) and says how exact they
// are: a whole number may have been cut off by up to a second.
func numericDate(b json.RawMessage) (time.Time, time.Duration, error) {
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil || f < 1 || f > 253402300799 { // year 9999
		return time.Time{}, 0, errors.New("not a time in seconds")
	}
	if !bytes.ContainsRune(b, '.') {
		return time.Unix(int64(f), 0), time.Second, nil
	}
	return time.UnixMilli(int64(math.Round(f * 1000))), time.Millisecond, nil
}

// fresh judges the age of m by the measured time.
func (m *message) fresh(now time.Time, trusted bool) error {
	if !now.Before(m.expires) {
		return refuse(refExpired, "exp was %v ago", now.Sub(m.expires).Round(time.Second))
	}
	if ahead := m.issued.Sub(now); trusted && ahead > maxAhead {
		return refuse(refFuture, "iat is %v ahead", ahead.Round(time.Second))
	}
	return nil
}
