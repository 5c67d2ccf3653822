// Command tilld-guard starts the agent and can roll it back.
//
//	tilld-guard run --config FILE --data-dir DIR
//
// All arguments are the agent's. The guard reads --data-dir among them, or
// TILLD_DATA_DIR, to find the slots. TILLD_GUARD_HEALTH (a duration, default
// 5m) is how long a new version may take to report itself healthy.
//
// Signals: TERM and INT stop the agent and then the guard; USR1 starts the
// agent again, which lets a waiting update take its place; HUP, QUIT and USR2
// are passed on. On Windows, which has no such signals, the agent is asked to stop
// by closing its standard input; with TILLD_GUARD_STOP=stdin the guard stops at
// the end of its own.
//
// Exit codes: 0 stopped on request; 1 stopped on request but the agent ended
// with an error, or another guard runs for this directory; 2 wrong settings;
// 3 no version of the agent can be started.
package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"tilld/firmware/guard"
)

const defaultDataDir = "/var/lib/tilld"

func main() {
	runtime.LockOSThread() // see guard.dieWithParent
	os.Exit(run(os.Args[1:], os.Getenv))
}

func run(args []string, env func(string) string) int {
	logf := func(line string) { fmt.Fprintln(os.Stderr, "tilld-guard: "+line) }
	o := guard.Options{
		DataDir: dataDir(args, env), Args: args,
		StopByStdin: runtime.GOOS == "windows",
		Stdin:       os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Log: logf,
	}
	if text := env("TILLD_GUARD_HEALTH"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			logf("TILLD_GUARD_HEALTH: " + text + " is no duration; write for example 5m")
			return guard.ExitUsage
		}
		o.HealthTime = d
	}
	self, err := os.Executable()
	if err != nil {
		logf("where this program lies is unknown, so only the slots can be started: " + err.Error())
	} else {
		o.Beside = filepath.Join(filepath.Dir(self), "tilld"+filepath.Ext(self))
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, guard.Signals()...)
	if env(guard.EnvStop) == "stdin" {
		go func() {
			io.Copy(io.Discard, os.Stdin) // however it ends, nobody is there who could ask
			signals <- os.Interrupt
		}()
	}
	return guard.Run(o, signals)
}

// dataDir finds the data directory among the agent's arguments.
func dataDir(args []string, env func(string) string) string {
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, "--data-dir="); ok {
			return v
		}
		if a == "--data-dir" && i+1 < len(args) {
			return args[i+1]
		}
	}
	if v := env("TILLD_DATA_DIR"); v != "" {
		return v
	}
	return defaultDataDir
}
