package main

import (
	"os/exec"
	"strings"
	"testing"

	"tilld/firmware/guard"
)

// The guard is updated only with the package, so it stays small and links
// nothing but the standard library and what the slots need.
func TestStandardLibraryOnly(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for path := range strings.FieldsSeq(string(out)) {
		switch path {
		case "tilld/cmd/tilld-guard", "tilld/firmware/guard", "tilld/firmware/slots":
		default:
			t.Errorf("the guard links %s", path)
		}
	}
}

func TestDataDir(t *testing.T) {
	for _, c := range []struct {
		args string
		env  string
		want string
	}{
		{"run --config x", "", "/var/lib/tilld"},
		{"run --config x", "/e", "/e"},
		{"run --data-dir /d --config x", "/e", "/d"},
		{"run --data-dir=/d", "", "/d"},
		{"run --data-dir", "", "/var/lib/tilld"},
	} {
		env := func(name string) string {
			if name == "TILLD_DATA_DIR" {
				return c.env
			}
			return ""
		}
		if got := dataDir(strings.Fields(c.args), env); got != c.want {
			t.Errorf("%q with %q: %q, want %q", c.args, c.env, got, c.want)
		}
	}
}

func TestWrongSetting(t *testing.T) {
	for _, bad := range []string{"5", "-1m", "soon"} {
		if code := run(nil, func(string) string { return bad }); code != guard.ExitUsage {
			t.Errorf("TILLD_GUARD_HEALTH=%s: exit code %d", bad, code)
		}
	}
}
