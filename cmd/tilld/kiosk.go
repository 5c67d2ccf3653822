package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"

	"tilld/internal/config"
)

type kioskCmd struct {
	Config   string `help:"Configuration file, for http.listen." placeholder:"FILE"`
	URL      string `help:"Page to show, instead of this till's /screen." name:"url" placeholder:"URL"`
	Position string `help:"Upper left corner of the monitor on the desktop." default:"1920,0" placeholder:"X,Y"`
	Size     string `help:"Size of the monitor." default:"1024x600" placeholder:"WxH"`
	Browser  string `help:"Chromium, Chrome or Edge; the first that is found when left out." placeholder:"FILE"`
	Profile  string `help:"Browser profile of its own." placeholder:"DIR"`
	Scale    string `help:"Device pixels per CSS pixel." default:"1" placeholder:"N"`
	Keep     bool   `name:"run" help:"Run it, and again whenever it ends, instead of printing the command."`
}

var (
	positionPattern = regexp.MustCompile(`^-?\d{1,5},-?\d{1,5}$`)
	sizePattern     = regexp.MustCompile(`^\d{3,5}[x,]\d{3,5}$`)
	scalePattern    = regexp.MustCompile(`^\d(\.\d{1,2})?$`)
)

// Run prints the command line of the customer screen's browser, or keeps it
// running until it is told to stop.
func (c *kioskCmd) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b, err := c.browser()
	if err != nil {
		return err
	}
	if !c.Keep {
		fmt.Println(b.line())
		return nil
	}
	return b.keep(ctx, slog.New(slog.NewTextHandler(os.Stderr, nil)))
}

// browser is one command line and the profile that belongs to it.
type browser struct {
	path, profile string
	args          []string
	url           string        // of the page
	watch         kioskPatience // with the page
}

func (c *kioskCmd) browser() (browser, error) {
	usage := func(what string) error { return &exitError{code: exitUsage, err: errors.New(what)} }
	if !positionPattern.MatchString(c.Position) {
		return browser{}, usage("--position: write X,Y, for example 1920,0")
	}
	if !sizePattern.MatchString(c.Size) {
		return browser{}, usage("--size: write WIDTHxHEIGHT, for example 1024x600")
	}
	if !scalePattern.MatchString(c.Scale) {
		return browser{}, usage("--scale: write a number such as 1 or 1.25")
	}
	url := c.URL
	if url == "" {
		cfg := config.Defaults()
		file := c.Config
		if file == "" {
			if _, err := os.Stat(defaultConfig); err == nil {
				file = defaultConfig
			}
		}
		if file != "" {
			var err error
			if cfg, err = load(file, os.Stderr); err != nil {
				return browser{}, err
			}
		}
		addr := cfg.HTTP.Listen
		if _, port, err := net.SplitHostPort(addr); err == nil && port == "0" { // whichever was free: the agent has written it down
			text, err := os.ReadFile(filepath.Join(cfg.DataDir, "http-addr"))
			if err != nil {
				return browser{}, fmt.Errorf("http.listen takes a free port, and which one cannot be read: %w (start the agent first, or name the page with --url)", err)
			}
			addr = strings.TrimSpace(string(text))
		}
		url = "http://" + addr + "/screen"
	}
	b := browser{path: c.Browser, profile: c.Profile, url: url, watch: kioskPatient}
	if b.path == "" {
		var err error
		if b.path, err = findBrowser(); err != nil {
			return browser{}, err
		}
	}
	if b.profile == "" {
		b.profile = defaultProfile()
	}
	b.args = kioskArgs(url, b.profile, c.Position, strings.ReplaceAll(c.Size, "x", ","), c.Scale)
	return b, nil
}

// kioskArgs are Chromium's flags for a monitor that nobody touches. The profile
// is its own, because flags of a browser that runs already are ignored.
func kioskArgs(url, profile, position, size, scale string) []string {
	return []string{
		"--app=" + url, "--kiosk", "--user-data-dir=" + profile,
		"--window-position=" + position, "--window-size=" + size, "--force-device-scale-factor=" + scale,
		"--no-first-run", "--no-default-browser-check", "--noerrdialogs", "--disable-session-crashed-bubble", "--hide-crash-restore-bubble",
		"--disable-infobars", "--disable-pinch", "--overscroll-history-navigation=0", "--disable-features=Translate,MediaRouter",
		"--check-for-update-interval=31536000", "--disable-component-update", "--disable-background-networking", "--disable-sync",
		"--password-store=basic", "--autoplay-policy=no-user-gesture-required",
		// A covered or sleeping window must go on drawing, else the page counts as gone.
		"--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows",
	}
}

// findBrowser looks for a Chromium where systems put it.
func findBrowser() (string, error) {
	names := []string{"chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "microsoft-edge"}
	if runtime.GOOS == "windows" {
		names = nil
		for _, root := range []string{os.Getenv("ProgramFiles"), os.Getenv("ProgramFiles(x86)"), os.Getenv("LocalAppData")} {
			if root != "" {
				names = append(names, filepath.Join(root, `Google\Chrome\Application\chrome.exe`), filepath.Join(root, `Microsoft\Edge\Application\msedge.exe`))
			}
		}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no Chromium, Chrome or Edge was found; install chromium, or name one with --browser")
}

func defaultProfile() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "tilld-screen")
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "tilld-screen")
}

// line is the command as one types it into a shell.
func (b browser) line() string {
	words := []string{quote(b.path)}
	for _, a := range b.args {
		words = append(words, quote(a))
	}
	return strings.Join(words, " ")
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

func quote(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// A browser that ends at once, again and again, is started ever more slowly.
const (
	kioskFirst = 500 * time.Millisecond
	kioskLast  = 30 * time.Second
	// So is one whose page hangs again and again: kioskSlack times the patience at
	// most, until one has lived for kioskWell.
	kioskSlack = 8
	kioskWell  = 10 * time.Minute
)

// keep runs the browser until ctx ends, and again when it ends by itself or when
// its page does not draw any more.
func (b browser) keep(ctx context.Context, log *slog.Logger) error {
	runtime.LockOSThread() // the browser is to end with us, which Linux takes for this thread
	defer runtime.UnlockOSThread()
	wait, slack := kioskFirst, 1
	for {
		if err := b.tidy(); err != nil {
			log.Warn("the profile could not be tidied", "profile", b.profile, "err", err)
		}
		began := time.Now()
		hung, err := b.once(ctx, log, slack)
		if ctx.Err() != nil {
			return nil
		}
		life := time.Since(began)
		if life > kioskLast {
			wait = kioskFirst
		}
		switch {
		case life > kioskWell:
			slack = 1
		case hung:
			slack = min(2*slack, kioskSlack)
		}
		log.Warn("the browser ended; it is started again", "after", life.Round(time.Second).String(), "wait", wait.String(), "hung", hung, "err", err)
		pause := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil
		case <-pause.C:
		}
		wait = min(2*wait, kioskLast)
	}
}

// once runs the browser until it ends, ctx ends, or its page hangs, for which
// slack times the usual patience is had. Nothing that it started is left.
func (b browser) once(ctx context.Context, log *slog.Logger, slack int) (hung bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	args, ask := b.named()
	cmd := exec.CommandContext(ctx, b.path, args...)
	apart(cmd)
	cmd.Cancel = func() error { return stopBrowser(cmd.Process) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		return false, err
	}
	watched := make(chan bool, 1)
	go func() {
		gone := ask != "" && b.watch.hangs(ctx, ask, slack, log)
		if gone {
			cancel()
		}
		watched <- gone
	}()
	err = cmd.Wait()
	killRest(cmd.Process)
	cancel()
	return <-watched, err
}

// crashed are the marks of a browser that did not end in order, for which the
// next one asks on the shopper's screen whether to restore pages.
var crashed = strings.NewReplacer(`"exit_type":"Crashed"`, `"exit_type":"Normal"`, `"exited_cleanly":false`, `"exited_cleanly":true`)

// tidy removes what a browser that was killed left behind: its lock, which has
// the next one believe that it runs already, and the marks of a crash.
func (b browser) tidy() error {
	if err := os.MkdirAll(b.profile, 0o700); err != nil {
		return err
	}
	locks, err := filepath.Glob(filepath.Join(b.profile, "Singleton*"))
	if err != nil {
		return err
	}
	if owner, live := lockOwner(b.profile); live {
		return fmt.Errorf("process %d uses it; it is left alone", owner)
	}
	for _, lock := range locks {
		if rerr := os.Remove(lock); rerr != nil && !errors.Is(rerr, os.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
	}
	prefs := filepath.Join(b.profile, "Default", "Preferences")
	text, rerr := os.ReadFile(prefs)
	switch {
	case errors.Is(rerr, os.ErrNotExist):
		return err
	case rerr != nil:
		return errors.Join(err, rerr)
	}
	if mended := crashed.Replace(string(text)); mended != string(text) {
		err = errors.Join(err, replaceFile(prefs, func(f *os.File) error { _, err := f.WriteString(mended); return err }))
	}
	return err
}
