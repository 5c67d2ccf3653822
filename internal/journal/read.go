package journal

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
)

// reader gives the lines of an export one by one, whatever it is packed in:
// plain lines (also of a ledger of internal/cloud, which has no manifest), or
// the CSV of [WriteCSV].
type reader struct {
	lines *bufio.Reader
	table *csv.Reader // nil for plain lines
	at    int         // number of the line, from 1
	buf   []byte
}

var bom = []byte("\ufeff")

func newReader(r io.Reader) (*reader, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	head, err := b.Peek(len(bom))
	if err == nil && bytes.Equal(head, bom) {
		if _, err := b.Discard(len(bom)); err != nil {
			return nil, err
		}
	}
	head, err = b.Peek(len(csvHead[0]) + 1)
	if err == nil && string(head) == csvHead[0]+"," {
		t := csv.NewReader(b)
		t.FieldsPerRecord, t.ReuseRecord = len(csvHead), true
		row, err := t.Read()
		if err != nil {
			return nil, err
		}
		if !slices.Equal(row, csvHead) {
			return nil, fmt.Errorf("columns %q", row)
		}
		return &reader{table: t, at: 1}, nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return &reader{lines: b}, nil
}

var errLong = fmt.Errorf("a line of more than %d bytes", MaxLine)

// next returns the next line, valid until the one after it; io.EOF at the end.
func (r *reader) next() ([]byte, error) {
	r.at++
	if r.table != nil {
		row, err := r.table.Read()
		if err != nil {
			return nil, err
		}
		b := append(r.buf[:0], row[len(row)-1]...)
		r.buf = b
		if len(b) > MaxLine {
			return nil, errLong
		}
		l, err := parseLine(b)
		if err == nil && !slices.Equal(row, csvRow(l, b)) {
			return b, errColumns
		}
		return b, nil
	}
	r.buf = r.buf[:0]
	for {
		piece, err := r.lines.ReadSlice('\n')
		r.buf = append(r.buf, piece...)
		switch {
		case len(r.buf) > MaxLine+1:
			return nil, errLong
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(r.buf) > 0:
			return r.buf, errTorn
		case err != nil:
			return nil, err
		}
		return r.buf[:len(r.buf)-1], nil
	}
}

var (
	errTorn    = errors.New("the last line does not end: the file is cut off")
	errColumns = errors.New("columns say something else than the event in the last column")
)
