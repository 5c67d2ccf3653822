package firmware

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"tilld/firmware/slots"
	"tilld/firmware/tuf"
	"tilld/internal/fault"
	"tilld/internal/plainfile"
)

// Store keeps trusted metadata; see [tuf.Store]. The queue's TUF bucket is one.
type Store = tuf.Store

// Options say what to update from, and what runs.
type Options struct {
	DataDir  string
	From     string // directory (a stick, also with the repository in tilld-update/) or http(s) address
	RootFile string // first root.json to trust; "" = the one built in
	Channel  string // "" = "stable"
	Version  string // running version; "" or "dev" counts as older than all
	OS, Arch string // "" = this program's

	Store Store     // nil = files in <data dir>/firmware/trust
	Now   time.Time // reference time for expiry; zero = the clock, but never before this build was made
	Log   *slog.Logger

	// Limit is how long all of it may take, 0 is four hours: what has come by then
	// is kept for the next try, and others may update meanwhile.
	Limit time.Duration

	CheckOnly bool // look, change nothing but the trusted metadata
	Retry     bool // take a build again that was tried before and rolled back
}

// Outcome says what an update came to.
type Outcome string

// Outcomes.
const (
	Current   Outcome = "current"   // nothing newer there
	Available Outcome = "available" // newer, but only looked at
	Staged    Outcome = "staged"    // in its slot; starts with the next start of the agent
	Waiting   Outcome = "waiting"   // had been staged before
)

// Result is what RunUpdate found and did.
type Result struct {
	Outcome Outcome    `json:"outcome"`
	Running string     `json:"running"`
	Version string     `json:"version"` // of the repository's build
	Slot    slots.Name `json:"slot,omitempty"`
	SHA256  string     `json:"sha256"`
	Size    int64      `json:"size"`
}

// MaxAgent is the largest agent that is accepted, in bytes.
const MaxAgent = 64 << 20

//go:embed root
var builtIn embed.FS

// RunUpdate checks the repository and stages a newer agent from it. progress
// hears one line per step, for a person. The error is a *fault.Error whose hint
// says what to do: Config for wrong arguments, Absent when the repository cannot
// be reached, Refused when it must not be trusted or does not fit, Busy while an
// update is on trial, Full without room.
func RunUpdate(ctx context.Context, o Options, progress func(line string)) (Result, error) {
	if progress == nil {
		progress = func(string) {}
	}
	o.defaults()
	u := &update{Options: o, say: func(format string, args ...any) { progress(fmt.Sprintf(format, args...)) }}
	if err := u.open(); err != nil {
		return Result{Running: o.Version}, err
	}
	defer u.close()
	release, err := slots.Updating(o.DataDir)
	if err != nil {
		return Result{Running: o.Version}, classify("begin", err)
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, o.Limit)
	defer cancel()
	return u.run(ctx)
}

func (o *Options) defaults() {
	if o.Limit == 0 {
		o.Limit = 4 * time.Hour
	}
	if o.Channel == "" {
		o.Channel = "stable"
	}
	if o.OS == "" {
		o.OS = runtime.GOOS
	}
	if o.Arch == "" {
		o.Arch = runtime.GOARCH
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
		if built := buildTime(); built.After(o.Now) {
			o.Now = built // a till whose clock fell back to 1970 must not take expired metadata for fresh
		}
	}
}

func buildTime() (t time.Time) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return t
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			if at, err := time.Parse(time.RFC3339, s.Value); err == nil {
				return at
			}
		}
	}
	return t
}

// TargetName is the name under which a repository keeps the agent.
func TargetName(channel, goos, arch string) string {
	name := "agent/" + channel + "/" + goos + "-" + arch + "/tilld"
	if goos == "windows" {
		name += ".exe"
	}
	return name
}

type update struct {
	Options
	say    func(format string, args ...any)
	dir    *slots.Dir
	source interface {
		tuf.Source
		io.Closer
	}
	client *tuf.Client
}

func trouble(k fault.Kind, op, hint string, err error) error {
	return &fault.Error{Kind: k, Component: "update", Op: op, Hint: hint, Err: err}
}

func (u *update) open() error {
	dir, err := slots.Open(u.DataDir)
	if err != nil {
		return trouble(fault.Config, "open", "check --data-dir and that you may write there", err)
	}
	u.dir = dir
	if u.Store == nil {
		trust := filepath.Join(u.DataDir, "firmware", "trust")
		if u.Store, err = tuf.OpenFileStore(trust); err != nil {
			return trouble(fault.Config, "open", "check that you may write in the data directory", err)
		}
	}
	root, err := u.root()
	if err != nil {
		return err
	}
	if err := u.openSource(); err != nil {
		return err
	}
	u.client = tuf.New(u.Store, u.source, root, u.Log)
	return nil
}

// root returns the first root of trust. Without one the stored root may still
// do.
func (u *update) root() ([]byte, error) {
	if u.RootFile != "" {
		data, err := plainfile.ReadFile(u.RootFile)
		if err != nil {
			return nil, trouble(fault.Config, "read the root of trust", "name the root.json that came with the repository's keys", err)
		}
		return data, nil
	}
	data, err := fs.ReadFile(builtIn, "root/root.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

func (u *update) openSource() error {
	if strings.Contains(u.From, "://") {
		src, err := tuf.OpenHTTP(u.From)
		if err != nil {
			return trouble(fault.Config, "open", "give a directory or an http or https address", err)
		}
		u.source = src
		return nil
	}
	dir := u.From
	if dir == "" {
		return trouble(fault.Config, "open", "give a directory or an address: tilld update --from DIR|URL", errors.New("no repository given"))
	}
	if info, err := os.Stat(filepath.Join(dir, "tilld-update")); err == nil && info.IsDir() {
		dir = filepath.Join(dir, "tilld-update")
	}
	src, err := tuf.OpenDirectory(dir)
	if err != nil {
		return trouble(fault.Absent, "open", "check that the stick is mounted and the path is right", err)
	}
	u.source = src
	return nil
}

func (u *update) close() {
	u.source.Close() // read only: nothing can be lost
	for _, path := range []string{filepath.Join(u.DataDir, "firmware"), filepath.Join(u.DataDir, "slots")} {
		if err := u.dir.Own(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			u.say("the owner of %s could not be set: %v", path, err)
		}
	}
}
