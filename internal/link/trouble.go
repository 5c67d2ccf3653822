package link

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"reflect"
	"slices"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"tilld/internal/fault"
	"tilld/internal/health"
)

// Alerts a TLS peer sends when it does not like our certificate (RFC 8446 §6).
var clientAlerts = map[uint64]bool{
	42:  true, // bad_certificate
	43:  true, // unsupported_certificate
	44:  true, // certificate_revoked
	45:  true, // certificate_expired
	46:  true, // certificate_unknown
	48:  true, // unknown_ca
	49:  true, // access_denied
	116: true, // certificate_required
}

// diagnose names the condition for why there is no link.
func diagnose(err error) health.Kind {
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if e.Reason == x509.Expired {
			return condTLSExpired
		}
		return condTLSWrongCA
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return condTLSWrongCA
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return condTLSWrongHost
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return condTLSNotSpoken
	}
	if code, ok := alert(err); ok {
		if clientAlerts[code] {
			return condTLSRefusedClient
		}
		return condTLS
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return condTLS
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return condName
	}
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind == fault.Config {
		return condConfig
	}
	switch {
	case errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword), errors.Is(err, packets.ErrorRefusedNotAuthorised),
		errors.Is(err, packets.ErrorRefusedIDRejected), errors.Is(err, packets.ErrorRefusedBadProtocolVersion):
		return condRefused
	case errors.Is(err, errNoTLS):
		return condTLSNotSpoken
	case errors.Is(err, errSubscribe):
		return condSubscribe
	case errors.Is(err, errPacket):
		return condPacket
	}
	return condDown
}

// alert is the code of a TLS alert the peer sent. crypto/tls has no exported
// type for it: the error is a net.OpError "remote error" around a uint8.
func alert(err error) (uint64, bool) {
	e, ok := errors.AsType[*net.OpError](err)
	if !ok || e.Op != "remote error" || e.Err == nil {
		return 0, false
	}
	v := reflect.ValueOf(e.Err)
	if v.Kind() != reflect.Uint8 {
		return 0, false
	}
	return v.Uint(), true
}

// hungUp reports whether the peer ended the connection by itself: the sign of a
// take-over by another client with the same id, and of a broker going down.
func hungUp(err error) bool {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	return slices.ContainsFunc(resets(), func(reset error) bool { return errors.Is(err, reset) })
}
