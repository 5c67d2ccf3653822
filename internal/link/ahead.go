package link

import "time"

// An ack beyond our last event is either wrong, or this data directory is an
// old copy whose next numbers are taken. One wrong message must not have the
// backlog numbered anew, since a cloud that has some of it already would then
// have it twice. So the claim counts at once only where it belongs, in the
// answer to the first birth after a start; else the cloud is asked again, until
// it has said so claims times.
//
// The same holds for an old copy that has sold on before it met the cloud: the
// cloud then names an event below our last one by another hash, again and again,
// although it was sent what comes after. A cloud that hashes wrongly goes on to
// the last event that it was sent.
const (
	claims    = 3
	claimGap  = 2 * time.Second // before the cloud is asked again
	claimLife = time.Minute     // after which one that was not repeated is forgotten
	youngTime = 2 * time.Second // after the birth
	youngTrip = 8               // the same in round trips
)

// claim is what a cloud says of our epoch that cannot be so unless we are an old
// copy. Link.mu guards it.
type claim struct {
	through uint64
	hash    [32]byte
	count   int
	at      time.Time
	asking  bool // the cloud is about to be asked again
	asked   bool // it was, since the last one that counted
}

// says counts a claim, and reports whether it is enough.
func (c *claim) says(ahead bool, through uint64, hash [32]byte, now time.Time) bool {
	if through < c.through || !ahead && through != c.through || through == c.through && hash != c.hash || now.Sub(c.at) > claimLife {
		*c = claim{asking: c.asking}
	}
	if c.count == 0 || c.asked {
		c.count++
		c.asked = false
	}
	c.through, c.hash, c.at = through, hash, now
	return c.count >= claims
}

// claimed takes an ack of our epoch that cannot be so unless we are an old copy;
// err is what it is refused with.
func (s *session) claimed(through, last uint64, hash [32]byte, err error) error {
	l := s.l
	now, ahead := time.Now(), through > last
	l.mu.Lock()
	first := ahead && !l.agreed && now.Sub(s.born) < max(youngTime, youngTrip*s.trip)
	enough := l.claim.says(ahead, through, hash, now) || first
	ask := !enough && !l.claim.asking
	l.claim.asking = l.claim.asking || ask
	l.mu.Unlock()
	if enough {
		return l.restored(through, last)
	}
	if ask {
		l.background.Go(s.askAhead)
	}
	return s.wrong(err)
}

// askAhead gives the cloud, after a while, what it answers with its watermark:
// the birth and the event after ours.
func (s *session) askAhead() {
	l := s.l
	wait := time.NewTimer(claimGap)
	defer wait.Stop()
	gone := false
	select {
	case <-wait.C:
	case <-s.gone:
		gone = true
	case <-l.dispatch.run.Done():
		gone = true
	}
	l.mu.Lock()
	l.claim.asking, l.claim.asked = false, true // the next session begins with a birth
	l.mu.Unlock()
	if gone {
		return
	}
	if birth, err := l.birth(s.number); err == nil {
		s.publish("status", 1, true, birth)
	}
	s.pump.restate()
}
