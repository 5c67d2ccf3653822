package main

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

type bundleCmd struct {
	Out string `help:"File to write." placeholder:"FILE" short:"o"`
}

// parts of a bundle: what the API says of the till's state, and the agent's log.
// Sales, members and codes are not in it.
var bundleParts = []struct{ name, path string }{
	{"status.json", "/v1/status"},
	{"devices.json", "/v1/devices"},
	{"detect.json", "/v1/detect"},
	{"readyz.json", "/readyz"},
	{"metrics.txt", "/metrics"},
	{"update.json", "/v1/update"},
	{"log.jsonl", "/v1/log"},
	{"openapi.json", "/openapi.json"},
}

// Run collects the parts. One that cannot be had is noted, not fatal: a bundle
// is wanted when things are broken.
func (c bundleCmd) Run(s *session) (err error) {
	out, err := c.create(time.Now())
	if err != nil {
		return err
	}
	defer func() {
		if err != nil { // half a bundle helps nobody
			out.Close()
			os.Remove(out.Name())
		}
	}()
	z := zip.NewWriter(out)
	for _, p := range bundleParts {
		name := p.name
		body, err := c.part(s.api, p.path)
		if err != nil {
			name, body = p.name+".missing.txt", []byte(err.Error()+"\n")
		}
		w, err := z.Create(name)
		if err != nil {
			return err
		}
		if _, err := w.Write(body); err != nil {
			return err
		}
	}
	if err := errors.Join(z.Close(), out.Sync(), out.Close()); err != nil {
		return err
	}
	return s.wrote(out.Name())
}

func (bundleCmd) part(a *api, path string) ([]byte, error) {
	if path == "/readyz" {
		return a.ready()
	}
	return a.get(path)
}

// create makes the file. What is there already is never written over: without
// --out the next free name is taken.
func (c bundleCmd) create(now time.Time) (*os.File, error) {
	const flags = os.O_CREATE | os.O_EXCL | os.O_WRONLY
	if c.Out != "" {
		out, err := os.OpenFile(c.Out, flags, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("%s is there already and is not written over: name another file with --out, or remove it", c.Out)
		}
		return out, err
	}
	base := "tilld-support-" + now.UTC().Format("20060102T150405Z")
	out, err := os.OpenFile(base+".zip", flags, 0o600)
	for n := 2; errors.Is(err, fs.ErrExist) && n <= 100; n++ {
		out, err = os.OpenFile(fmt.Sprintf("%s-%d.zip", base, n), flags, 0o600)
	}
	return out, err
}

// wrote says where a result is.
func (s *session) wrote(file string) error {
	if !s.json {
		_, err := fmt.Fprintln(s.out, file)
		return err
	}
	return json.NewEncoder(s.out).Encode(map[string]string{"file": file})
}
