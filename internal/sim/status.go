package sim

import "fmt"

// Switches is the state of the machine as a person finds or makes it.
type Switches struct {
	PaperOut    bool `json:"paper_out"`
	NearEnd     bool `json:"near_end"`
	CoverOpen   bool `json:"cover_open"`
	CutterError bool `json:"cutter_error"`
	DrawerOpen  bool `json:"drawer_open"`
	HeadHot     bool `json:"head_hot"` // cools down by itself
	Broken      bool `json:"broken"`   // an error that only service clears
	// Silent: takes all bytes, answers nothing, as cheap clones do.
	Silent bool `json:"silent"`
	// Off: no power. The TCP port refuses, the serial line is dead.
	Off bool `json:"off"`
	// Deaf: reads nothing from the line, as when its buffer is full.
	Deaf bool `json:"deaf"`
	// DotsPerSecond slows printing down; 0 is as fast as the machine can. A
	// real printer does about 1,600.
	DotsPerSecond int `json:"dots_per_second"`
	// Baud slows the line down to a serial line's speed, ten bits a byte; 0 is as
	// fast as bytes come.
	Baud int `json:"baud"`
	// Garbage: every answer is nonsense, as over a line at the wrong speed.
	Garbage bool `json:"garbage"`
	// PaperLeft is how many dots of paper are left before PaperOut; 0 is
	// plenty.
	PaperLeft int `json:"paper_left"`
}

// offline reports whether the mechanism stands still.
func (s Switches) offline() bool {
	return s.PaperOut || s.CoverOpen || s.CutterError || s.HeadHot || s.Broken
}

func bit(on bool, mask byte) byte {
	if on {
		return mask
	}
	return 0
}

// realTime is the answer to DLE EOT n.
func (s Switches) realTime(n byte) (byte, bool) {
	const fixedBits = 0x12
	switch n {
	case 1:
		return fixedBits | bit(!s.DrawerOpen, 0x04) | bit(s.offline(), 0x08), true
	case 2:
		return fixedBits | bit(s.CoverOpen, 0x04) | bit(s.PaperOut, 0x20) | bit(s.CutterError || s.HeadHot || s.Broken, 0x40), true
	case 3:
		return fixedBits | bit(s.CutterError, 0x08) | bit(s.Broken, 0x20) | bit(s.HeadHot, 0x40), true
	case 4:
		return fixedBits | bit(s.NearEnd || s.PaperOut, 0x0C) | bit(s.PaperOut, 0x60), true
	}
	return 0, false
}

// asb is the four bytes of Automatic Status Back.
func (s Switches) asb() []byte {
	return []byte{
		0x10 | bit(!s.DrawerOpen, 0x04) | bit(s.offline(), 0x08) | bit(s.CoverOpen, 0x20),
		bit(s.CutterError, 0x08) | bit(s.Broken, 0x20) | bit(s.HeadHot, 0x40),
		bit(s.NearEnd || s.PaperOut, 0x03) | bit(s.PaperOut, 0x0C),
		0,
	}
}

// inOrderStatus is GS r: answered when everything before it was processed.
func (m *machine) inOrderStatus(n byte) {
	s := m.status()
	switch n {
	case 1, 49:
		m.reply([]byte{bit(s.NearEnd || s.PaperOut, 0x03) | bit(s.PaperOut, 0x0C)})
	case 2, 50:
		m.reply([]byte{bit(!s.DrawerOpen, 0x01)})
	default:
		m.event("unknown", "GS r %d", n)
		return
	}
	m.event("status", "GS r %d", n)
}

// identity is GS I.
func (m *machine) identity(n byte) {
	switch n {
	case 1, 49:
		m.reply([]byte{0x20})
	case 2, 50:
		m.reply([]byte{bit(m.chinese, 1) | bit(m.cutter, 2)})
	case 3, 51:
		m.reply([]byte{0x01})
	case 65, 66, 67, 68, 69:
		if m.clone {
			return
		}
		text := []string{"1.00", m.maker, m.name, "SIM0000001", "CHINA GB18030"}[n-65]
		if n == 69 && !m.chinese {
			text = ""
		}
		m.reply(append(append([]byte{0x5F}, text...), 0))
	default:
		m.event("unknown", "GS I %d", n)
	}
}

// response executes GS ( H: the process id that proves a job is on paper.
func (m *machine) response(a []byte) {
	switch {
	case len(a) == 6 && a[0] == 48 && a[1] == 48:
		m.flush()
		m.event("process_id", "%s", a[2:])
		m.reply(append(append([]byte{0x37, 0x22}, a[2:]...), 0))
	case len(a) == 3 && a[0] == 49 && a[1] == 48:
		m.event("status", "offline response %d", a[2])
	default:
		m.event("unknown", "%s", fmt.Sprintf("GS ( H % X", a))
	}
}
