package main

import (
	"archive/zip"
	"fmt"
	"os"
	"time"
)

type bundleCmd struct {
	Out string `help:"File to write." placeholder:"FILE" short:"o"`
}

// parts of a bundle: what the API says of the till's state. Sales, members and
// codes are not in it.
var bundleParts = []struct{ name, path string }{
	{"status.json", "/v1/status"},
	{"devices.json", "/v1/devices"},
	{"detect.json", "/v1/detect"},
	{"readyz.json", "/readyz"},
	{"metrics.txt", "/metrics"},
	{"update.json", "/v1/update"},
	{"openapi.json", "/openapi.json"},
}

// Run collects the parts. One that cannot be had is noted, not fatal: a bundle
// is wanted when things are broken.
func (c bundleCmd) Run(s *session) error {
	file := c.Out
	if file == "" {
		file = "tilld-support-" + time.Now().UTC().Format("20060102T150405Z") + ".zip"
	}
	out, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	z := zip.NewWriter(out)
	for _, p := range bundleParts {
		name, body := p.name, []byte(nil)
		if body, err = s.api.get(p.path); err != nil {
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
	if err := z.Close(); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s\n", file)
	return out.Close()
}
