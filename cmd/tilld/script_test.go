package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"tilld": func() { os.Exit(command(os.Args[1:])) },
	})
}

// The scripts in testdata are stories of the command line; each `tilld` in them
// is a process of its own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("LANG", "en_GB.UTF-8")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"ready": ready,
		},
	})
}

// ready DIR waits until the agent with that data directory can sell.
func ready(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ready DIR")
	}
	file := filepath.Join(ts.MkAbs(args[0]), "http-addr")
	for range 600 {
		addr, err := os.ReadFile(file)
		if err == nil {
			resp, err := http.Get("http://" + strings.TrimSpace(string(addr)) + "/readyz")
			if err == nil {
				resp.Body.Close()
				if resp.StatusCode == http.StatusOK {
					return
				}
			}
		}
		time.Sleep(50 * time.Millisecond) // polls a process; the bound is half a minute
	}
	ts.Fatalf("the agent did not get ready")
}
