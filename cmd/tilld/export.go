package main

import (
	"context"
	"crypto/ed25519"
	"io"
	"time"

	"tilld/internal/journal"
	"tilld/internal/status"
	"tilld/queue"
)

// export writes the journal with its proof, signed by the till's key. Days are
// store time.
func (a *agent) export(key ed25519.PrivateKey) func(context.Context, io.Writer, status.ExportQuery) error {
	return func(ctx context.Context, out io.Writer, q status.ExportQuery) error {
		loc, err := time.LoadLocation(a.cfg.Till.Timezone)
		if err != nil {
			return err
		}
		f := journal.Filter{FromDay: q.From, ToDay: q.To}
		if q.From != "" {
			if f.From, err = time.ParseInLocation(time.DateOnly, q.From, loc); err != nil {
				return err
			}
		}
		if q.To != "" {
			if f.To, err = time.ParseInLocation(time.DateOnly, q.To, loc); err != nil {
				return err
			}
			f.To = f.To.AddDate(0, 0, 1)
		}
		for _, t := range q.Types {
			f.Types = append(f.Types, "tilld."+t+".v1")
		}
		epoch := q.Epoch
		if epoch == "" {
			epoch = a.store.Epoch()
		}
		w := journal.NewWriter(out, a.cfg.Cloud.TopicRoot+"/"+a.cfg.Path(), epoch, "tilld "+version, f)
		err = a.store.Archive(ctx, epoch, q.After, func(e queue.Archived) error {
			return w.Add(journal.Item{Sequence: e.Sequence, Hash: e.Hash, Prev: e.Prev, Original: e.Original, Body: e.Body})
		})
		if err != nil {
			return err
		}
		return w.Close(key, time.Now())
	}
}
