package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// api is the local API of one till, used as a POS application uses it: over
// HTTP, with the token, decoding only what it needs.
type api struct {
	base string // http://127.0.0.1:7780
	data string // data directory, for the token
	http http.Client
}

// problem is an answer of the API that is not what was asked for.
type problem struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func (p *problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail) }

// sale is a sale as the API shows it.
type sale struct {
	ID      string   `json:"id"`
	Number  int      `json:"number"`
	Day     string   `json:"day"`
	State   string   `json:"state"`
	Items   []item   `json:"items"`
	Total   int64    `json:"total"`
	Paid    int64    `json:"paid"`
	Change  int64    `json:"change"`
	Tenders []tender `json:"tenders"`
	Payment *payment `json:"payment"`

	PaidButChanged bool `json:"paid_but_changed"`
	Receipt        *struct {
		JobID   string `json:"job_id"`
		Outcome string `json:"outcome"`
	} `json:"receipt"`
}

type item struct {
	Line      int    `json:"line"`
	SKU       string `json:"sku"`
	GTIN      string `json:"gtin"`
	Name      string `json:"name"`
	Quantity  string `json:"quantity"`
	UnitPrice int64  `json:"unit_price"`
	Discount  int64  `json:"discount"`
	Total     int64  `json:"total"`
}

type tender struct {
	Method string `json:"method"`
	Amount int64  `json:"amount"`
}

type payment struct {
	ID     string `json:"id"`
	State  string `json:"state"`
	URL    string `json:"url"`
	Amount int64  `json:"amount"`

	Offline bool `json:"offline"`
}

// tillStatus is what is needed of GET /v1/status.
type tillStatus struct {
	Link struct {
		State string `json:"state"`
	} `json:"link"`
	Queue struct {
		Depth    int    `json:"depth"`
		LastSeq  uint64 `json:"last_seq"`
		AckedSeq uint64 `json:"acked_seq"`
		Dead     int    `json:"dead"`
	} `json:"queue"`
	Devices []struct {
		Name  string `json:"name"`
		State string `json:"state"`
	} `json:"devices"`
	Mall *struct {
		State    string `json:"state"`
		LastSeq  uint64 `json:"last_seq"`
		AckedSeq uint64 `json:"acked_seq"`
	} `json:"mall"`
	Conditions []condition `json:"conditions"`
}

type condition struct {
	Code    string `json:"code"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
	Remedy  string `json:"remedy"`
}

// call sends one request and decodes the answer into out, if there is one. A
// key makes it safe to repeat.
func (a *api) call(ctx context.Context, method, path, key string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, body)
	if err != nil {
		return err
	}
	token, err := a.token()
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := a.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 8<<20))
	if err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		p := &problem{}
		if json.Unmarshal(answer, p) != nil || p.Code == "" {
			p.Detail = string(answer)
		}
		p.Status = res.StatusCode
		return fmt.Errorf("%s %s: %w", method, path, p)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// token is the till's, "" before its first start.
func (a *api) token() (string, error) {
	token, err := os.ReadFile(filepath.Join(a.data, "api-token"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	return strings.TrimSpace(string(token)), nil
}

// ready asks /readyz.
func (a *api) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return a.call(ctx, http.MethodGet, "/readyz", "", nil, nil)
}

func (a *api) status(ctx context.Context) (s tillStatus, err error) {
	err = a.call(ctx, http.MethodGet, "/v1/status", "", nil, &s)
	return s, err
}

func (a *api) sale(ctx context.Context, id string) (s sale, err error) {
	err = a.call(ctx, http.MethodGet, "/v1/sales/"+id, "", nil, &s)
	return s, err
}

// refused returns the problem's code, "" when err is something else.
func refused(err error) string {
	if p, ok := errors.AsType[*problem](err); ok {
		return p.Code
	}
	return ""
}
