package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// browser is a headless Chromium with one page, driven over the DevTools
// protocol on a pipe.
type browser struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	pipe    io.Closer
	dir     string // profile
	session string
	next    int
}

// openBrowser opens a page in a window of that size.
func openBrowser(ctx context.Context, url string, width, height int) (b *browser, err error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, fmt.Errorf("pictures need chromium (apt-get install chromium): %w", err)
	}
	dir, err := os.MkdirTemp("", "tillsim-chromium-")
	if err != nil {
		return nil, err
	}
	toBrowser, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, fromBrowser, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb", "--user-data-dir="+dir, "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{toBrowser, fromBrowser} // descriptors 3 and 4
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("chromium: %w", err)
	}
	b = &browser{cmd: cmd, in: in, out: bufio.NewReader(out), pipe: out, dir: dir}
	if err := errors.Join(toBrowser.Close(), fromBrowser.Close()); err != nil {
		return nil, errors.Join(err, b.close())
	}
	if err := b.open(ctx, url, width, height); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func (b *browser) open(ctx context.Context, url string, width, height int) error {
	var target struct {
		TargetID string `json:"targetId"`
	}
	if err := b.ask(ctx, "Target.createTarget", map[string]any{"url": "about:blank"}, &target); err != nil {
		return err
	}
	var attached struct {
		SessionID string `json:"sessionId"`
	}
	if err := b.ask(ctx, "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached); err != nil {
		return err
	}
	b.session = attached.SessionID
	size := map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}
	if err := b.ask(ctx, "Emulation.setDeviceMetricsOverride", size, nil); err != nil {
		return err
	}
	return b.ask(ctx, "Page.navigate", map[string]any{"url": url}, nil)
}

// ask sends one command and waits for its answer; what the page reports by
// itself in between is passed over.
func (b *browser) ask(ctx context.Context, method string, params, result any) error {
	b.next++
	body, err := json.Marshal(map[string]any{"id": b.next, "method": method, "params": params, "sessionId": b.session})
	if b.session == "" {
		body, err = json.Marshal(map[string]any{"id": b.next, "method": method, "params": params})
	}
	if err != nil {
		return err
	}
	if _, err := b.in.Write(append(body, 0)); err != nil {
		return fmt.Errorf("chromium: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { b.pipe.Close() }) // ends a read that waits
	defer stop()
	for {
		raw, err := b.out.ReadBytes(0)
		if err != nil {
			return fmt.Errorf("chromium: %s: %w", method, errors.Join(err, context.Cause(ctx)))
		}
		var m struct {
			ID     int             `json:"id"`
			Result json.RawMessage `json:"result"`
			Error  *struct {
				Message string `json:"message"`
			} `json:"error"`
		}
		if err := json.Unmarshal(raw[:len(raw)-1], &m); err != nil {
			return fmt.Errorf("chromium: %w", err)
		}
		switch {
		case m.ID != b.next:
		case m.Error != nil:
			return fmt.Errorf("chromium: %s: %s", method, m.Error.Message)
		case result == nil:
			return nil
		default:
			return json.Unmarshal(m.Result, result)
		}
	}
}

// until waits until an expression is true in the page.
func (b *browser) until(ctx context.Context, expression string) error {
	for {
		var r struct {
			Result struct {
				Value bool `json:"value"`
			} `json:"result"`
		}
		if err := b.ask(ctx, "Runtime.evaluate", map[string]any{"expression": "Boolean(" + expression + ")"}, &r); err != nil {
			return err
		}
		if r.Result.Value {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the page never came to %s: %w", expression, context.Cause(ctx))
		case <-time.After(30 * time.Millisecond):
		}
	}
}

// picture is what is on the glass, as PNG.
func (b *browser) picture(ctx context.Context) ([]byte, error) {
	if err := b.until(ctx, "document.getAnimations().every(a => a.playState !== 'running' || a.effect.getComputedTiming().iterations === Infinity)"); err != nil {
		return nil, err
	}
	// Two frames: what the page has just changed is painted.
	frames := map[string]any{"expression": "new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))", "awaitPromise": true}
	if err := b.ask(ctx, "Runtime.evaluate", frames, nil); err != nil {
		return nil, err
	}
	var shot struct {
		Data string `json:"data"`
	}
	if err := b.ask(ctx, "Page.captureScreenshot", map[string]any{"format": "png"}, &shot); err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(shot.Data)
}

func (b *browser) close() error {
	ctx, cancel := within(context.Background(), 5*time.Second, "closing chromium")
	defer cancel()
	b.session = ""
	err := b.ask(ctx, "Browser.close", map[string]any{}, nil)
	kill := time.AfterFunc(5*time.Second, func() { b.cmd.Process.Kill() })
	b.cmd.Wait() // its exit code says nothing of the pictures
	kill.Stop()
	return errors.Join(err, b.in.Close(), b.pipe.Close(), os.RemoveAll(b.dir))
}
