package queue

import (
	"encoding/binary"
	"encoding/json"
	"time"
)

// EpochInfo is an epoch of this data directory, as it ended or as it stands.
type EpochInfo struct {
	Epoch  string    `json:"epoch"`
	Last   uint64    `json:"last_seq"`
	Acked  uint64    `json:"acked_seq"`
	Ended  time.Time `json:"ended,omitzero"` // zero for the present one
	Reason string    `json:"reason,omitempty"`

	gen uint32
}

// Epochs lists the epochs of this data directory, oldest first; the last one is
// the present one. Events of an epoch that has ended are there as long as the
// outbox or the journal files have them: see [Store.Archive].
func (s *Store) Epochs() (list []EpochInfo, err error) {
	err = s.View(func(tx *Tx) error {
		list, err = tx.epochs()
		return err
	})
	return list, err
}

func (tx *Tx) epochs() ([]EpochInfo, error) {
	var list []EpochInfo
	c := tx.c[events]
	err := tx.scan(meta, []byte(epochKey), append([]byte(epochKey), 0xff, 0xff, 0xff, 0xff, 0), false, func(key string, e entry) (bool, error) {
		k := []byte(key)[len(epochKey):]
		var past EpochInfo
		if len(k) != 4 || json.Unmarshal(e.value, &past) != nil {
			return true, nil
		}
		past.gen = binary.BigEndian.Uint32(k)
		list = append(list, past)
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	return append(list, EpochInfo{Epoch: c.epochText(), Last: c.last, Acked: c.acked, gen: c.gen}), nil
}

// epoch finds one by its name; "" is the present one.
func (tx *Tx) epoch(name string) (EpochInfo, error) {
	list, err := tx.epochs()
	if err != nil {
		return EpochInfo{}, err
	}
	if name == "" {
		return list[len(list)-1], nil
	}
	for _, e := range list {
		if e.Epoch == name {
			return e, nil
		}
	}
	return EpochInfo{}, ErrNoEpoch
}
