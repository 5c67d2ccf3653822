package tuf

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Errors of a [Source].
var (
	ErrNotFound = errors.New("not found")
	ErrDenied   = errors.New("access denied") // some stores answer so for a name that does not exist
)

// Source is a repository's files. Names use slashes and no "..".
type Source interface {
	// Open returns the file from byte offset on, or from its beginning when the
	// source cannot skip: start says which. Reading fails when nothing arrives
	// for too long; the caller closes.
	Open(ctx context.Context, name string, offset int64) (body io.ReadCloser, start int64, err error)
	String() string // for messages
}

// Store keeps trusted metadata. Get returns nil for a name that is not there;
// Put is durable when it returns nil. Names: "root", "timestamp", "snapshot",
// "t/<role>".
type Store interface {
	Get(name string) ([]byte, error)
	Put(name string, data []byte) error
}

// Most bytes of each metadata file.
const (
	maxRoot      = 512_000
	maxTimestamp = 16_384
	maxSnapshot  = 2_000_000
	maxTargets   = 5_000_000
)

// errTooLong is a file with more bytes than it may have.
var errTooLong = errors.New("longer than allowed")

// readSmall reads a whole file of at most limit bytes.
func readSmall(ctx context.Context, src Source, name string, limit int64) ([]byte, error) {
	body, start, err := src.Open(ctx, name, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer body.Close()
	if start != 0 {
		return nil, fmt.Errorf("%s: the source began at byte %d", name, start)
	}
	data, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: %w (%d bytes)", name, errTooLong, limit)
	}
	return data, nil
}
