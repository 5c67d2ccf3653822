package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"tilld/firmware"
)

type runCmd struct {
	Config  string `help:"Configuration file; without one /etc/tilld/tilld.yaml if it is there." placeholder:"FILE"`
	DataDir string `help:"Data directory, instead of data_dir." name:"data-dir" placeholder:"DIR"`
}

// errRestart ends the agent so that it is started anew.
var errRestart = errors.New("restart wanted")

// Run is the daemon.
func (c *runCmd) Run() error {
	file := c.Config
	if file == "" {
		if _, err := os.Stat(defaultConfig); err == nil {
			file = defaultConfig
		}
	}
	cfg, err := load(file, os.Stderr)
	if err != nil {
		return err
	}
	if c.DataDir != "" {
		cfg.DataDir = c.DataDir
	}
	if cfg.DataDir, err = filepath.Abs(cfg.DataDir); err != nil {
		return err
	}
	if done, err := supervised(file, cfg.DataDir); done {
		return err
	}
	held := new(logRing)
	log, level, closer, err := newLog(cfg.Log.File, cfg.Log.Level, held)
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	defer closer.Close()
	if err := openDataDir(cfg.DataDir, log); err != nil {
		return err
	}
	ctx, stop := lifetime()
	defer stop()
	firmware.StopWithGuard(stop)
	life, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	a := &agent{
		cfg: cfg, log: log, level: level, held: held, bootID: bootID(),
		restart: func() { cancel(errRestart) },
	}
	err = a.run(life)
	if err == nil && errors.Is(context.Cause(life), errRestart) {
		closer.Close()
		if firmware.Guarded() {
			return &exitError{code: firmware.ExitRestart, quiet: true, err: errRestart}
		}
		return again()
	}
	return err
}

// bootID names this start of the agent on every event.
func bootID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
