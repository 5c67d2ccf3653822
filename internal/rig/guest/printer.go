//go:build rig

package main

import (
	"bytes"
	"os"
	"sync"
	"time"
)

// sink is what a device was sent.
type sink struct {
	mu  sync.Mutex
	buf bytes.Buffer
	f   *os.File
}

// collect reads a gadget's end until it is closed.
func collect(f *os.File) *sink {
	s := &sink{f: f}
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := f.Read(b)
			if err != nil {
				return
			}
			s.mu.Lock()
			s.buf.Write(b[:n])
			s.mu.Unlock()
		}
	}()
	return s
}

func (s *sink) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Len()
}

func (s *sink) stop() { s.f.Close() }

type job struct {
	Outcome  string `json:"outcome"`
	Evidence string `json:"evidence"`
	Detail   string `json:"detail"`
}

// print gives the agent a job of bytes made elsewhere.
func (a *agent) print(t *T, id, text string) { a.printOn(t, "printer-1", id, text) }

func (a *agent) printOn(t *T, printer, id, text string) {
	body := map[string]any{"job_id": id, "printer": printer, "escpos_base64": []byte("\x1b@" + text)}
	var answer map[string]any
	if status := a.call("POST", "/v1/print", body, &answer); status != 201 {
		t.Fatalf("print: %d %v", status, answer)
	}
}

func (a *agent) job(id string) job {
	var j job
	a.call("GET", "/v1/print/"+id, nil, &j)
	return j
}

// settled waits for a job's outcome to be one of those wanted.
func (a *agent) settled(id string, limit time.Duration, outcomes ...string) job {
	end := time.Now().Add(limit)
	for {
		mark := a.mark()
		j := a.job(id)
		for _, o := range outcomes {
			if j.Outcome == o {
				return j
			}
		}
		if time.Now().After(end) {
			a.t.Fatalf("job %s is %+v after %v, not %v\n%s", id, j, limit, outcomes, a.log(2500))
		}
		a.nudge(mark, time.Until(end))
	}
}
