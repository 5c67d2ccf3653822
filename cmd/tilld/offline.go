package main

import (
	"os"
	"time"

	"tilld/internal/config"
	"tilld/internal/link"
	"tilld/internal/offlinepay"
	"tilld/internal/sale"
	"tilld/internal/till"
)

// offlinePay is payment without a link as configured, nil when it is off.
func offlinePay(c config.Config) *till.OfflinePay {
	o := c.Payment.Offline
	if !o.Enabled {
		return nil
	}
	return &till.OfflinePay{
		Prefix: o.URLPrefix, KeyGen: uint8(o.KeyGeneration), MaxCount: o.MaxCount, MaxKeyAge: o.MaxKeyAge.Std(),
		MaxAmount: sale.MinorUnits(int64(o.MaxAmount), c.Till.Currency),
		Keys:      func() (offlinepay.Keys, time.Time, error) { return proofKeys(c.Cloud.TrustFile) },
	}
}

// proofKeys reads the cloud's keys for payment proofs, and when the file that
// they are in was put there.
func proofKeys(file string) (offlinepay.Keys, time.Time, error) {
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
