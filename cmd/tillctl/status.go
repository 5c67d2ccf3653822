package main

import (
	"fmt"
	"net/url"
	"text/tabwriter"
	"time"
)

type condition struct {
	Code, Severity, Subject, Text, Remedy string
	Since                                 time.Time
}

type deviceRow struct {
	Name, Kind, Driver, Address, State, Condition, Hint string
	Since                                               time.Time
}

type queueState struct {
	Depth         int     `json:"depth"`
	OldestSeconds float64 `json:"oldest_seconds"`
	Bytes         int64   `json:"bytes"`
	Limit         int64   `json:"limit"`
	LastSeq       uint64  `json:"last_seq"`
	AckedSeq      uint64  `json:"acked_seq"`
	Dead          int     `json:"dead"`
	Epoch         string  `json:"epoch"`
}

type statusAnswer struct {
	Till struct {
		Merchant, Store, Till string
	}
	Version   string
	StartedAt time.Time `json:"started_at"`
	Link      struct {
		State, Broker, Error string
		Since                time.Time
	}
	Queue queueState
	Mall  *struct {
		State, Broker, Error string
		Since                time.Time
		queueState
	}
	Devices    []deviceRow
	Conditions []condition
	Clock      struct {
		OffsetMS int64 `json:"offset_ms"`
		Trusted  bool
	}
}

type statusCmd struct{}

func (statusCmd) Run(s *session) error {
	var v statusAnswer
	return s.show("/v1/status", &v, func() {
		w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		fmt.Fprintf(w, "till\t%s/%s/%s, tilld %s, up %s\n", v.Till.Merchant, v.Till.Store, v.Till.Till, v.Version, since(v.StartedAt))
		fmt.Fprintf(w, "link\t%s for %s, %s %s\n", v.Link.State, since(v.Link.Since), v.Link.Broker, safe(v.Link.Error))
		fmt.Fprintf(w, "queue\t%d waiting, oldest %.0f s, last %d, acked %d, set aside %d\n", v.Queue.Depth, v.Queue.OldestSeconds, v.Queue.LastSeq, v.Queue.AckedSeq, v.Queue.Dead)
		if m := v.Mall; m != nil {
			fmt.Fprintf(w, "mall\t%s for %s, %s, %d waiting, oldest %.0f s, acked %d %s\n", m.State, since(m.Since), safe(m.Broker), m.Depth, m.OldestSeconds, m.AckedSeq, safe(m.Error))
		}
		trust := "trusted"
		if !v.Clock.Trusted {
			trust = "not trusted yet"
		}
		fmt.Fprintf(w, "clock\t%+d ms, %s\n", v.Clock.OffsetMS, trust)
		w.Flush()
		s.devices(v.Devices)
		for _, c := range v.Conditions {
			fmt.Fprintf(s.out, "%s: %s. %s\n", c.Severity, safe(c.Text), safe(c.Remedy))
		}
	})
}

type devicesCmd struct{}

func (devicesCmd) Run(s *session) error {
	var v struct{ Devices []deviceRow }
	return s.show("/v1/devices", &v, func() { s.devices(v.Devices) })
}

func (s *session) devices(list []deviceRow) {
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for _, d := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", d.Name, d.Driver, d.State, since(d.Since), safe(d.Address), safe(d.Hint))
	}
	w.Flush()
}

type testCmd struct {
	Name string `arg:"" help:"Name of the device."`
}

func (c testCmd) Run(s *session) error {
	body, err := s.api.post("/v1/devices/" + url.PathEscape(c.Name) + "/test")
	if err != nil {
		return err
	}
	var v map[string]any
	return s.print(body, &v, func() { fmt.Fprintf(s.out, "%s: test done; look at it or listen\n", c.Name) })
}

type traceCmd struct {
	Name   string `arg:"" help:"Name of the device."`
	Action string `arg:"" help:"start, stop or show." enum:"start,stop,show" default:"show" optional:""`
}

// Run starts or stops the recording, or prints it: lines of "> hex" written,
// "< hex" read and "# note".
func (c traceCmd) Run(s *session) error {
	path := "/v1/devices/" + url.PathEscape(c.Name) + "/trace"
	if c.Action == "show" {
		body, err := s.api.get(path)
		if err != nil {
			return err
		}
		_, err = s.out.Write(body)
		return err
	}
	body, err := s.api.post(path + "/" + c.Action)
	if err != nil {
		return err
	}
	var v struct{ On bool }
	return s.print(body, &v, func() { fmt.Fprintf(s.out, "%s: recording %t\n", c.Name, v.On) })
}

type detectCmd struct{}

func (detectCmd) Run(s *session) error {
	var v struct {
		Found []struct{ Config string }
	}
	return s.show("/v1/detect", &v, func() {
		for _, f := range v.Found {
			fmt.Fprintln(s.out, "  "+safe(f.Config))
		}
	})
}

// since writes how long ago t was, to two units.
func since(t time.Time) string {
	d := time.Since(t).Round(time.Second)
	switch {
	case t.IsZero():
		return "-"
	case d > 48*time.Hour:
		return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	case d > time.Hour:
		return d.Round(time.Minute).String()
	default:
		return d.String()
	}
}

// safe makes outside text harmless to a terminal: control characters go, and
// it is cut at 256 characters.
func safe(text string) string {
	var out []rune
	for _, r := range text {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			r = '?'
		}
		if len(out) == 256 {
			return string(out) + "…"
		}
		out = append(out, r)
	}
	return string(out)
}
