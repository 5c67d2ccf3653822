package firmware_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tilld/firmware"
	"tilld/firmware/slots"
	"tilld/internal/fault"
	"tilld/internal/sim/tufrepo"
)

// bench is a till's data directory and a publisher.
type bench struct {
	t    *testing.T
	repo *tufrepo.Repo
	data string
	root string
	now  time.Time
	said []string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, data: t.TempDir(), now: time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)}
	var err error
	if b.repo, err = tufrepo.New(b.now.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	b.root = filepath.Join(t.TempDir(), "root.json")
	if err := os.WriteFile(b.root, b.repo.FirstRoot(), 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

func agentName() string { return firmware.TargetName("stable", "linux", "amd64") }

func custom(version string) firmware.Custom {
	return firmware.Custom{Kind: "agent", Version: version, OS: "linux", Arch: "amd64"}
}

func (b *bench) publish(c firmware.Custom, program string) {
	b.t.Helper()
	if err := b.repo.Add(agentName(), []byte(program), c); err != nil {
		b.t.Fatal(err)
	}
	if err := b.repo.Publish(); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) stick() string {
	b.t.Helper()
	dir := b.t.TempDir()
	if err := b.repo.Files().Write(dir); err != nil {
		b.t.Fatal(err)
	}
	return dir
}

func (b *bench) options(from string) firmware.Options {
	return firmware.Options{DataDir: b.data, From: from, RootFile: b.root, OS: "linux", Arch: "amd64", Version: "1.0.0", Now: b.now}
}

func (b *bench) update(o firmware.Options) (firmware.Result, error) {
	b.said = nil
	return firmware.RunUpdate(b.t.Context(), o, func(line string) { b.said = append(b.said, line) })
}

// run plays the guard and a new version that works.
func (b *bench) run() {
	b.t.Helper()
	d, err := slots.Open(b.data)
	if err != nil {
		b.t.Fatal(err)
	}
	s, candidate, err := d.Begin()
	if !candidate || err != nil {
		b.t.Fatalf("no candidate: %v", err)
	}
	if _, err := d.Confirm(s.Candidate.Slot); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) refused(o firmware.Options, kind fault.Kind, text string) {
	b.t.Helper()
	res, err := b.update(o)
	if fault.KindOf(err) != kind || !strings.Contains(err.Error(), text) {
		b.t.Errorf("update = %+v, %v; want kind %v and %q", res, err, kind, text)
		return
	}
	if fault.HintOf(err) == "" {
		b.t.Errorf("%v does not say what to do", err)
	}
}

func TestUpdateFromStickAndServer(t *testing.T) {
	b := newBench(t)
	program := strings.Repeat("version 1.1.0 ", 10000)
	b.publish(custom("1.1.0"), program)
	res, err := b.update(b.options(b.stick()))
	if err != nil || res.Outcome != firmware.Staged || res.Slot != slots.A || res.Version != "1.1.0" {
		t.Fatalf("update = %+v, %v\n%s", res, err, strings.Join(b.said, "\n"))
	}
	got, err := os.ReadFile(slots.At(b.data).Binary(slots.A))
	if err != nil || string(got) != program {
		t.Errorf("slot a holds %d bytes, %v", len(got), err)
	}
	if res, err := b.update(b.options(b.stick())); err != nil || res.Outcome != firmware.Waiting {
		t.Errorf("second time: %+v, %v; want waiting", res, err)
	}
	if p, ok := firmware.Pending(b.data); !ok || p.Version != "1.1.0" {
		t.Errorf("Pending = %+v, %v", p, ok)
	}
	b.run()
	o := b.options(b.stick())
	o.Version = "1.1.0"
	if res, err := b.update(o); err != nil || res.Outcome != firmware.Current {
		t.Errorf("with the same version running: %+v, %v; want current", res, err)
	}
	b.publish(custom("1.2.0"), "version 1.2.0")
	server := httptest.NewServer(b.repo.Files())
	defer server.Close()
	o.From, o.CheckOnly = server.URL, true
	if res, err := b.update(o); err != nil || res.Outcome != firmware.Available {
		t.Errorf("only looking: %+v, %v", res, err)
	}
	o.CheckOnly = false
	if res, err := b.update(o); err != nil || res.Outcome != firmware.Staged || res.Slot != slots.B {
		t.Errorf("from the server: %+v, %v", res, err)
	}
}

// A server that hands its bytes out one by one must not keep the stick out for
// ever: one update at a time has the lock.
func TestUpdateFromACrawlingServer(t *testing.T) {
	b := newBench(t)
	b.publish(custom("1.1.0"), "x")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			w.Write([]byte(" "))
			w.(http.Flusher).Flush()
			time.Sleep(time.Millisecond)
		}
	}))
	defer server.Close()
	o := b.options(server.URL)
	o.Limit = 200 * time.Millisecond
	b.refused(o, fault.Timeout, "")
	if res, err := b.update(b.options(b.stick())); err != nil || res.Outcome != firmware.Staged {
		t.Errorf("then from the stick: %+v, %v", res, err)
	}
}

func TestStickWithFolder(t *testing.T) {
	b := newBench(t)
	b.publish(custom("1.1.0"), "x")
	stick := t.TempDir()
	if err := b.repo.Files().Write(filepath.Join(stick, "tilld-update")); err != nil {
		t.Fatal(err)
	}
	if res, err := b.update(b.options(stick)); err != nil || res.Outcome != firmware.Staged {
		t.Errorf("update = %+v, %v", res, err)
	}
}

func TestRefusals(t *testing.T) {
	t.Run("older than what runs", func(t *testing.T) {
		b := newBench(t)
		b.publish(custom("0.9.0"), "old")
		b.refused(b.options(b.stick()), fault.Refused, "older than 1.0.0, the running one")
	})
	t.Run("older than what ran once", func(t *testing.T) {
		b := newBench(t)
		b.publish(custom("1.5.0"), "new")
		if _, err := b.update(b.options(b.stick())); err != nil {
			t.Fatal(err)
		}
		b.run()
		b.publish(custom("1.4.0"), "not so new")
		b.refused(b.options(b.stick()), fault.Refused, "older than 1.5.0, the newest that ran here")
		for _, path := range []string{"boot.json", "boot.json.1"} { // the store remembers when boot.json is lost
			if err := os.WriteFile(filepath.Join(b.data, "slots", path), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		b.refused(b.options(b.stick()), fault.Refused, "older than 1.5.0, the newest that ran here")
	})
	t.Run("older but allowed by the publisher", func(t *testing.T) {
		b := newBench(t)
		c := custom("0.9.0")
		c.AllowDowngrade = true
		b.publish(c, "old")
		if res, err := b.update(b.options(b.stick())); err != nil || res.Outcome != firmware.Staged {
			t.Errorf("update = %+v, %v", res, err)
		}
	})
	t.Run("needs a version between", func(t *testing.T) {
		b := newBench(t)
		c := custom("3.0.0")
		c.MinVersion = "2.0.0"
		b.publish(c, "far")
		b.refused(b.options(b.stick()), fault.Refused, "from 2.0.0 on")
	})
	t.Run("for another machine", func(t *testing.T) {
		b := newBench(t)
		c := custom("1.1.0")
		c.Arch = "arm64"
		b.publish(c, "x")
		b.refused(b.options(b.stick()), fault.Refused, "linux/arm64")
	})
	t.Run("no build for this machine", func(t *testing.T) {
		b := newBench(t)
		b.publish(custom("1.1.0"), "x")
		o := b.options(b.stick())
		o.Arch = "riscv64"
		b.refused(o, fault.Refused, "does not have it")
	})
	t.Run("another publisher", func(t *testing.T) {
		b, other := newBench(t), newBench(t)
		other.publish(custom("1.1.0"), "x")
		b.refused(b.options(other.stick()), fault.Refused, "not signed as it should be")
	})
	t.Run("program changed after signing", func(t *testing.T) {
		b := newBench(t)
		b.publish(custom("1.1.0"), "the real program")
		stick := b.stick()
		found := false
		for name, data := range b.repo.Files() {
			if bytes.Contains(data, []byte("the real program")) {
				found = true
				if err := os.WriteFile(filepath.Join(stick, name), []byte("the evil program"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		if !found {
			t.Fatal("no program in the repository")
		}
		b.refused(b.options(stick), fault.Refused, "not what the metadata says")
		if s, _ := firmware.Status(b.data); s.Candidate != nil {
			t.Errorf("candidate %+v", s.Candidate)
		}
	})
	t.Run("expired", func(t *testing.T) {
		b := newBench(t)
		b.publish(custom("1.1.0"), "x")
		o := b.options(b.stick())
		o.Now = b.now.Add(46 * 24 * time.Hour)
		b.refused(o, fault.Refused, "expired")
	})
	t.Run("older repository than before", func(t *testing.T) {
		b := newBench(t)
		b.publish(custom("1.1.0"), "x")
		old := b.stick()
		b.publish(custom("1.2.0"), "y")
		if _, err := b.update(b.options(b.stick())); err != nil {
			t.Fatal(err)
		}
		b.refused(b.options(old), fault.Refused, "older than what was seen before")
	})
	t.Run("tried and given up", func(t *testing.T) {
		b := newBench(t)
		b.publish(custom("1.1.0"), "x")
		if _, err := b.update(b.options(b.stick())); err != nil {
			t.Fatal(err)
		}
		d, err := slots.Open(b.data)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Fail("it crashed"); err != nil {
			t.Fatal(err)
		}
		b.refused(b.options(b.stick()), fault.Refused, "given up: it crashed")
		o := b.options(b.stick())
		o.Retry = true
		if res, err := b.update(o); err != nil || res.Outcome != firmware.Staged {
			t.Errorf("with --retry: %+v, %v", res, err)
		}
	})
	t.Run("while one is on trial", func(t *testing.T) {
		b := newBench(t)
		b.publish(custom("1.1.0"), "x")
		if _, err := b.update(b.options(b.stick())); err != nil {
			t.Fatal(err)
		}
		d, err := slots.Open(b.data)
		if err != nil {
			t.Fatal(err)
		}
		if _, candidate, err := d.Begin(); !candidate || err != nil {
			t.Fatal(err)
		}
		b.publish(custom("1.2.0"), "y")
		b.refused(b.options(b.stick()), fault.Busy, "on trial")
	})
	t.Run("while another update is under way", func(t *testing.T) {
		b := newBench(t)
		b.publish(custom("1.1.0"), "x")
		release, err := slots.Updating(b.data)
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		b.refused(b.options(b.stick()), fault.Busy, "held by another process")
	})
	t.Run("no repository", func(t *testing.T) {
		b := newBench(t)
		b.refused(b.options(filepath.Join(b.data, "nothing")), fault.Absent, "open")
		b.refused(b.options(""), fault.Config, "no repository given")
		b.refused(b.options("ftp://x/y"), fault.Config, "no address of a repository")
		b.refused(b.options(t.TempDir()), fault.Absent, "timestamp.json")
	})
	t.Run("no root of trust", func(t *testing.T) {
		b := newBench(t)
		o := b.options(b.stick())
		o.RootFile = ""
		b.refused(o, fault.Config, "no root of trust")
	})
	t.Run("unknown condition", func(t *testing.T) {
		b := newBench(t)
		if err := b.repo.Add(agentName(), []byte("x"), map[string]any{"kind": "agent", "version": "1.1.0", "os": "linux", "arch": "amd64", "only_on_tuesdays": true}); err != nil {
			t.Fatal(err)
		}
		if err := b.repo.Publish(); err != nil {
			t.Fatal(err)
		}
		b.refused(b.options(b.stick()), fault.Refused, "only_on_tuesdays")
	})
}
