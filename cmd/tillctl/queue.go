package main

import (
	"encoding/json"
	"fmt"
	"os"
)

type queueCmd struct {
	Dead   bool   `help:"List the records that were set aside."`
	Export string `help:"Write the records that were set aside to this file, as JSON." placeholder:"FILE"`
}

func (c queueCmd) Run(s *session) error {
	if c.Dead || c.Export != "" {
		return c.dead(s)
	}
	body, err := s.api.get("/v1/status")
	if err != nil {
		return err
	}
	var v struct {
		Queue json.RawMessage `json:"queue"`
	}
	if err := json.Unmarshal(body, &v); err != nil {
		return err
	}
	var q queueState
	return s.print(v.Queue, &q, func() {
		fmt.Fprintf(s.out, "epoch %s\nwaiting %d, oldest %.0f s\nlast %d, acked %d\n%d of %d bytes\nset aside %d\n",
			q.Epoch, q.Depth, q.OldestSeconds, q.LastSeq, q.AckedSeq, q.Bytes, q.Limit, q.Dead)
	})
}

func (c queueCmd) dead(s *session) error {
	body, err := s.api.get("/v1/queue/dead")
	if err != nil {
		return err
	}
	if c.Export != "" {
		if err := os.WriteFile(c.Export, body, 0o600); err != nil {
			return err
		}
		return s.wrote(c.Export)
	}
	var v struct {
		Records []struct {
			Sequence uint64
			Bucket   string
			Reason   string
			Data     []byte
		}
	}
	return s.print(body, &v, func() {
		for _, r := range v.Records {
			fmt.Fprintf(s.out, "%d %s: %s (%d bytes)\n", r.Sequence, safe(r.Bucket), safe(r.Reason), len(r.Data))
		}
	})
}

type updateCmd struct{}

func (updateCmd) Run(s *session) error {
	var v map[string]any
	return s.show("/v1/update", &v, func() {
		text, err := json.MarshalIndent(v, "", "  ")
		if err == nil {
			fmt.Fprintf(s.out, "%s\n", text)
		}
	})
}
