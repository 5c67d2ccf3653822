package qz

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	// certLife is as long as browsers accept for a certificate.
	certLife = 800 * 24 * time.Hour
	// renewal is how long before its end a certificate is made anew.
	renewal = 60 * 24 * time.Hour
	// certFile holds the certificate, which store IT has the browser trust, and
	// its key: one file, so that a power cut cannot part them.
	certFile = "qz-tls.pem"
)

// certificate returns this machine's own certificate for loopback, made when
// there is none or it ends soon. Its key never leaves dir; browsers trust it only
// when they are told to.
func certificate(dir string) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, certFile), filepath.Join(dir, certFile))
	if err == nil && pair.Leaf == nil {
		pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0])
	}
	switch {
	case err == nil && time.Until(pair.Leaf.NotAfter) > renewal:
	case err == nil || errors.Is(err, os.ErrNotExist):
		if pair, err = makeCertificate(dir); err != nil {
			return nil, fmt.Errorf("certificate for qz: %w", err)
		}
	default:
		return nil, fmt.Errorf("certificate for qz, remove %s to have it made anew: %w", certFile, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}, nil
}

func makeCertificate(dir string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	// It signs itself and nothing else: whoever trusts it trusts loopback alone.
	form := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "tilld on this machine"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(certLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	cert, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	name := filepath.Join(dir, certFile)
	if err := os.WriteFile(name+".new", append(certPEM, keyPEM...), 0o600); err != nil {
		return tls.Certificate{}, err
	}
	if err := os.Rename(name+".new", name); err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(certPEM, keyPEM)
}
