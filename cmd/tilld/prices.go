package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"tilld/internal/plainfile"
)

// maxPrices bounds a price book file; it is never in memory as a whole.
const maxPrices = 256 << 20

// priceFetcher opens price book files below one repository; nil without one.
func priceFetcher(repository string) func(ctx context.Context, address, sum string, size int64) (io.ReadCloser, error) {
	if repository == "" {
		return nil
	}
	client := &http.Client{Timeout: 30 * time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error {
		return errors.New("the repository redirects elsewhere")
	}}
	return func(ctx context.Context, address, sum string, size int64) (io.ReadCloser, error) {
		if size <= 0 || size > maxPrices {
			return nil, fmt.Errorf("%d bytes: a price book has 1 to %d", size, maxPrices)
		}
		rest, err := below(repository, address)
		if err != nil {
			return nil, err
		}
		source, err := openPrices(ctx, client, repository, rest)
		if err != nil {
			return nil, err
		}
		return &announced{ReadCloser: source, hash: sha256.New(), left: size, sum: strings.ToLower(sum)}, nil
	}
}

// announced is a file that ends well only when it is the announced one.
type announced struct {
	io.ReadCloser
	hash hash.Hash
	left int64  // bytes that are still to come
	sum  string // SHA-256 in hex
}

func (a *announced) Read(b []byte) (int, error) {
	n, err := a.ReadCloser.Read(b)
	a.hash.Write(b[:n])
	if a.left -= int64(n); a.left < 0 || err == io.EOF && (a.left > 0 || hex.EncodeToString(a.hash.Sum(nil)) != a.sum) {
		return n, errors.New("the file is not the one that was announced: size or SHA-256 differ")
	}
	return n, err
}

// below returns the path of address under the repository, or why it is not
// there. An address may also be relative.
func below(repository, address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	rest := u.Path
	if u.IsAbs() || u.Host != "" {
		base := strings.TrimRight(repository, "/") + "/"
		trimmed, ok := strings.CutPrefix(address, base)
		if !ok {
			return "", fmt.Errorf("%q is not below the configured repository", address)
		}
		rest = trimmed
	}
	clean := strings.TrimPrefix(path.Clean("/"+rest), "/")
	if clean == "" || clean != strings.TrimPrefix(rest, "/") || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(clean, `\%`) {
		return "", fmt.Errorf("%q is no plain path below the configured repository", address)
	}
	return clean, nil
}

func openPrices(ctx context.Context, client *http.Client, repository, rest string) (io.ReadCloser, error) {
	if !strings.HasPrefix(repository, "http://") && !strings.HasPrefix(repository, "https://") {
		root, err := os.OpenRoot(repository)
		if err != nil {
			return nil, err
		}
		defer root.Close()
		return plainfile.OpenIn(root, rest)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(repository, "/")+"/"+rest, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("the repository answers %s", resp.Status)
	}
	return resp.Body, nil
}
