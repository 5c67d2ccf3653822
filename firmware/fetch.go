package firmware

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"tilld/firmware/slots"
	"tilld/firmware/tuf"
	"tilld/internal/fault"
)

// ErrNoTarget is inside the error of [Fetch] when the repository is good and
// does not have the file.
var ErrNoTarget = tuf.ErrNoTarget

// Fetch hands keep a file of at most most bytes that the repository vouches for
// now: its metadata is fresh, its signatures are good. What keep writes below
// <data dir>/firmware belongs to the agent afterwards, also when root runs this.
// Errors are keep's, or as those of [RunUpdate]; fault.Busy means that an update
// is being made.
func Fetch(ctx context.Context, o Options, name string, most int64, keep func(body []byte) error) error {
	o.defaults()
	u := &update{Options: o, say: func(string, ...any) {}}
	if err := u.open(); err != nil {
		return err
	}
	defer u.close()
	release, err := slots.Updating(o.DataDir)
	if err != nil {
		return classify("begin", err)
	}
	defer release()
	own, cancel := context.WithTimeout(ctx, o.Limit)
	defer cancel()
	body, err := u.fetch(own, name, most)
	if err != nil {
		return err
	}
	return keep(body)
}

func (u *update) fetch(ctx context.Context, name string, most int64) (body []byte, err error) {
	if err := u.client.Refresh(ctx, u.Now); err != nil {
		return nil, classify("check the repository", err)
	}
	target, err := u.client.Find(ctx, name)
	if err != nil {
		return nil, classify("look for "+name, err)
	}
	if target.Length > most {
		return nil, trouble(fault.Refused, "read "+name, "the repository was made wrongly; tell its publisher", fmt.Errorf("%d bytes, at most %d", target.Length, most))
	}
	part := filepath.Join(u.DataDir, "firmware", "fetch.part")
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, classify("fetch "+name, err)
	}
	defer func() {
		if rerr := os.Remove(part); err == nil && !errors.Is(rerr, os.ErrNotExist) {
			err = rerr
		}
	}()
	if err := u.client.Download(ctx, target, part, nil); err != nil {
		return nil, classify("fetch "+name, err)
	}
	return os.ReadFile(part)
}
