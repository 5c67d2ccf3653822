package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"tilld/internal/plainfile"
)

// tillKey returns the till's own signing key, made at the first start:
// <data_dir>/till-key, PKCS #8 in PEM, readable by the agent alone.
func tillKey(dataDir string) (ed25519.PrivateKey, error) {
	file := filepath.Join(dataDir, "till-key")
	text, err := plainfile.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return newTillKey(file)
	}
	if err != nil {
		return nil, fmt.Errorf("till key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("till key: %s is damaged; restore it from a backup, or remove it and enrol the till again", file)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("till key: %s: %w", file, err)
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("till key: %s holds a %T, not an Ed25519 key", file, key)
	}
	return private, nil
}

func newTillKey(file string) (ed25519.PrivateKey, error) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("till key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("till key: %w", err)
	}
	if err := writeSynced(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
		return nil, fmt.Errorf("till key: %w", err)
	}
	return private, nil
}

// publicOf is the public half of the till's key.
func publicOf(key ed25519.PrivateKey) []byte {
	public, _ := key.Public().(ed25519.PublicKey) // always is one
	return public
}

// writeSynced writes a private file whole or not at all.
func writeSynced(file string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), file)
}
