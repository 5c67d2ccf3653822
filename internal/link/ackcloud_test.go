package link

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"sync"

	"tilld/internal/cloud"
)

// ackCloud is a cloud behind the fake broker: it takes batches in order, checks
// the chain, and acks as a test wants.
type ackCloud struct {
	r    *rig
	hold bool // take, but do not ack

	mu      sync.Mutex
	through uint64
	hash    [32]byte
	lines   [][]byte
	doubles int
	gaps    int
	broken  string
}

// take is a fakeBroker.onPublish.
func (a *ackCloud) take(c *fakeConn, p *packet) bool {
	if p.topic != tillSource+"/event" {
		return true
	}
	a.mu.Lock()
	for _, line := range bytes.Split(p.body, []byte("\n")) {
		var e struct{ Epoch, Sequence, PrevHash string }
		if err := json.Unmarshal(line, &e); err != nil {
			a.broken = err.Error()
			continue
		}
		seq, _ := strconv.ParseUint(e.Sequence, 10, 64)
		switch {
		case seq <= a.through:
			a.doubles++
			if !bytes.Equal(a.lines[seq-1], line) {
				a.broken = "other bytes under " + e.Sequence
			}
		case seq > a.through+1:
			a.gaps++
		case e.PrevHash != hex.EncodeToString(a.hash[:]):
			a.broken = "chain broken at " + e.Sequence
		default:
			a.through, a.hash = seq, sha256.Sum256(line)
			a.lines = append(a.lines, bytes.Clone(line))
		}
	}
	hold := a.hold
	a.mu.Unlock()
	c.puback(p)
	if !hold {
		a.ack(c)
	}
	return false
}

// ack acks what was taken.
func (a *ackCloud) ack(c *fakeConn) {
	a.mu.Lock()
	through, hash := a.through, a.hash
	a.mu.Unlock()
	c.send("ack", a.r.ackToken(a.r.store.Epoch(), through, hex.EncodeToString(hash[:])))
}

func (a *ackCloud) state() (through uint64, doubles, gaps int, broken string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.through, a.doubles, a.gaps, a.broken
}

func (r *rig) ackToken(epoch string, through uint64, hash string) []byte {
	return r.sign(cloud.Message{Type: "ack", Data: map[string]any{"epoch": epoch, "through": through, "hash": hash}})
}
