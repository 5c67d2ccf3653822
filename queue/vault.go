package queue

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"tilld/internal/fault"
)

// What is personal is sealed with AES-256-GCM under a key of its day (UTC), and
// the day's key is destroyed once it has served (docs/adr/0036): then nobody
// can read it any more, wherever a copy still lies: in the journal, a snapshot
// or a free page of the file.
//
//	sealed = version(1) | day(4, days since 1970) | nonce(12) | ciphertext | tag(16)
//
// The keys lie beside the file, in two copies, so that one bad sector does not
// cost events that the cloud does not have yet.
const (
	vaultName    = "day-keys"
	vaultCopy    = "day-keys.copy"
	vaultVersion = 1
	sealedHead   = 5
	// MaxSealed is how much longer a concealed value is than the value, in bytes.
	MaxSealed = sealedHead + 12 + 16
)

// ErrErased says that what was concealed is past its time: its key is gone.
var ErrErased = errors.New("queue: erased: the key of its day is no longer kept")

// vault holds the day keys.
type vault struct {
	dir string
	log *slog.Logger

	mu   sync.Mutex
	keys map[uint32]cipher.AEAD
	raw  map[uint32][]byte
	gen  uint64 // counts the writings of the files
	last uint32 // newest key
}

// vaultFile is a key file; sum is SHA-256 over body.
type vaultFile struct {
	Body json.RawMessage `json:"keys"`
	Sum  string          `json:"sum"`
}

type vaultBody struct {
	Gen  uint64            `json:"generation"` // the higher one counts: the other may have destroyed keys
	Days map[uint32]string `json:"days"`
}

func dayNumber(at time.Time) uint32 { return uint32(max(at.Unix()/86400, 0)) }

// openVault reads the keys, from whichever copy is sound, and makes sure that
// there is one to seal with.
func openVault(dir string, log *slog.Logger, now time.Time) (*vault, error) {
	v := &vault{dir: dir, log: log, keys: map[uint32]cipher.AEAD{}, raw: map[uint32][]byte{}}
	there, sound := 0, 0
	var best vaultBody
	same := true
	for _, name := range []string{vaultName, vaultCopy} {
		b, err := readVault(filepath.Join(dir, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		there++
		if err != nil {
			log.Error("a copy of the day keys cannot be read", "file", name, "err", err)
			continue
		}
		same = same && (sound == 0 || b.Gen == best.Gen)
		if sound++; b.Gen >= best.Gen {
			best = b
		}
	}
	v.gen = best.Gen
	for day, text := range best.Days {
		key, err := base64.StdEncoding.DecodeString(text)
		if err == nil {
			err = v.put(day, key)
		}
		if err != nil {
			return nil, fault.New(fault.Config, "queue", "day keys", fmt.Errorf("key of day %d: %w", day, err))
		}
	}
	v.newest()
	if there > 0 && sound == 0 {
		log.Error("the day keys are lost: what was sealed with them cannot be read any more")
	}
	var err error
	switch {
	case len(v.keys) == 0:
		err = v.ready(now)
	case sound == 1 || !same:
		if serr := v.save(); serr != nil { // a full disk, say; one sound copy is enough to go on
			log.Error("the day keys cannot be written", "err", serr)
		}
	}
	if err != nil {
		return nil, fault.New(fault.Config, "queue", "day keys", err)
	}
	return v, nil
}

func readVault(path string) (b vaultBody, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return b, err
	}
	var f vaultFile
	if err := json.Unmarshal(text, &f); err != nil {
		return b, err
	}
	if sum := sha256.Sum256(f.Body); base64.StdEncoding.EncodeToString(sum[:]) != f.Sum {
		return b, errChecksum
	}
	return b, json.Unmarshal(f.Body, &b)
}

func (v *vault) put(day uint32, key []byte) error {
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	v.keys[day], v.raw[day] = aead, key
	return nil
}

func (v *vault) drop(day uint32) {
	clear(v.raw[day])
	delete(v.keys, day)
	delete(v.raw, day)
}

func (v *vault) newest() {
	v.last = 0
	for day := range v.keys {
		v.last = max(v.last, day)
	}
}

// ready makes the key of now's day when there is none. mu is held, or v is not
// shared yet.
func (v *vault) ready(now time.Time) error {
	day := dayNumber(now)
	if _, ok := v.keys[day]; ok {
		return nil
	}
	key := make([]byte, 32)
	rand.Read(key) // never fails, see crypto/rand
	if err := v.put(day, key); err != nil {
		return err
	}
	if err := v.save(); err != nil {
		v.drop(day)
		return err
	}
	v.newest()
	return nil
}

// save writes both copies, whole or not at all.
func (v *vault) save() error {
	v.gen++
	b := vaultBody{Gen: v.gen, Days: map[uint32]string{}}
	for day, key := range v.raw {
		b.Days[day] = base64.StdEncoding.EncodeToString(key)
	}
	body, err := json.Marshal(b)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	text, err := json.Marshal(vaultFile{Body: body, Sum: base64.StdEncoding.EncodeToString(sum[:])})
	if err != nil {
		return err
	}
	for _, name := range []string{vaultCopy, vaultName} {
		tmp := filepath.Join(v.dir, name+".tmp")
		if err := os.WriteFile(tmp, text, 0o600); err != nil {
			return err
		}
		if err := syncFile(tmp); err != nil {
			return err
		}
		if err := os.Rename(tmp, filepath.Join(v.dir, name)); err != nil {
			return err
		}
	}
	return syncDir(v.dir)
}

// conceal seals plain; about is what it is bound to and has to be given again.
// It does not fail: on a disk that takes no new key the last one serves on.
func (v *vault) conceal(about string, plain []byte, now time.Time) []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.ready(now); err != nil {
		v.log.Error("no key for today could be written; the last one serves on", "err", err)
	}
	day := dayNumber(now)
	aead, ok := v.keys[day]
	if !ok {
		day = v.last
		aead = v.keys[day]
	}
	out := make([]byte, sealedHead+aead.NonceSize(), len(plain)+MaxSealed)
	out[0] = vaultVersion
	binary.BigEndian.PutUint32(out[1:], day)
	rand.Read(out[sealedHead:])
	return aead.Seal(out, out[sealedHead:], plain, append([]byte(about), out[:sealedHead]...))
}

// reveal opens what conceal made.
func (v *vault) reveal(about string, sealed []byte) ([]byte, error) {
	if len(sealed) < MaxSealed || sealed[0] != vaultVersion {
		return nil, fault.New(fault.Corrupt, "queue", "reveal", errors.New("not a sealed value of version 1"))
	}
	v.mu.Lock()
	aead, ok := v.keys[binary.BigEndian.Uint32(sealed[1:])]
	v.mu.Unlock()
	if !ok {
		return nil, ErrErased
	}
	nonce := sealed[sealedHead : sealedHead+aead.NonceSize()]
	plain, err := aead.Open(nil, nonce, sealed[sealedHead+len(nonce):], append([]byte(about), sealed[:sealedHead]...))
	if err != nil {
		return nil, fault.New(fault.Corrupt, "queue", "reveal", fmt.Errorf("%.80q: %w", about, err))
	}
	return plain, nil
}

// destroy forgets the keys of the days through day, keeping those in use.
func (v *vault) destroy(through uint32, inUse map[uint32]bool) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := len(v.keys)
	for day := range v.keys {
		if day <= through && !inUse[day] && day != v.last {
			v.drop(day)
		}
	}
	if len(v.keys) == n {
		return nil
	}
	return v.save()
}

// Conceal seals a personal value under the key of the present day. about names
// what it belongs to; [Store.Reveal] needs the same. The result is at most
// [MaxSealed] bytes longer than plain.
func (s *Store) Conceal(about string, plain []byte) []byte {
	return s.vault.conceal(about, plain, time.Now())
}

// Reveal opens what Conceal made. [ErrErased]: its time is over. fault.Corrupt:
// it is damaged, or about is another one.
func (s *Store) Reveal(about string, sealed []byte) ([]byte, error) {
	return s.vault.reveal(about, sealed)
}

// nextKey makes the key of the next day ahead of midnight, so that the first
// sale of a day waits for no file.
func (s *Store) nextKey() error {
	s.vault.mu.Lock()
	defer s.vault.mu.Unlock()
	return s.vault.ready(time.Now().Add(trimEvery))
}

// forget destroys the keys of days that ended more than KeepAcked ago, unless
// an event of that day is still kept because the cloud does not have it.
func (s *Store) forget() error {
	now := time.Now()
	if s.o.HouseTime != nil {
		now = s.o.HouseTime()
	}
	limit := dayNumber(now.Add(-s.o.KeepAcked))
	if limit == 0 || s.vault.oldest() >= limit {
		return nil
	}
	used := map[uint32]bool{}
	err := s.View(func(tx *Tx) error {
		look := func(_ string, e entry) (bool, error) {
			if st, err := unpackStored(e.value); err == nil && st.sealed && len(st.packed) >= sealedHead {
				used[binary.BigEndian.Uint32(st.packed[1:])] = true
			}
			return true, nil
		}
		return errors.Join(tx.scan(outbox, nil, nil, false, look), tx.scan(second, nil, nil, false, look))
	})
	if err != nil {
		return err
	}
	return s.vault.destroy(limit-1, used)
}

// missingKeys notes events that wait for the cloud and cannot be opened, because
// the keys of their days are not in dir. days has the first such event by day.
func missingKeys(dir string, days map[uint32]uint64, note func(Finding)) {
	have := map[uint32]bool{}
	var gen uint64
	for _, name := range []string{vaultName, vaultCopy} {
		b, err := readVault(filepath.Join(dir, name))
		if errors.Is(err, os.ErrNotExist) && len(days) == 0 {
			continue // of an earlier version
		}
		if err != nil {
			note(Finding{File: name, Reason: err.Error()})
			continue
		}
		if b.Gen < gen {
			continue
		}
		gen = b.Gen
		clear(have)
		for day := range b.Days {
			have[day] = true
		}
	}
	for _, day := range slices.Sorted(maps.Keys(days)) {
		if !have[day] {
			note(Finding{File: vaultName, Bucket: outbox, Sequence: days[day], Reason: "the key of its day is not there"})
		}
	}
}

// oldest is the day of the oldest key.
func (v *vault) oldest() uint32 {
	v.mu.Lock()
	defer v.mu.Unlock()
	first := v.last
	for day := range v.keys {
		first = min(first, day)
	}
	return first
}
