package sim

// frame is the automatic status (appendix 2): two bytes of header, seven of
// status.
func (s *star) frame() []byte {
	w := s.sw()
	n := byte(s.etb)
	return []byte{
		0x23, 0x06, // nine bytes, status version
		bit(s.etbDone, 0x02) | bit(w.DrawerOpen, 0x04) | bit(w.offline(), 0x08) | bit(w.CoverOpen, 0x20),
		bit(w.CutterError, 0x08) | bit(w.Broken, 0x20) | bit(w.HeadHot, 0x40),
		0,
		bit(w.NearEnd || w.PaperOut, 0x04) | bit(w.PaperOut, 0x08),
		0,
		n&7<<1 | n>>3&3<<5,
		0,
	}
}

// tell sends the status; that it went clears the sign of ETB.
func (s *star) tell() {
	s.answer(s.frame())
	s.etbDone = false
}

// heard takes the real-time commands: last are the bytes received latest, c
// included. ESC ACK SOH asks for the status, ENQ and EOT for one byte of it while
// the automatic status is off. They are executed as they come, also amid a
// picture's dots.
func (s *star) heard(last []byte) {
	n := len(last)
	switch c := last[n-1]; {
	case n >= 3 && last[n-3] == 0x1B && last[n-2] == 0x06 && c == 0x01:
		s.tell()
	case c == 0x05 && !s.asb:
		w := s.sw()
		s.answer([]byte{bit(w.offline(), 0x08) | bit(w.PaperOut, 0x20)})
	case c == 0x04 && !s.asb:
		w := s.sw()
		s.answer([]byte{0x10 | bit(w.NearEnd, 0x04) | bit(w.PaperOut, 0x08)})
	}
}
