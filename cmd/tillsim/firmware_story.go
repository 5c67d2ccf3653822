//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"time"

	"tilld/firmware/slots"
	"tilld/internal/sim/tufrepo"
)

func (f *firmwareStory) prepare(ctx context.Context) (err error) {
	for _, dir := range []string{"package", "builds"} {
		if err := os.MkdirAll(f.file(dir), 0o700); err != nil {
			return err
		}
	}
	for _, b := range []struct{ out, pkg, version string }{
		{f.file("package", "tilld-guard"), "./cmd/tilld-guard", "1.0.0"},
		{f.file("package", "tilld"), "./cmd/tilld", "1.0.0"},
		{f.file("builds", "0.9.0"), "./cmd/tilld", "0.9.0"},
		{f.file("builds", "1.1.0"), "./cmd/tilld", "1.1.0"},
		{f.file("builds", "1.4.0"), "./cmd/tilld", "1.4.0"},
		{f.file("builds", "1.5.0"), "./cmd/tilld", "1.5.0"},
	} {
		if err := f.build(ctx, b.out, b.pkg, b.version); err != nil {
			return err
		}
	}
	f.tell("   built tilld 0.9.0, 1.0.0, 1.1.0, 1.4.0, 1.5.0 and tilld-guard")
	if f.repo, err = tufrepo.New(time.Now()); err != nil {
		return err
	}
	if err := os.WriteFile(f.file("root.json"), f.repo.FirstRoot(), 0o600); err != nil {
		return err
	}
	f.slow = &slowServer{let: -1, changed: make(chan struct{})}
	f.server = httptest.NewServer(f.slow)
	port, err := freePort()
	if err != nil {
		return err
	}
	f.api = &api{base: fmt.Sprintf("http://127.0.0.1:%d", port), data: f.file("data")}
	config := fmt.Sprintf(`# written by tillsim
till: {merchant: acme, store: sh-001, till: "03", number: 1003, currency: CNY, timezone: Asia/Shanghai, language: zh-CN}
http: {listen: "127.0.0.1:%d"}
cloud: {url: ""}
devices:
  - {name: screen, kind: display, driver: screen}
data_dir: %q
`, port, f.file("data"))
	if err := os.WriteFile(f.file("tilld.yaml"), []byte(config), 0o600); err != nil {
		return err
	}
	if err := os.MkdirAll(f.file("data"), 0o700); err != nil {
		return err
	}
	f.log, err = os.OpenFile(f.file("guard.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	return err
}

func (f *firmwareStory) first(ctx context.Context) error {
	if err := f.startGuard(); err != nil {
		return err
	}
	return f.sells(ctx, "1.0.0")
}

func (f *firmwareStory) good(ctx context.Context) error {
	var opened sale
	if err := f.api.call(ctx, http.MethodPost, "/v1/sales", "", struct{}{}, &opened); err != nil {
		return err
	}
	f.sale = opened.ID
	program, err := os.ReadFile(f.file("builds", "1.1.0"))
	if err != nil {
		return err
	}
	if err := f.publish("1.1.0", program); err != nil {
		return err
	}
	stick, err := f.stick(f.repo.Files())
	if err != nil {
		return err
	}
	if _, err := f.update(ctx, stick); err != nil {
		return err
	}
	if err := f.sells(ctx, "1.0.0"); err != nil { // staging disturbs nothing
		return err
	}
	asked := time.Now()
	if err := f.switchNow(); err != nil {
		return err
	}
	if err := f.sells(ctx, "1.1.0"); err != nil {
		return err
	}
	f.tell("   %d ms from the request to ready", time.Since(asked).Milliseconds())
	if err := f.saleIsThere(ctx); err != nil {
		return err
	}
	return f.confirmed(ctx, "1.1.0")
}

func (f *firmwareStory) saleIsThere(ctx context.Context) error {
	var now sale
	if err := f.api.call(ctx, http.MethodGet, "/v1/sales/current", "", nil, &now); err != nil {
		return err
	}
	if now.ID != f.sale || now.State != "open" {
		return fmt.Errorf("sale %s, %s; want the open sale %s", now.ID, now.State, f.sale)
	}
	f.tell("   the open sale is there")
	return nil
}

func (f *firmwareStory) confirmed(ctx context.Context, version string) error {
	return f.until(ctx, "version "+version+" proved healthy and is confirmed", func(s *slots.State) bool {
		return s.Active != nil && s.Active.Version == version && s.Candidate == nil
	})
}

// forged tries a program that was changed after it was signed, metadata that
// was, another publisher's repository, and the repository as it was before.
func (f *firmwareStory) forged(ctx context.Context) error {
	old := f.repo.Files()
	if err := f.publish("1.2.0", []byte("#!/bin/sh\nexec the real 1.2.0\n")); err != nil {
		return err
	}
	changed := f.repo.Files()
	for name, data := range changed {
		if bytes.Contains(data, []byte("the real 1.2.0")) {
			changed[name] = bytes.Replace(data, []byte("real"), []byte("evil"), 1)
		}
	}
	other, err := tufrepo.New(time.Now())
	if err != nil {
		return err
	}
	resigned := f.repo.Files()
	if err := other.Add("agent/stable/x", []byte("x"), nil); err != nil {
		return err
	}
	if err := other.Publish(); err != nil {
		return err
	}
	for name, data := range other.Files() {
		if !strings.HasPrefix(name, "metadata/1.") {
			resigned[name] = data
		}
	}
	for _, c := range []struct {
		what, why string
		files     tufrepo.Files
	}{
		{"another publisher", "not signed as it should be", other.Files()},
		{"our root, another publisher's timestamp", "not signed as it should be", resigned},
		{"the program changed", "not what the metadata says", changed},
		{"an older copy of the repository", "older than what was seen before", old},
	} {
		f.tell("   %s", c.what)
		stick, err := f.stick(c.files)
		if err != nil {
			return err
		}
		if err := f.refuses(ctx, stick, c.why); err != nil {
			return fmt.Errorf("%s: %w", c.what, err)
		}
	}
	return f.sells(ctx, "1.1.0")
}

func (f *firmwareStory) older(ctx context.Context) error {
	program, err := os.ReadFile(f.file("builds", "0.9.0"))
	if err != nil {
		return err
	}
	if err := f.publish("0.9.0", program); err != nil {
		return err
	}
	f.slow.serve(f.repo.Files())
	return f.refuses(ctx, f.server.URL, "version 0.9.0 is older than 1.1.0")
}

func (f *firmwareStory) crashing(ctx context.Context) error {
	return f.fails(ctx, "1.3.0", "#!/bin/sh\necho 'panic: this version is broken' >&2\nexit 2\n", "exit code 2")
}

func (f *firmwareStory) hanging(ctx context.Context) error {
	return f.fails(ctx, "1.3.1", "#!/bin/sh\nexec sleep 3600\n", "no health report within")
}

// fails publishes a build that does not work and expects the old one back.
func (f *firmwareStory) fails(ctx context.Context, version, script, why string) error {
	if err := f.publish(version, []byte(script)); err != nil {
		return err
	}
	f.slow.serve(f.repo.Files())
	if _, err := f.update(ctx, f.server.URL); err != nil {
		return err
	}
	asked := time.Now()
	if err := f.switchNow(); err != nil {
		return err
	}
	err := f.until(ctx, "version "+version+" was given up", func(s *slots.State) bool {
		return s.Candidate == nil && len(s.Bad) > 0 && s.Bad[len(s.Bad)-1].Version == version && strings.Contains(s.Bad[len(s.Bad)-1].Reason, why)
	})
	if err != nil {
		return err
	}
	if err := f.sells(ctx, "1.1.0"); err != nil {
		return err
	}
	f.tell("   %d ms from the switch to the old version ready again", time.Since(asked).Milliseconds())
	if err := f.saleIsThere(ctx); err != nil {
		return err
	}
	return f.refuses(ctx, f.server.URL, "tried on")
}

// powerCuts kills everything at several points of staging: a till that comes
// back sells with the old version, and the download continues where it was.
func (f *firmwareStory) powerCuts(ctx context.Context) error {
	program, err := os.ReadFile(f.file("builds", "1.4.0"))
	if err != nil {
		return err
	}
	if err := f.publish("1.4.0", program); err != nil {
		return err
	}
	f.slow.serve(f.repo.Files())
	share := int64(len(program)) / int64(f.cuts+1)
	for n := range f.cuts {
		f.slow.open(share)
		cmd := f.updateCommand(ctx, f.server.URL)
		if err := cmd.Start(); err != nil {
			return err
		}
		err := f.slow.reached(ctx)
		err = errors.Join(err, cmd.Process.Kill(), f.cutPower())
		if _, e := cmd.Process.Wait(); e != nil {
			err = errors.Join(err, e)
		}
		if err != nil {
			return err
		}
		f.tell("   cut %d of %d, about %d KB in", n+1, f.cuts, (int64(n)+1)*share>>10)
		if err := f.startGuard(); err != nil {
			return err
		}
		if err := f.sells(ctx, "1.1.0"); err != nil {
			return err
		}
	}
	f.slow.open(-1)
	if _, err := f.update(ctx, f.server.URL); err != nil {
		return err
	}
	f.slow.mu.Lock()
	ranges := f.slow.ranges
	f.slow.mu.Unlock()
	if ranges == 0 && f.cuts > 0 {
		return errors.New("no download was continued, each began anew")
	}
	f.tell("   %d downloads continued where the one before ended", ranges)
	return nil
}

func (f *firmwareStory) trialCut(ctx context.Context) error {
	if err := f.switchNow(); err != nil {
		return err
	}
	if err := f.until(ctx, "version 1.4.0 is on trial", func(s *slots.State) bool { return s.Trial }); err != nil {
		return err
	}
	if err := f.cutPower(); err != nil {
		return err
	}
	if err := f.startGuard(); err != nil {
		return err
	}
	if err := f.until(ctx, "its second try was counted", func(s *slots.State) bool {
		return s.Trial && s.Tries == slots.Tries-2 || s.Candidate == nil
	}); err != nil {
		return err
	}
	if err := f.sells(ctx, "1.4.0"); err != nil {
		return err
	}
	if err := f.confirmed(ctx, "1.4.0"); err != nil {
		return err
	}
	return f.saleIsThere(ctx)
}

func (f *firmwareStory) stop(ctx context.Context) error {
	asked := time.Now()
	if err := f.guard.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-f.gone:
		f.guard = nil
		if err != nil {
			return fmt.Errorf("the guard ended with %w", err)
		}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	f.tell("   stopped in %d ms, exit code 0", time.Since(asked).Milliseconds())
	return nil
}
