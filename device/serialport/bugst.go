package serialport

import (
	"errors"
	"io"
	"io/fs"

	bugst "go.bug.st/serial"
)

// line is what a backend has to offer: an open line whose Read returns within
// about 100 ms when nothing comes.
type line interface {
	io.ReadWriteCloser
	// ready reports whether the device lets us send (DSR); true when the line
	// has no such signal.
	ready() bool
}

// bugstLine is a line opened with go.bug.st/serial.
type bugstLine struct{ bugst.Port }

func openBugst(s settings) (line, error) {
	mode := &bugst.Mode{BaudRate: s.baud, DataBits: s.data, Parity: bugstParity[s.parity], StopBits: bugstStop[s.stop]}
	p, err := bugst.Open(s.node, mode)
	if err != nil {
		return nil, bugstError(err)
	}
	if err := p.SetReadTimeout(poll); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return bugstLine{p}, nil
}

var bugstParity = map[byte]bugst.Parity{
	'N': bugst.NoParity, 'O': bugst.OddParity, 'E': bugst.EvenParity, 'M': bugst.MarkParity, 'S': bugst.SpaceParity,
}

var bugstStop = map[string]bugst.StopBits{
	"1": bugst.OneStopBit, "1.5": bugst.OnePointFiveStopBits, "2": bugst.TwoStopBits,
}

// bugstError gives the module's codes the names that package os uses.
func bugstError(err error) error {
	pe, ok := errors.AsType[*bugst.PortError](err)
	if !ok {
		return err
	}
	switch pe.Code() {
	case bugst.PortBusy:
		return errors.Join(errBusy, err)
	case bugst.PortNotFound:
		return errors.Join(fs.ErrNotExist, err)
	case bugst.PermissionDenied:
		return errors.Join(fs.ErrPermission, err)
	case bugst.InvalidSpeed, bugst.InvalidDataBits, bugst.InvalidParity, bugst.InvalidStopBits, bugst.InvalidSerialPort:
		return errors.Join(errSetting, err)
	default:
		return err
	}
}

// Read turns the module's "port closed", its word for an unplugged adapter too,
// into errGone. A time-out is (0, nil).
func (l bugstLine) Read(b []byte) (int, error) {
	n, err := l.Port.Read(b)
	if pe, ok := errors.AsType[*bugst.PortError](err); ok && pe.Code() == bugst.PortClosed {
		err = errGone
	}
	return n, err
}

func (l bugstLine) ready() bool {
	bits, err := l.GetModemStatusBits()
	return err != nil || bits.DSR // no modem lines: nothing to wait for
}
