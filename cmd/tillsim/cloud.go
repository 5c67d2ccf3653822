package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"tilld/internal/cloud"
)

// cloudCmd is `tillsim cloud`.
type cloudCmd struct {
	Broker string        `help:"Any MQTT 3.1.1 broker." default:"tcp://127.0.0.1:1883"`
	Root   string        `help:"Topic root." default:"tilld/v1"`
	Dir    string        `help:"Where key, trust file and events are kept." default:"tillsim-cloud" type:"path"`
	Pay    string        `help:"What shoppers do: paid, failed, or wait for the command pay or decline." enum:"paid,failed,wait" default:"paid"`
	After  time.Duration `help:"How long a shopper takes." default:"3s"`
	Rich   bool          `help:"Results with member, points, coupons, offers, stored value." default:"true" negatable:""`
	Quiet  bool          `help:"Events only."`
}

const cloudHelp = "commands: pay ID | decline ID | order TILL TYPE {data} | report | alarms | payments"

// Run serves until ^C.
func (c *cloudCmd) Run(ctx context.Context) error { return c.run(ctx, os.Stdin, os.Stdout) }

func (c *cloudCmd) run(ctx context.Context, in io.Reader, out io.Writer) error {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return err
	}
	key, err := cloud.LoadKey(filepath.Join(c.Dir, "key.json"), "sim-1")
	if err != nil {
		return err
	}
	trust, err := cloud.TrustFile(key)
	if err != nil {
		return err
	}
	file := filepath.Join(c.Dir, "cloud-keys.json")
	if err := os.WriteFile(file, trust, 0o644); err != nil {
		return err
	}
	ledger, err := cloud.OpenLedger(filepath.Join(c.Dir, "events"))
	if err != nil {
		return err
	}
	var mu sync.Mutex
	policy := cloud.PayPolicy{After: c.After, Outcome: c.Pay, Rich: c.Rich}
	if c.Pay == "wait" {
		policy.Outcome = ""
	}
	k := cloud.New(cloud.Options{
		Broker: c.Broker, TopicRoot: c.Root, Key: key, Pay: policy, Ledger: ledger,
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Heard: func(t cloud.Traffic) {
			if c.Quiet && t.Kind != "event" || t.Kind == "ack" || t.Kind == "telemetry" {
				return
			}
			data, err := json.Marshal(t.Data)
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintf(out, "%s %-16s %-3s %-9s %-24s %s %.300s\n", t.At.Format("15:04:05.000"), t.Till, t.Way, t.Kind, t.Type, t.ID, data)
		},
	})
	fmt.Fprintf(out, "cloud at %s; tills need cloud.trust_file: %s\n%s\n", c.Broker, file, cloudHelp)
	go func() {
		for sc := bufio.NewScanner(in); sc.Scan(); {
			if err := obeyCloud(k, out, strings.TrimSpace(sc.Text())); err != nil {
				fmt.Fprintln(out, err)
			}
		}
	}()
	return k.Run(ctx)
}

// obeyCloud does what one typed line says.
func obeyCloud(k *cloud.Cloud, out io.Writer, line string) error {
	word, rest, _ := strings.Cut(line, " ")
	show := func(v any) error {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	switch word {
	case "":
		return nil
	case "pay", "decline":
		outcome := map[string]string{"pay": "paid", "decline": "failed"}[word]
		if !k.Settle(rest, outcome, true) {
			return fmt.Errorf("no payment %q is pending", rest)
		}
		return nil
	case "order":
		parts := strings.SplitN(rest, " ", 3)
		if len(parts) != 3 || !json.Valid([]byte(parts[2])) {
			return errors.New(`order acme/sh-001/03 screen.show {"scene":…}`)
		}
		_, err := fmt.Fprintln(out, "ordered as", k.Order(parts[0], parts[1], json.RawMessage(parts[2]), 0))
		return err
	case "report":
		for _, source := range k.Ledger().Sources() {
			if err := show(k.Ledger().Report(source)); err != nil {
				return err
			}
		}
		return nil
	case "alarms":
		return show(k.Ledger().Alarms())
	case "payments":
		return show(k.Payments())
	}
	return errors.New(cloudHelp)
}
