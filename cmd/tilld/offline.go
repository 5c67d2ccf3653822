package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"tilld/firmware"
	"tilld/internal/config"
	"tilld/internal/link"
	"tilld/internal/offlinepay"
	"tilld/internal/plainfile"
	"tilld/internal/sale"
	"tilld/internal/till"
)

const (
	// proofTarget is the repository's name for the cloud's keys for proofs.
	proofTarget = "keys/payproof.json"
	maxProofs   = 64 << 10 // bytes of it

	proofsEvery = time.Hour
	proofsAgain = 10 * time.Minute // after a look that failed
)

// offlinePay is payment without a link as configured, nil when it is off.
func offlinePay(c config.Config) *till.OfflinePay {
	o := c.Payment.Offline
	if !o.Enabled {
		return nil
	}
	pay := &till.OfflinePay{
		Prefix: o.URLPrefix, KeyGen: uint8(o.KeyGeneration), MaxCount: o.MaxCount, MaxKeyAge: o.MaxKeyAge.Std(),
		MaxAmount: sale.MinorUnits(int64(o.MaxAmount), c.Till.Currency),
		Keys:      func() (offlinepay.Keys, time.Time, error) { return proofKeys(c) },
	}
	if o.CodeKeyFile != "" {
		pay.Codes = &till.PayCodes{
			MaxAmount: sale.MinorUnits(int64(o.CodeMaxAmount), c.Till.Currency), MaxCount: o.CodeMaxCount,
			Keys: func() (offlinepay.CodeKeys, error) { return readCodeKeys(o.CodeKeyFile) },
		}
	}
	return pay
}

// readCodeKeys reads the keys for pay codes. Whoever can read the file can make
// codes, so nobody but its owner may.
func readCodeKeys(file string) (offlinepay.CodeKeys, error) {
	f, err := plainfile.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("%s has mode %04o: others can read it; run chmod 600 %s", file, info.Mode().Perm(), file)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxProofs+1))
	if err != nil {
		return nil, err
	}
	keys, err := offlinepay.ParseCodeKeys(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return keys, nil
}

// proofFile is where the repository's key set is kept. Its modification time is
// when the repository last vouched for it.
func proofFile(c config.Config) string { return filepath.Join(c.DataDir, "firmware", "payproof.json") }

// proofKeys reads the cloud's keys for payment proofs, and when they were known
// to be the right ones: those that a repository or a stick brought, else those of
// the trust file, which counts from when it was put there.
func proofKeys(c config.Config) (offlinepay.Keys, time.Time, error) {
	keys, since, err := readProofs(proofFile(c))
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, since, err
	}
	return readProofs(c.Cloud.TrustFile)
}

func readProofs(file string) (offlinepay.Keys, time.Time, error) {
	t, err := link.LoadTrust(file)
	if err != nil {
		return nil, time.Time{}, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, time.Time{}, err
	}
	return t.Proofs(), info.ModTime(), nil
}

// refreshProofs has the repository say, every hour, which keys for proofs are
// the right ones.
func (a *agent) refreshProofs(ctx context.Context) error {
	if !a.cfg.Payment.Offline.Enabled || a.cfg.Firmware.Repository == "" {
		<-ctx.Done() // a part that returns ends the agent
		return nil
	}
	for {
		wait := proofsEvery
		switch err := fetchProofs(ctx, a.cfg); {
		case errors.Is(err, firmware.ErrNoTarget):
			a.log.Debug("the repository has no keys for payment proofs; the trust file's count", "name", proofTarget)
		case err != nil && ctx.Err() == nil:
			a.log.Warn("keys for payment proofs not renewed", "err", err)
			wait = proofsAgain
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// fetchProofs fetches the key set from firmware.repository and keeps it, whole
// or not at all.
func fetchProofs(ctx context.Context, c config.Config) error {
	return firmware.Fetch(ctx, firmware.Options{
		DataDir: c.DataDir, From: c.Firmware.Repository, RootFile: c.Firmware.RootFile, Channel: c.Firmware.Channel, Version: version,
	}, proofTarget, maxProofs, func(body []byte) error { return keepProofs(proofFile(c), body) })
}

func keepProofs(file string, body []byte) error {
	t, err := link.ParseTrust(body)
	if err != nil {
		return fmt.Errorf("%s: %w", proofTarget, err)
	}
	if len(t.Proofs()) == 0 {
		return fmt.Errorf(`%s: no key in it has "tilld:use": ["proof"]`, proofTarget)
	}
	if have, err := os.ReadFile(file); err == nil && bytes.Equal(have, body) {
		now := time.Now()
		return os.Chtimes(file, now, now)
	}
	return writeSynced(file, body)
}
