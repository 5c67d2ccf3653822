package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"tilld/firmware"
	"tilld/internal/config"
	"tilld/internal/fault"
)

type updateCmd struct {
	From    string `help:"Directory (a stick) or address of the repository." required:"" placeholder:"DIR|URL"`
	Config  string `help:"Configuration file, for data_dir and firmware.*." placeholder:"FILE"`
	DataDir string `help:"Data directory, instead of data_dir." name:"data-dir" placeholder:"DIR"`
	Root    string `help:"First root.json to trust, instead of firmware.root_file or the one built in." placeholder:"FILE"`
	Check   bool   `help:"Look only, stage nothing."`
	Retry   bool   `help:"Take a build again that was tried before and rolled back."`
	JSON    bool   `help:"Print the result as JSON." name:"json"`
}

// Run checks the repository and stages the new agent; the guard starts it with
// the agent's next start.
func (c *updateCmd) Run() error {
	cfg := config.Defaults()
	if c.Config != "" {
		var err error
		if cfg, err = load(c.Config, os.Stderr); err != nil {
			return err
		}
	}
	if c.DataDir != "" {
		cfg.DataDir = c.DataDir
	}
	if c.Root != "" {
		cfg.Firmware.RootFile = c.Root
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	res, err := firmware.RunUpdate(ctx, firmware.Options{
		DataDir: cfg.DataDir, From: c.From, RootFile: cfg.Firmware.RootFile, Channel: cfg.Firmware.Channel,
		Version: version, CheckOnly: c.Check, Retry: c.Retry,
	}, func(line string) { fmt.Fprintln(os.Stderr, line) })
	if err != nil {
		if hint := fault.HintOf(err); hint != "" {
			return fmt.Errorf("%w; %s", err, hint)
		}
		return err
	}
	if cfg.Payment.Offline.Enabled && !c.Check {
		cfg.Firmware.Repository = c.From
		if err := fetchProofs(ctx, cfg); err == nil {
			fmt.Fprintln(os.Stderr, "the keys for payment proofs are renewed")
		} else if !errors.Is(err, firmware.ErrNoTarget) {
			return err
		}
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(res)
	}
	fmt.Println(res.Outcome)
	return nil
}
