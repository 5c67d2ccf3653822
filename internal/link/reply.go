package link

import "time"

// maxReplies bounds the stored replies that the broker has not taken yet. The
// cloud asks again for what is dropped here.
const maxReplies = 256

// reply publishes a stored reply, now or as soon as there is a link.
func (l *Link) reply(jti string, body []byte) {
	l.mu.Lock()
	if len(l.replies) < maxReplies {
		l.replies[jti] = body
	}
	s := l.session
	l.mu.Unlock()
	if s != nil {
		l.background.Go(func() { l.sendReply(s, jti, body) })
	}
}

// sendReply publishes a reply and forgets it once the broker has it.
func (l *Link) sendReply(s *session, jti string, body []byte) {
	t := s.publish("reply", 1, false, body)
	late := time.NewTimer(maxStuck)
	defer late.Stop()
	select {
	case <-t.Done():
		if t.Error() == nil {
			l.mu.Lock()
			delete(l.replies, jti)
			l.mu.Unlock()
		}
	case <-late.C:
	}
}

// replyAgain publishes the replies that an earlier session did not get out.
func (l *Link) replyAgain(s *session) {
	l.mu.Lock()
	left := make(map[string][]byte, len(l.replies))
	for jti, body := range l.replies {
		left[jti] = body
	}
	l.mu.Unlock()
	for jti, body := range left {
		l.sendReply(s, jti, body)
	}
}
