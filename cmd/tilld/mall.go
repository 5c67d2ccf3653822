package main

import (
	"errors"
	"time"

	"tilld/internal/link"
	"tilld/internal/till"
	"tilld/queue"
)

// copier makes the mall's copies, by the section mall of the configuration. With
// no mall it is there too: a chain of copies that exists has to say that it ends.
func (a *agent) copier(clock *link.Clock) (*queue.Copier, error) {
	m := a.cfg.Mall.Named(a.cfg.Till)
	view := link.View{Events: m.Events, Redact: m.Redact, Source: a.cfg.Cloud.TopicRoot + "/" + a.cfg.Path()}
	if m.URL == "" {
		view.Events, view.Redact = nil, nil
	}
	return link.Copier(view, m.TopicRoot+"/"+m.Path(), a.bootID, clock, int64(m.MaxBytes))
}

// newMall is the link to the mall, nil when there is none.
func (a *agent) newMall(clock *link.Clock) (*link.Link, error) {
	m := a.cfg.Mall.Named(a.cfg.Till)
	if m.URL == "" {
		return nil, nil
	}
	copies := a.store.Copies()
	if copies == nil {
		return nil, errors.New("mall: the store makes no copies")
	}
	return link.NewMall(link.Options{
		URL: m.URL, ClientID: m.ClientID, Username: m.Username, PasswordFile: m.PasswordFile,
		CAFile: m.CAFile, CertFile: m.CertFile, KeyFile: m.KeyFile, TopicRoot: m.TopicRoot,
		TrustFile: m.TrustFile, Ack: m.Ack, Window: m.Window,
		Merchant: m.Merchant, Store: m.Store, Till: m.Till, Version: version, BootID: a.bootID,
		Log: a.log.With("part", "mall"), Health: &a.health, Clock: clock,
	}, copies, a.store)
}

func (a *agent) mallStatus() *till.MallStatus {
	if a.mall == nil {
		return nil
	}
	q := a.store.Copies().Stats()
	s := till.MallStatus{
		LinkStatus: till.LinkStatus(a.mall.Status()), Depth: q.Depth, Bytes: q.Bytes, Limit: q.Limit,
		LastSeq: q.LastSeq, AckedSeq: q.AckedSeq, Epoch: q.Epoch,
	}
	if !q.Oldest.IsZero() {
		s.OldestSeconds = max(0, time.Since(q.Oldest).Seconds())
	}
	return &s
}
