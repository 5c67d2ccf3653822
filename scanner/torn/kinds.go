package torn

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"

	"tilld/scanner/code"
)

// shortest and longest are of what a half and a number with a check digit can be
// together.
const shortest, longest = 9, maxHalf + 14

// kind is what is kept of a number of the chain's own that was read whole: its
// length and first two digits. A torn one is known by them.
type kind struct {
	digits int
	head   [2]byte
}

func kindOf(b []byte) kind { return kind{len(b), [2]byte{b[0], b[1]}} }

// maxKinds is more bytes than all lines have.
const maxKinds = 64 << 10

// kinds are those that this till has ever read. On the disk each is a line, "20
// 77" for twenty digits that begin with 77; there can be 1,900.
type kinds struct {
	all  map[kind]struct{}
	file *os.File // nil: they are remembered until the agent ends
	log  *slog.Logger
}

func openKinds(dir string, log *slog.Logger) *kinds {
	k := &kinds{all: map[kind]struct{}{}, log: log}
	if dir == "" {
		return k
	}
	var err error
	if k.file, err = openFile(filepath.Join(dir, ".kinds"), os.O_APPEND); err != nil {
		k.without(err)
		return k
	}
	if info, err := k.file.Stat(); err != nil || !info.Mode().IsRegular() {
		k.without(cmp.Or(err, errors.New("it is not a file")))
		return k
	}
	in := bufio.NewScanner(io.LimitReader(k.file, maxKinds))
	for in.Scan() {
		if one, ok := parseKind(in.Bytes()); ok {
			k.all[one] = struct{}{}
		}
	}
	if err := in.Err(); err != nil {
		k.without(err)
	}
	return k
}

// parseKind reads a line; false when it is damaged, as a power cut may leave it.
func parseKind(line []byte) (kind, bool) {
	length, head, _ := bytes.Cut(line, []byte(" "))
	n, err := strconv.Atoi(string(length))
	if err != nil || n < shortest || n > longest || len(head) != 2 || !digits(head) {
		return kind{}, false
	}
	return kind{n, [2]byte(head)}, true
}

func (k kind) line() []byte {
	return append(strconv.AppendInt(nil, int64(k.digits), 10), ' ', k.head[0], k.head[1], '\n')
}

// add takes note of a kind. A line is not synced: it is learned again.
func (k *kinds) add(one kind) {
	if _, known := k.all[one]; known {
		return
	}
	k.all[one] = struct{}{}
	if k.file == nil {
		return
	}
	if _, err := k.file.Write(one.line()); err != nil {
		k.without(err)
	}
}

func (k *kinds) without(err error) {
	k.close()
	k.log.Warn("what kinds of numbers are read is remembered until the agent ends only", "err", err)
}

func (k *kinds) close() {
	if k.file != nil {
		k.file.Close()
		k.file = nil
	}
}

// learn takes note of a number that has no check digit and no rule.
func (m *Memory) learn(b []byte) {
	if m == nil || len(b) < shortest || len(b) > longest || checked(len(b)) || !digits(b) {
		return
	}
	if m.rules().Classify(code.AwaitingPayment, "", b).Kind != code.Product {
		return // of an auth code nothing is kept
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kinds.add(kindOf(b))
}

func (m *Memory) learned(b []byte) bool {
	if m == nil || len(b) < 2 {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.kinds.all[kindOf(b)]
	return ok
}
