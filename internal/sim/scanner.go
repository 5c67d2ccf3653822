package sim

import (
	"fmt"
	"io"
)

// Scanner is a serial barcode scanner (USB-COM mode): it writes what it read,
// framed, and takes no part in anything else. Host commands sent to it are
// kept so that one can see them (a beep, for instance).
type Scanner struct {
	*Cable
	Prefix string // before each code, for instance an AIM identifier or STX
	Suffix string // after each code, "\r" as the makers deliver them
}

// NewScanner makes a scanner under dir/name that ends codes with CR.
func NewScanner(dir, name string) (*Scanner, error) {
	c, err := NewCable(dir, name)
	if err != nil {
		return nil, err
	}
	return &Scanner{Cable: c, Suffix: "\r"}, nil
}

// Scan reads one code aloud: prefix, code, suffix in one write.
func (s *Scanner) Scan(code string) error {
	if _, err := io.WriteString(s.Cable, s.Prefix+code+s.Suffix); err != nil {
		return fmt.Errorf("scan %d bytes: %w", len(code), err)
	}
	return nil
}

// Run takes what the host sends and hands it to heard, until the cable closes.
// Without it the host's side of the line would fill up.
func (s *Scanner) Run(heard func([]byte)) error {
	b := make([]byte, 256)
	for {
		n, err := s.Cable.Read(b)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if heard != nil {
			heard(append([]byte(nil), b[:n]...))
		}
	}
}
