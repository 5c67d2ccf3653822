package tuf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Stall is how long an HTTP download may be without a byte.
const Stall = 30 * time.Second

// HTTP is a repository behind a web server.
type HTTP struct {
	base   *url.URL
	client *http.Client
	stall  time.Duration
}

// OpenHTTP returns the repository at base, an http or https address.
func OpenHTTP(base string) (*HTTP, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%q is no address of a repository, such as https://updates.example.com/tilld", base)
	}
	return &HTTP{base: u, stall: Stall, client: &http.Client{
		CheckRedirect: sameHost,
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: 30 * time.Second,
			IdleConnTimeout:       30 * time.Second,
			DisableCompression:    true, // a first download and its resumption must see the same bytes
			ForceAttemptHTTP2:     true,
		},
	}}, nil
}

func sameHost(req *http.Request, via []*http.Request) error {
	if len(via) >= 5 {
		return errors.New("more than 5 redirects")
	}
	if first := via[0].URL; req.URL.Host != first.Host || req.URL.Scheme != first.Scheme {
		return fmt.Errorf("redirect to another server, %s", req.URL.Host)
	}
	return nil
}

// Close ends idle connections.
func (h *HTTP) Close() error {
	h.client.CloseIdleConnections()
	return nil
}

func (h *HTTP) String() string { return h.base.Redacted() }

// Open implements [Source] with a Range request.
func (h *HTTP) Open(ctx context.Context, name string, offset int64) (io.ReadCloser, int64, error) {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		if p == "" || p == "." || p == ".." {
			return nil, 0, fmt.Errorf("%q is no name of a file", name)
		}
		parts[i] = url.PathEscape(p)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watched{cancel: cancel, stall: h.stall}
	w.timer = time.AfterFunc(h.stall, func() { cancel(fmt.Errorf("no byte for %s", h.stall)) })
	body, start, err := h.get(ctx, h.base.JoinPath(parts...), offset)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && errors.Is(err, context.Canceled) {
			err = cause
		}
		w.stop()
		return nil, 0, err
	}
	w.body, w.ctx = body, ctx
	return w, start, nil
}

func (h *HTTP) get(ctx context.Context, u *url.URL, offset int64) (io.ReadCloser, int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, 0, err
	}
	if offset > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	res, err := h.client.Do(req)
	if err != nil {
		return nil, 0, err
	}
	start, err := judge(res, offset)
	if err != nil {
		res.Body.Close()
		return nil, 0, err
	}
	return res.Body, start, nil
}

// errRange is a server that has nothing at the wanted offset.
var errRange = errors.New("no such range")

func judge(res *http.Response, offset int64) (start int64, err error) {
	if enc := res.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return 0, fmt.Errorf("the server sent %q encoded, which was not asked for", enc)
	}
	switch {
	case res.StatusCode == http.StatusOK:
		return 0, nil
	case res.StatusCode == http.StatusPartialContent && offset > 0:
		if want := fmt.Sprintf("bytes %d-", offset); !strings.HasPrefix(res.Header.Get("Content-Range"), want) {
			return 0, fmt.Errorf("asked for %s, the server sent %q", want, res.Header.Get("Content-Range"))
		}
		return offset, nil
	case res.StatusCode == http.StatusRequestedRangeNotSatisfiable && offset > 0:
		return 0, errRange
	case res.StatusCode == http.StatusNotFound, res.StatusCode == http.StatusGone:
		return 0, ErrNotFound
	case res.StatusCode == http.StatusForbidden:
		return 0, ErrDenied
	}
	return 0, fmt.Errorf("the server answered %s", res.Status)
}

// watched is a body that fails after stall without a byte.
type watched struct {
	body   io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	stall  time.Duration
}

func (w *watched) Read(p []byte) (int, error) {
	w.timer.Reset(w.stall)
	n, err := w.body.Read(p)
	if err != nil && err != io.EOF {
		if cause := context.Cause(w.ctx); cause != nil {
			err = cause
		}
	}
	return n, err
}

func (w *watched) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// Close ends the download.
func (w *watched) Close() error {
	w.stop()
	return w.body.Close()
}
