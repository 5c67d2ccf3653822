package queue

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// DamagedType is the event that takes the place of one whose bytes are lost or
// never could be made. Its data has "reason" and, when there were bytes,
// "original_hash": their SHA-256, which the next event's prevhash names.
const DamagedType = "tilld.record.damaged.v1"

// CheckpointType opens an epoch that continues another one.
const CheckpointType = "tilld.journal.checkpoint.v1"

// Append seals m and gives it the next sequence of the epoch.
//
// An event that cannot be sealed or is above [MaxBody] must neither stop the
// sale nor leave a hole: it goes to the dead letters, and a stand-in of
// [DamagedType] takes its number. Only when not even that can be sealed is
// there an error.
func (tx *Tx) Append(m Message) (uint64, error) {
	if _, err := tx.key(State, []byte{0}, true); err != nil {
		return 0, err
	}
	if tx.full && !tx.own {
		return 0, tx.s.fullFault()
	}
	seq, err := tx.appendAt(events, m, tx.at)
	if err == nil {
		err = tx.copyEvent(m)
	}
	return seq, err
}

// appendAt is Append to a strand, for an event of the time at, unix ms.
func (tx *Tx) appendAt(n strand, m Message, at int64) (uint64, error) {
	return tx.appendOf(n, Original{}, m, at)
}

func (tx *Tx) appendOf(n strand, of Original, m Message, at int64) (uint64, error) {
	body, err := tx.seal(n, of, m, at)
	if err == nil {
		return tx.chain(n, body, at, m.Personal), nil
	}
	id := tx.bury(DeadRecord{
		Reason: err.Error(), Bucket: n.bucket(), Epoch: tx.c[n].epochText(), Sequence: tx.c[n].last + 1,
		Type: m.Type, Subject: m.Subject, Data: tx.deadData(m),
	})
	data, jerr := json.Marshal(map[string]any{"reason": "cannot be sealed: " + err.Error(), "type": m.Type, "dead": id})
	if jerr != nil {
		return 0, jerr
	}
	body, serr := tx.seal(n, of, Message{Type: DamagedType, Subject: m.Subject, Data: data}, at)
	if serr != nil {
		return 0, fmt.Errorf("queue: cannot seal %s (%w), nor a stand-in: %w", m.Type, err, serr)
	}
	return tx.chain(n, body, at, false), nil
}

// deadData is what the dead letters keep of an event that cannot be sealed.
func (tx *Tx) deadData(m Message) []byte {
	if !m.Personal {
		return m.Data
	}
	return tx.s.Conceal(string(dead), m.Data)
}

// seal makes the bytes of the next event of a strand.
func (tx *Tx) seal(n strand, of Original, m Message, at int64) (body []byte, err error) {
	c := tx.c[n]
	return tx.s.seal(n, Header{Epoch: c.epochText(), Sequence: c.last + 1, Prev: c.lastHash, At: fromMS(at)}, of, m)
}

// seal calls the strand's Seal and judges what it made. A panic of it is an error.
func (s *Store) seal(n strand, h Header, of Original, m Message) (body []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("seal: panic: %v", r)
		}
	}()
	switch {
	case n == events:
		body, err = s.o.Seal(h, m)
	case s.o.Copies == nil:
		err = errors.New("nothing makes copies")
	default:
		body, err = s.o.Copies.Seal(h, of, m)
	}
	switch {
	case err != nil:
		return nil, err
	case len(body) == 0:
		return nil, fmt.Errorf("seal: made no bytes")
	case len(body) > MaxBody:
		return nil, fmt.Errorf("seal: %d bytes, at most %d can be sent", len(body), MaxBody)
	}
	for _, c := range body {
		if c == '\n' {
			return nil, fmt.Errorf("seal: a line break inside the event")
		}
	}
	return body, nil
}

// chain stores an event's exact bytes as the next one of a strand.
func (tx *Tx) chain(n strand, body []byte, at int64, personal bool) uint64 {
	c := &tx.c[n]
	e := stored{boot: tx.c[events].boot, prev: c.lastHash, packed: body}
	c.last++
	c.lastHash = sha256.Sum256(body)
	full := fullKey(n.bucket(), eventKey(c.gen, c.last))
	if personal {
		e.sealed, e.hash, e.packed = true, c.lastHash, tx.s.Conceal(full, body)
	}
	if n == copies {
		c.in += uint64(len(e.packed))
	}
	value := e.pack()
	tx.layers[0] = tx.layers[0].put(full, entry{value: value, at: at})
	tx.ops = append(tx.ops, op{key: full, value: value})
	return c.last
}

// bury puts a record among the dead letters and returns its number.
func (tx *Tx) bury(d DeadRecord) uint64 {
	tx.c[events].dead++
	d.ID, d.At = tx.c[events].dead, fromMS(tx.at)
	b, err := json.Marshal(d)
	if err != nil {
		// Cannot happen: the type has only strings, numbers and bytes.
		b = []byte(fmt.Sprintf(`{"id":%d,"reason":%q}`, d.ID, err.Error()))
	}
	tx.put(fullKey(dead, Key64(d.ID)), b)
	return d.ID
}

// standIn makes the event that replaces a lost one under its number. original
// is zero when not even the hash of the lost bytes is known.
func (s *Store) standIn(n strand, epoch string, seq uint64, prev, original [32]byte, at time.Time, reason string) (stored, error) {
	fields := map[string]string{"reason": reason}
	if original != [32]byte{} {
		fields["original_hash"] = hex.EncodeToString(original[:])
	}
	data, err := json.Marshal(fields)
	if err != nil {
		return stored{}, err
	}
	body, err := s.seal(n, Header{Epoch: epoch, Sequence: seq, Prev: prev, At: at}, Original{}, Message{Type: DamagedType, Data: data})
	return stored{prev: prev, standIn: true, original: original, packed: body}, err
}

func unpackDead(b []byte) (d DeadRecord, err error) {
	err = json.Unmarshal(b, &d)
	return d, err
}
