package link

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"tilld/internal/fault"
	"tilld/queue"
)

// stamp is how times are written on the wire: RFC 3339 in UTC, milliseconds.
const stamp = "2006-01-02T15:04:05.000Z"

// Sealer returns the function that makes an event's exact bytes: one CloudEvents
// 1.0 object in structured JSON, compact, without line breaks, with its
// attributes in the order of the contract. source is the till's topic prefix,
// "tilld/v1/acme/sh-001/03"; bootID names this start of the agent. The time is
// the till's raw clock; clockoffsetms corrects it and is "0" as long as no
// signed message has told the offset.
//
// The bytes are made once. A message whose data is not one JSON object, or whose
// event would be larger than [queue.MaxBody], is refused, and with it the
// transaction it belongs to.
func Sealer(source, bootID string, clock *Clock) queue.Seal {
	return sealer(source, bootID, clock, nil)
}

// SaltedSealer is Sealer for a till whose events are copied for somebody else
// with parts left out. The attribute salt, 128 random bits, keeps the receiver
// of a copy from finding out those parts by trying what they may be against the
// original's hash, which the copy names.
func SaltedSealer(source, bootID string, clock *Clock) queue.Seal {
	return sealer(source, bootID, clock, func(b []byte) []byte {
		var salt [16]byte
		rand.Read(salt[:]) // never fails, see crypto/rand
		b = append(b, `,"salt":"`...)
		return append(hex.AppendEncode(b, salt[:]), '"')
	})
}

// sealer lets more add attributes before data.
func sealer(source, bootID string, clock *Clock, more func(b []byte) []byte) queue.Seal {
	e := newEnvelope(source, bootID, clock)
	return func(h queue.Header, m queue.Message) ([]byte, error) { return e.seal(h, m, more) }
}

// envelope is what stays the same in every event of a run.
type envelope struct {
	source, boot []byte // quoted
	clock        *Clock
}

func newEnvelope(source, bootID string, clock *Clock) envelope {
	return envelope{appendString(nil, source), appendString(nil, bootID), clock}
}

func (e envelope) seal(h queue.Header, m queue.Message, more func(b []byte) []byte) ([]byte, error) {
	data := m.Data
	if len(data) == 0 {
		data = []byte("{}")
	}
	if len(data) > queue.MaxBody {
		return nil, sealFault(fault.Full, fmt.Errorf("%s: %d bytes of data, at most %d fit an event", m.Type, len(data), queue.MaxBody))
	}
	if t := bytes.TrimLeft(data, " \t\r\n"); len(t) == 0 || t[0] != '{' {
		return nil, sealFault(fault.Corrupt, errors.New(m.Type+": data is not a JSON object"))
	}
	offset, _ := e.clock.Offset()
	b := make([]byte, 0, 768+len(data))
	b = append(b, `{"specversion":"1.0","id":"`...)
	b = append(b, h.Epoch...)
	b = append(b, '-')
	b = strconv.AppendUint(b, h.Sequence, 10)
	b = append(b, `","source":`...)
	b = append(b, e.source...)
	b = append(b, `,"type":`...)
	b = appendString(b, m.Type)
	if m.Subject != "" {
		b = append(b, `,"subject":`...)
		b = appendString(b, m.Subject)
	}
	b = append(b, `,"time":"`...)
	b = h.At.UTC().AppendFormat(b, stamp)
	b = append(b, `","datacontenttype":"application/json","epoch":"`...)
	b = append(b, h.Epoch...)
	b = append(b, `","sequence":"`...)
	b = fmt.Appendf(b, "%020d", h.Sequence)
	b = append(b, `","prevhash":"`...)
	b = hex.AppendEncode(b, h.Prev[:])
	b = append(b, `","bootid":`...)
	b = append(b, e.boot...)
	b = append(b, `,"clockoffsetms":"`...)
	b = strconv.AppendInt(b, offset.Milliseconds(), 10)
	b = append(b, '"')
	if more != nil {
		b = more(b)
	}
	b = append(b, `,"data":`...)
	buf := bytes.NewBuffer(b)
	if err := json.Compact(buf, data); err != nil {
		return nil, sealFault(fault.Corrupt, fmt.Errorf("%s: data: %w", m.Type, err))
	}
	buf.WriteByte('}')
	if buf.Len() > queue.MaxBody {
		return nil, sealFault(fault.Full, fmt.Errorf("%s: event of %d bytes, at most %d fit", m.Type, buf.Len(), queue.MaxBody))
	}
	return buf.Bytes(), nil
}

func sealFault(k fault.Kind, err error) error { return fault.New(k, "queue", "seal", err) }

// appendString appends s as a JSON string. Characters that have a meaning in
// HTML stay as they are; invalid UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	buf := bytes.NewBuffer(b)
	e := json.NewEncoder(buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil { // a string always encodes, into a buffer
		panic("link: " + err.Error())
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}
