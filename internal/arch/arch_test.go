// Package arch checks that packages import only what the architecture allows.
package arch

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "tilld/"

// leaves may be imported by every part, and import only each other.
const leaves = "internal/fault internal/run internal/health internal/config internal/qr internal/lang internal/feed internal/atlas internal/strict internal/unchecked internal/plainfile"

// allowed says, by part, which other parts its code may import (tests may import
// what they like). A part is a top folder, or a folder right below internal.
// docs/ARCHITECTURE.md draws the same table.
var allowed = map[string]string{
	"device":              "",
	"scanner":             "device",
	"printer":             "device",
	"display":             "device",
	"queue":               "",
	"firmware":            "device",
	"internal/sale":       "",
	"internal/offlinepay": "",
	"internal/till":       "internal/sale internal/offlinepay queue device scanner printer display",
	"internal/link":       "internal/sale queue",
	"internal/status":     "internal/till internal/sale queue device scanner printer display internal/link",
	"internal/dialect":    "internal/till internal/sale printer display scanner device",
	"internal/sim":        "device", // written from the manuals, not from our drivers
	"internal/cloud":      "",       // written from the contract, not from our link
	"internal/journal":    "",       // for auditors: what a till writes, read without the till
	"internal/arch":       "",
	"internal/rig":        "", // looks at the agent from outside
	"cmd": "device scanner printer display queue firmware internal/sale internal/till internal/link " +
		"internal/status internal/dialect internal/sim internal/cloud internal/journal internal/offlinepay packaging",
}

// contractsOnly are parts that see a kind of device, never a driver of it.
var contractsOnly = []string{"internal/till", "internal/dialect", "internal/link", "internal/status"}

// pure are packages below a kind that hold values, not drivers.
var pure = []string{"scanner/code"}

// only says which folders may import an outside module.
var only = map[string][]string{
	"go.bug.st/serial":                     {"device/serialport", "device/detect", "device/hotplug"},
	"github.com/tarm/serial":               {"device/serialport"},
	"github.com/eclipse/paho.mqtt.golang":  {"internal/link", "internal/cloud"},
	"go.etcd.io/bbolt":                     {"queue"},
	"github.com/makiuchi-d/gozxing":        {"internal/qr", "scanner/camera", "internal/sim"},
	"github.com/theupdateframework/go-tuf": {"firmware/tuf", "internal/sim/tufrepo"},
	"github.com/mochi-mqtt/server/v2":      {"internal/sim/broker"},
	"gopkg.in/yaml.v3":                     {},
	"github.com/goccy/go-yaml":             {"internal/config"},
	"github.com/rivo/uniseg":               {"display/screen"},
	"github.com/coder/websocket":           {"internal/dialect/qz"},
}

func TestImports(t *testing.T) {
	root := filepath.Join("..", "..")
	files := 0
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		files++
		for _, imp := range f.Imports {
			if why := refuse(path.Dir(rel), strings.Trim(imp.Path.Value, `"`)); why != "" {
				t.Errorf("%s imports %s: %s", rel, imp.Path.Value, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 50 {
		t.Errorf("only %d files were looked at", files)
	}
}

// refuse says why the package in folder from may not import imp, or "".
func refuse(from, imp string) string {
	for mod, folders := range only {
		if imp != mod && !strings.HasPrefix(imp, mod+"/") {
			continue
		}
		if !slices.ContainsFunc(folders, func(f string) bool { return from == f || strings.HasPrefix(from, f+"/") }) {
			return "only " + strings.Join(folders, ", ") + " may"
		}
	}
	to, ours := strings.CutPrefix(imp, module)
	first, _, _ := strings.Cut(imp, "/")
	switch {
	case from == "cmd/tilld-guard" && !ours && strings.Contains(first, "."),
		from == "cmd/tilld-guard" && ours && !strings.HasPrefix(to, "firmware/guard") && !strings.HasPrefix(to, "firmware/slots"):
		return "the guard has the standard library and its own two packages alone"
	case strings.HasPrefix(from, "firmware/guard") || strings.HasPrefix(from, "firmware/slots"):
		if ours && !strings.HasPrefix(to, "firmware/guard") && !strings.HasPrefix(to, "firmware/slots") || !ours && strings.Contains(first, ".") {
			return "what the guard is made of imports the standard library alone"
		}
		return ""
	case !ours:
		return ""
	}
	a, b := part(from), part(to)
	isLeaf := slices.Contains(strings.Fields(leaves), b)
	switch {
	case a == b || isLeaf:
		return ""
	case strings.HasSuffix(from, "test") && b == "internal/sim": // a kind's contract as tests, which tries drivers on simulated devices
		return ""
	case slices.Contains(strings.Fields(leaves), a):
		return a + " is a leaf: it may import only leaves"
	case !slices.Contains(strings.Fields(allowed[a]), b):
		return a + " may import only " + allowed[a] + " and the leaves"
	case slices.Contains(contractsOnly, a) && b != to && !slices.Contains(pure, to) && !strings.HasPrefix(b, "internal/"):
		return a + " sees contracts, not drivers"
	}
	return ""
}

// part returns the folder that stands for the package in folder dir.
func part(dir string) string {
	top, rest, _ := strings.Cut(dir, "/")
	if top == "internal" {
		below, _, _ := strings.Cut(rest, "/")
		return "internal/" + below
	}
	return top
}

func TestRefuse(t *testing.T) {
	for _, tt := range []struct {
		from, imp string
		ok        bool
	}{
		{"display/cd5220", "tilld/display", true},
		{"display/cd5220", "tilld/internal/fault", true},
		{"display/cd5220", "tilld/printer", false},
		{"device", "tilld/scanner", false},
		{"internal/sale", "tilld/display", false},
		{"internal/till", "tilld/display", true},
		{"internal/till", "tilld/scanner/code", true},
		{"internal/till", "tilld/display/cd5220", false},
		{"internal/till", "tilld/internal/link", false},
		{"internal/link", "github.com/eclipse/paho.mqtt.golang", true},
		{"internal/status", "github.com/eclipse/paho.mqtt.golang", false},
		{"printer/printertest", "tilld/internal/sim", true},
		{"printer/printertest", "tilld/internal/till", false},
		{"printer/escpos", "tilld/internal/sim", false},
		{"internal/sim/printer", "tilld/printer/escpos", false},
		{"internal/cloud", "tilld/internal/link", false},
		{"firmware/tuf", "go.etcd.io/bbolt", false},
		{"internal/fault", "tilld/device", false},
		{"cmd/tilld", "tilld/display/cd5220", true},
		{"cmd/tilld-guard", "tilld/queue", false},
		{"cmd/tilld-guard", "github.com/oklog/ulid/v2", false},
		{"cmd/tilld-guard", "hash/crc32", true},
		{"firmware/slots", "tilld/internal/fault", false},
		{"firmware/guard", "tilld/firmware/slots", true},
	} {
		if why := refuse(tt.from, tt.imp); (why == "") != tt.ok {
			t.Errorf("%s imports %s: %q, want allowed %v", tt.from, tt.imp, why, tt.ok)
		}
	}
}

// The top level is fixed.
func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	fixed := strings.Fields("cmd device scanner printer display queue firmware go.mod Makefile README.md " +
		"internal docs packaging go.sum LICENSE NOTICE CHANGELOG.md")
	ignored := []string{"bin", "dist", "node_modules"} // .gitignore
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(fixed, e.Name()) && !slices.Contains(ignored, e.Name()) {
			t.Errorf("%s does not belong at the top level", e.Name())
		}
	}
}
