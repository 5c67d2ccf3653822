package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// maxAnswer bounds an answer of the agent.
const maxAnswer = 64 << 20

// api is the agent's local API.
type api struct {
	base, token string
	client      *http.Client
}

func newAPI(base, tokenFile string) (*api, error) {
	token, err := os.ReadFile(tokenFile)
	if err != nil {
		return nil, fmt.Errorf("the API token cannot be read: %w (run as the agent's user or root, or name it with --token-file)", err)
	}
	if !strings.Contains(base, "://") {
		base = "http://" + base // an address as http.listen has it
	}
	return &api{base: strings.TrimRight(base, "/"), token: strings.TrimSpace(string(token)), client: &http.Client{Timeout: 30 * time.Second}}, nil
}

func (a *api) get(path string) ([]byte, error)  { return a.call(http.MethodGet, path) }
func (a *api) post(path string) ([]byte, error) { return a.call(http.MethodPost, path) }

func (a *api) call(method, path string) ([]byte, error) {
	resp, err := a.send(a.client, method, path)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
}

// ready asks whether the till can sell; the reasons why it cannot are an answer
// as well.
func (a *api) ready() ([]byte, error) {
	resp, err := a.ask(a.client, http.MethodGet, "/readyz")
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusServiceUnavailable {
		resp, err = a.good(resp, http.MethodGet, "/readyz")
	}
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
}

// send returns the answer when it is a good one, else what the agent says is
// wrong.
func (a *api) send(client *http.Client, method, path string) (*http.Response, error) {
	resp, err := a.ask(client, method, path)
	if err != nil {
		return nil, err
	}
	return a.good(resp, method, path)
}

func (a *api) ask(client *http.Client, method, path string) (*http.Response, error) {
	var body io.Reader
	if method == http.MethodPost {
		body = bytes.NewReader([]byte("{}"))
	}
	req, err := http.NewRequest(method, a.base+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	req.Header.Set("Accept-Language", language())
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no agent answers: %w (is tilld running? name its address with --url)", err)
	}
	return resp, nil
}

func (a *api) good(resp *http.Response, method, path string) (*http.Response, error) {
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	var p struct{ Detail, Code string }
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil || json.Unmarshal(text, &p) != nil || p.Detail == "" {
		return nil, fmt.Errorf("%s %s: %s", method, path, resp.Status)
	}
	return nil, fmt.Errorf("%s (%s)", p.Detail, p.Code)
}

// language is what the terminal's user reads.
func language() string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); strings.HasPrefix(v, "zh") {
			return "zh-CN"
		} else if v != "" {
			break
		}
	}
	return "en"
}
