package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// flood sends junk to a till: requests with a wrong host, without a token, of
// the wrong type, with huge bodies, and connections that never finish asking.
type flood struct {
	addr, token string
	left        atomic.Int64 // requests still to send
	sent        atomic.Int64
	slow        atomic.Int64 // slow connections that the till ended

	mu    sync.Mutex
	wrong []string // answers that were not the refusal they had to be
}

// kinds of junk: the request, the refusal it has to get, how many go into one
// write, and whether the till ends the connection.
type junkKind struct {
	name, text, want string
	together         int
	ends             bool
}

func (f *flood) kinds() []junkKind {
	head := func(method, path, host string, more ...string) string {
		return method + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + strings.Join(more, "") + "\r\n"
	}
	auth := "Authorization: Bearer " + f.token + "\r\n"
	return []junkKind{
		{"bad host", head("GET", "/v1/status", "rebound.example"), "421", 20, false},
		{"no token", head("GET", "/v1/status", f.addr), "401", 20, false},
		{"bad host", head("POST", "/v1/sales", "evil.example:80", "Content-Length: 2\r\n") + "{}", "421", 20, false},
		{"foreign page", head("POST", "/v1/drawer/open", f.addr, "Origin: https://evil.example\r\nContent-Type: application/json\r\nContent-Length: 14\r\n") + `{"reason":"x"}`, "403", 20, false},
		{"wrong type", head("POST", "/v1/drawer/open", f.addr, auth, "Content-Type: text/plain\r\nContent-Length: 14\r\n") + `{"reason":"x"}`, "415", 10, false},
		{"no token", head("POST", "/v1/sales", f.addr, "Content-Type: application/json\r\nContent-Length: 2\r\n") + "{}", "401", 20, false},
		{"huge body", head("POST", "/v1/sales", f.addr, auth, "Content-Type: application/json\r\nContent-Length: 1073741824\r\n"), "413", 1, true},
	}
}

// run sends n requests over some connections, and holds others open that trickle.
func (f *flood) run(ctx context.Context, n, conns, trickling int) {
	f.left.Store(int64(n))
	slow, stop := context.WithCancel(ctx)
	var senders, tricklers sync.WaitGroup
	for range trickling {
		tricklers.Go(func() { f.trickle(slow) })
	}
	for i := range conns {
		senders.Go(func() {
			kinds := f.kinds()
			for k := i; f.left.Load() > 0 && ctx.Err() == nil; k++ {
				if err := f.burst(ctx, kinds[k%len(kinds)]); err != nil && ctx.Err() == nil {
					f.note(err.Error())
				}
			}
		})
	}
	senders.Wait()
	stop()
	tricklers.Wait()
}

func (f *flood) note(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.wrong) < 5 {
		f.wrong = append(f.wrong, text)
	}
}

// burst is one connection: some hundred requests of a kind, many in one write.
func (f *flood) burst(ctx context.Context, k junkKind) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", f.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	r := bufio.NewReaderSize(conn, 32<<10)
	rounds := 10
	if k.ends {
		rounds = 1
	}
	for range rounds {
		if f.left.Add(-int64(k.together)) < 0 {
			return nil
		}
		conn.SetDeadline(time.Now().Add(30 * time.Second))
		if _, err := io.WriteString(conn, strings.Repeat(k.text, k.together)); err != nil {
			return ended(err)
		}
		for range k.together {
			status, err := answer(r)
			if err != nil {
				return ended(err)
			}
			if status != k.want {
				return fmt.Errorf("%s is answered with %s, want %s", k.name, status, k.want)
			}
			f.sent.Add(1)
		}
	}
	return nil
}

// ended forgives that the till closes a connection: it has too many.
func ended(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("junk is not answered: %w", err)
	}
	return nil
}

// answer reads one response and returns its status.
func answer(r *bufio.Reader) (status string, err error) {
	length := -1
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", err
		}
		line = strings.TrimRight(line, "\r\n")
		switch {
		case status == "" && strings.HasPrefix(line, "HTTP/1.1 "):
			status = line[9:12]
		case line == "":
			if length > 0 {
				_, err = r.Discard(length)
			}
			return status, err
		default:
			if name, value, ok := strings.Cut(line, ": "); ok && strings.EqualFold(name, "Content-Length") {
				if _, err := fmt.Sscan(value, &length); err != nil {
					return "", err
				}
			}
		}
	}
}

// trickle opens connections that send a request byte by byte and never finish.
func (f *flood) trickle(ctx context.Context) {
	for ctx.Err() == nil {
		conn, err := net.Dial("tcp", f.addr)
		if err != nil {
			return
		}
		for _, c := range []byte("GET /v1/status HTTP/1.1\r\nX-Slow: 1234567890123456789012345678901234567890\r\n") {
			if _, err = conn.Write([]byte{c}); err != nil {
				f.slow.Add(1)
				break
			}
			select {
			case <-ctx.Done():
				conn.Close()
				return
			case <-time.After(300 * time.Millisecond):
			}
		}
		conn.Close()
	}
}
