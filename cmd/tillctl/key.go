package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

// pemKey is the Ed25519 public key in a PEM block, or of the private key in it.
func pemKey(block *pem.Block) ([]byte, error) {
	var key any
	var err error
	if block.Type == "PRIVATE KEY" {
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	} else {
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	}
	if err != nil {
		return nil, fmt.Errorf("--key: %w", err)
	}
	switch k := key.(type) {
	case ed25519.PrivateKey:
		pub, _ := k.Public().(ed25519.PublicKey) // always is one
		return pub, nil
	case ed25519.PublicKey:
		return k, nil
	}
	return nil, fmt.Errorf("--key: a %T, not an Ed25519 key", key)
}
