package tuf

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"slices"
)

// ErrContent means that a file is not the one the repository vouches for.
var ErrContent = errors.New("the file is not what the metadata says")

// SHA256 returns the target's hash in 64 hex digits.
func (t Target) SHA256() string { return hex.EncodeToString(t.Hashes["sha256"]) }

// file is where the repository keeps the target.
func (t Target) file() string {
	if !t.consistent {
		return "targets/" + t.Name
	}
	dir, base := path.Split(t.Name)
	return "targets/" + dir + t.SHA256() + "." + base
}

// Download writes the target to the file part and syncs it. What part holds
// already is taken as the beginning of an interrupted download and checked with
// the rest. When nil is returned the file is exactly the target; after
// ErrContent it is gone; after other errors it can be resumed. progress, if not
// nil, hears of the bytes that are there.
func (c *Client) Download(ctx context.Context, t Target, part string, progress func(done, total int64)) error {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	err = c.fill(ctx, t, f, progress)
	if e := f.Close(); err == nil {
		err = e
	}
	if errors.Is(err, ErrContent) {
		err = errors.Join(err, os.Remove(part))
	}
	return err
}

func (c *Client) fill(ctx context.Context, t Target, f *os.File, progress func(done, total int64)) error {
	sums := newSums(t)
	have, err := io.Copy(sums, io.LimitReader(f, t.Length+1))
	if err != nil {
		return err
	}
	if have == t.Length && sums.check(t) == nil {
		progress(have, t.Length)
		return f.Sync()
	}
	if have > 0 && have < t.Length {
		err := c.fetch(ctx, t, f, have, sums, progress)
		if !errors.Is(err, ErrContent) && !errors.Is(err, errRange) {
			return err
		}
		// The beginning was a torn write, or the server cannot continue it.
	}
	return c.fetch(ctx, t, f, 0, newSums(t), progress)
}

// fetch writes the target from byte have on; sums has seen what is before.
func (c *Client) fetch(ctx context.Context, t Target, f *os.File, have int64, sums sums, progress func(done, total int64)) error {
	body, start, err := c.src.Open(ctx, t.file(), have)
	if err != nil {
		return fmt.Errorf("%s: %w", t.file(), err)
	}
	defer body.Close()
	if start != have {
		start, sums = 0, newSums(t)
	}
	if err := f.Truncate(start); err != nil {
		return err
	}
	if _, err := f.Seek(start, io.SeekStart); err != nil {
		return err
	}
	w := &counter{done: start, total: t.Length, tell: progress}
	n, err := io.Copy(io.MultiWriter(f, sums, w), io.LimitReader(body, t.Length-start+1))
	switch {
	case err != nil:
		return fmt.Errorf("%s: after %d of %d bytes: %w", t.file(), start+n, t.Length, err)
	case start+n > t.Length:
		return fmt.Errorf("%w: %s is longer than %d bytes", ErrContent, t.file(), t.Length)
	case start+n < t.Length:
		return fmt.Errorf("%s: it ended after %d of %d bytes: %w", t.file(), start+n, t.Length, io.ErrUnexpectedEOF)
	}
	if err := sums.check(t); err != nil {
		return err
	}
	return f.Sync()
}

type counter struct {
	done, total int64
	tell        func(done, total int64)
}

func (c *counter) Write(p []byte) (int, error) {
	c.done += int64(len(p))
	c.tell(c.done, c.total)
	return len(p), nil
}

// sums computes every hash of a target that this program knows.
type sums struct {
	by map[string]hash.Hash
	io.Writer
}

func newSums(t Target) sums {
	s := sums{by: map[string]hash.Hash{}}
	var all []io.Writer
	for alg := range t.Hashes {
		switch alg {
		case "sha256":
			s.by[alg] = sha256.New()
		case "sha512":
			s.by[alg] = sha512.New()
		default:
			continue
		}
		all = append(all, s.by[alg])
	}
	s.Writer = io.MultiWriter(all...)
	return s
}

func (s sums) check(t Target) error {
	for alg, h := range s.by {
		if got := h.Sum(nil); !slices.Equal(got, t.Hashes[alg]) {
			return fmt.Errorf("%w: %s has the %s %x, want %x", ErrContent, t.file(), alg, got, t.Hashes[alg])
		}
	}
	return nil
}
