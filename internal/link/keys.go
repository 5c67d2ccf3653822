package link

import "time"

// keysEvery bounds how often the trust file is read for a kid that is not in it.
const keysEvery = 10 * time.Second

// keys returns the cloud's keys. The file is read when kid is not among them,
// so that a new key needs no restart, and at least once an hour, so that a key
// taken out of it stops counting.
func (l *Link) keys(kid string) (Trust, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	age := time.Since(l.trustAt)
	if _, ok := l.trust.Message(kid); (ok && age < time.Hour) || (!l.trustAt.IsZero() && age < keysEvery) {
		return l.trust, nil
	}
	t, err := LoadTrust(l.o.TrustFile)
	l.trustAt = time.Now()
	if err != nil {
		l.trust = Trust{}
		l.raise(condTrust, "error", clip(err.Error()))
		return l.trust, err
	}
	l.trust = t
	if n, _ := t.Len(); n == 0 {
		l.raise(condTrust, "error", "no key may sign messages")
	} else {
		l.clear(condTrust)
	}
	return t, nil
}
