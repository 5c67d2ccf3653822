package queue

import (
	"time"
)

// strand is one chain of events with its outbox: the till's own events, or the
// copies of some of them for another destination. Both lie in the same file and
// change in the same commits, but each has its own epoch, sequence, hashes,
// acks and sessions.
type strand int

const (
	events  strand = 0
	copies  strand = 1
	strands strand = 2
)

// copiesHead precedes the keys of meta that are about copies.
const copiesHead = "copies/"

// bucket is where the events of a strand lie.
func (n strand) bucket() Bucket {
	if n == copies {
		return second
	}
	return outbox
}

// key is the key in meta of something that each strand has.
func (n strand) key(k string) string {
	if n == copies {
		return copiesHead + k
	}
	return k
}

// strandOf is the strand whose events lie in b.
func strandOf(b Bucket) (n strand, is bool) {
	switch b {
	case outbox:
		return events, true
	case second:
		return copies, true
	}
	return 0, false
}

// place is where a strand stands in memory. Store.mu guards it.
type place struct {
	c       chain
	grown   chan struct{} // closed at the next append and at a new epoch
	ackAt   time.Time
	ackSent bool  // the acked sequence in memory is not in the journal yet
	oldest  int64 // commit time of the oldest unacked event, unix ms; 0 = none
}

// become takes over what was committed at the time at, unix ms.
func (p *place) become(c chain, at int64) {
	if c.gen == p.c.gen && p.c.acked > c.acked {
		c.follow(p.c) // acked while this was being written
	} else {
		p.ackSent = false
	}
	if c.last > p.c.last && p.oldest == 0 {
		p.oldest = at
	}
	grown := c.last != p.c.last || c.gen != p.c.gen
	p.c = c
	if grown {
		close(p.grown)
		p.grown = make(chan struct{})
	}
}

// follow takes over the watermark of o when it is ahead.
func (c *chain) follow(o chain) {
	if o.gen == c.gen && o.acked > c.acked {
		c.acked, c.ackedHash, c.out = o.acked, o.ackedHash, o.out
	}
}

// backlog is how many bytes of copies are not acked.
func (c chain) backlog() int64 { return max(0, int64(c.in-c.out)) }
