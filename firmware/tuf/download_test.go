package tuf_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tilld/firmware/tuf"
)

const content = "the agent's new version, in 47 bytes, or almost"

// ready is a till that has found the target agent/x.
func ready(t *testing.T) (*till, tuf.Target) {
	t.Helper()
	k := newTill(t)
	k.add("agent/x", content)
	k.good()
	target, err := k.client.Find(t.Context(), "agent/x")
	if err != nil {
		t.Fatal(err)
	}
	k.source.asked = nil
	return k, target
}

// A download goes on from any length, with whatever was there.
func TestResumeAtEveryByte(t *testing.T) {
	k, target := ready(t)
	part := filepath.Join(t.TempDir(), "part")
	for n := 0; n <= len(content)+3; n++ {
		for _, junk := range []bool{false, true} {
			begin := (content + "+++")[:n]
			if junk {
				begin = strings.Repeat("\x00", n)
			}
			if err := os.WriteFile(part, []byte(begin), 0o600); err != nil {
				t.Fatal(err)
			}
			k.source.asked = nil
			var last int64
			err := k.client.Download(t.Context(), target, part, func(done, total int64) { last = done })
			got, e := os.ReadFile(part)
			if err != nil || e != nil || string(got) != content || last != int64(len(content)) {
				t.Fatalf("from %d bytes, junk %v: %v, %v, %q, %d", n, junk, err, e, got, last)
			}
			if n == len(content) && !junk && len(k.source.asked) > 0 {
				t.Errorf("asked for %q though all was there", k.source.asked)
			}
		}
	}
}

func TestLyingSources(t *testing.T) {
	whole := func(s string, start int64) func(string, int64) (io.ReadCloser, int64, error) {
		return func(string, int64) (io.ReadCloser, int64, error) {
			return io.NopCloser(strings.NewReader(s)), start, nil
		}
	}
	for _, c := range []struct {
		name string
		open func(string, int64) (io.ReadCloser, int64, error)
		want error
	}{
		{"other bytes", whole(strings.ToUpper(content), 0), tuf.ErrContent},
		{"too long", whole(content+"!", 0), tuf.ErrContent},
		{"endless", func(string, int64) (io.ReadCloser, int64, error) { return io.NopCloser(endless()), 0, nil }, tuf.ErrContent},
		{"too short", whole(content[:10], 0), io.ErrUnexpectedEOF},
		{"nothing", whole("", 0), io.ErrUnexpectedEOF},
		{"gone", func(string, int64) (io.ReadCloser, int64, error) { return nil, 0, tuf.ErrNotFound }, tuf.ErrNotFound},
	} {
		k, target := ready(t)
		k.source.open = c.open
		part := filepath.Join(t.TempDir(), "part")
		if err := k.client.Download(t.Context(), target, part, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if _, err := os.Stat(part); errors.Is(c.want, tuf.ErrContent) != os.IsNotExist(err) {
			t.Errorf("%s: part: %v", c.name, err)
		}
		k.source.open = nil
		if err := k.client.Download(t.Context(), target, part, nil); err != nil {
			t.Errorf("%s: afterwards: %v", c.name, err)
		}
	}
}

// Servers that treat a request for the rest of a file in their own way.
func TestServers(t *testing.T) {
	full := func(w http.ResponseWriter) { io.WriteString(w, content) }
	for _, c := range []struct {
		name    string
		serve   func(w http.ResponseWriter, r *http.Request)
		wantErr string
	}{
		{"knows ranges", nil, ""},
		{"ignores the range", func(w http.ResponseWriter, _ *http.Request) { full(w) }, ""},
		{"has no such range", func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
				return
			}
			full(w)
		}, ""},
		{"sends another range", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 0-46/47")
			w.WriteHeader(http.StatusPartialContent)
			full(w)
		}, "asked for bytes 20-"},
		{"packs it", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			full(w)
		}, "gzip"},
		{"fails", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "502"},
		{"hides it", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, "access denied"},
		{"sends elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://203.0.113.1/x", http.StatusFound)
		}, "another server"},
		{"stalls", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, content[20:30])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, "no byte for"},
		{"stalls before the first byte", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "no byte for"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newTill(t)
			k.add("agent/x", content)
			files := k.repo.Files()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if c.serve != nil && strings.HasPrefix(r.URL.Path, "/repo/targets/") {
					c.serve(w, r)
					return
				}
				http.StripPrefix("/repo", files).ServeHTTP(w, r)
			}))
			defer server.Close()
			source, err := tuf.OpenHTTP(server.URL + "/repo")
			if err != nil {
				t.Fatal(err)
			}
			defer source.Close()
			client := tuf.New(k.store, source, k.root, nil)
			if err := client.Refresh(t.Context(), now); err != nil {
				t.Fatal(err)
			}
			target, err := client.Find(t.Context(), "agent/x")
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(c.name, "stalls") {
				source.SetStall(100 * time.Millisecond)
			}
			part := filepath.Join(t.TempDir(), "part")
			if err := os.WriteFile(part, []byte(content[:20]), 0o600); err != nil {
				t.Fatal(err)
			}
			err = client.Download(t.Context(), target, part, nil)
			if c.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), c.wantErr) {
					t.Errorf("err = %v, want %q", err, c.wantErr)
				}
				return
			}
			got, e := os.ReadFile(part)
			if err != nil || e != nil || string(got) != content {
				t.Errorf("%v, %v, %q", err, e, got)
			}
		})
	}
}

func TestCancelledDownload(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()
	source, err := tuf.OpenHTTP(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, _, err := source.Open(ctx, "metadata/timestamp.json", 0); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}

func TestAddresses(t *testing.T) {
	for _, bad := range []string{"", "/x", "ftp://x/y", "http:///y", "https://x/y?z=1", "https://x/#a", "http://[::1"} {
		if _, err := tuf.OpenHTTP(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	source, err := tuf.OpenHTTP("http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := tuf.OpenDirectory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	for _, name := range []string{"", "/etc/passwd", "../x", "a/../../x", "a//b", "."} {
		for _, s := range []tuf.Source{source, dir} {
			if body, _, err := s.Open(t.Context(), name, 0); err == nil {
				body.Close()
				t.Errorf("%s opens %q", s, name)
			}
		}
	}
}

func TestDirectory(t *testing.T) {
	base := t.TempDir()
	big := bytes.Repeat([]byte("0123456789"), 1000)
	if err := os.MkdirAll(filepath.Join(base, "a", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(base, "a", "b", "c"), big, 0o600); err != nil {
		t.Fatal(err)
	}
	dir, err := tuf.OpenDirectory(base)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	for _, offset := range []int64{0, 5, 9999, 10000} {
		body, start, err := dir.Open(t.Context(), "a/b/c", offset)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(body)
		body.Close()
		if err != nil || start != offset || !bytes.Equal(got, big[offset:]) {
			t.Errorf("from %s: %d bytes from %d, %v", strconv.FormatInt(offset, 10), len(got), start, err)
		}
	}
	if _, _, err := dir.Open(t.Context(), "a/x", 0); !errors.Is(err, tuf.ErrNotFound) {
		t.Errorf("err = %v", err)
	}
	if _, _, err := dir.Open(t.Context(), "a/b/c/d", 0); err == nil {
		t.Error("a file served as a folder")
	}
}
