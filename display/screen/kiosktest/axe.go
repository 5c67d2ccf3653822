package kiosktest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"tilld/internal/unchecked"
)

// axeVersion is the release of axe-core that judges our pages.
const axeVersion = "4.10.3"

// axeSource is axe-core's script, from the npm registry through npm, kept in the
// user's cache. Only where it cannot be had is the test skipped, saying so.
var axeSource = sync.OnceValues(func() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	dir := filepath.Join(base, "tilld-test", "axe-core-"+axeVersion)
	file := filepath.Join(dir, "node_modules", "axe-core", "axe.min.js")
	if body, err := os.ReadFile(file); err == nil {
		return string(body), nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	out, err := exec.Command("npm", "install", "--prefix", dir, "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "axe-core@"+axeVersion).CombinedOutput()
	if err != nil {
		return string(out), err
	}
	body, err := os.ReadFile(file)
	return string(body), err
})

// Axe has axe-core look at the page as it stands and fails the test for every
// violation of WCAG 2.2 A and AA and of its best practices. what names the state
// of the page in the failures.
func (p *Page) Axe(t *testing.T, what string) {
	t.Helper()
	t.Run("axe, "+what, func(t *testing.T) { // where axe cannot be had, the rest goes on
		for _, v := range p.AxeFinds(t) {
			t.Errorf("axe %s", v)
		}
	})
}

// AxeFinds is what [Page.Axe] fails with, for a test that the rules are at work.
func (p *Page) AxeFinds(t testing.TB) (list []string) {
	t.Helper()
	source, err := axeSource()
	if err != nil {
		unchecked.Skip(t, "axe-core %s could not be installed by npm: %v\n%s", axeVersion, err, source)
	}
	var loaded bool
	if p.Eval("typeof axe === 'object'", &loaded); !loaded {
		p.Eval(source+"; undefined", nil) // through DevTools: the page's own policy stays as it is
	}
	var found []struct {
		ID, Help string
		Nodes    []struct{ HTML, FailureSummary string }
	}
	p.Eval(`axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"]}).then(r => r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => ({html: n.html, failureSummary: n.failureSummary}))})))`, &found)
	for _, v := range found {
		for _, n := range v.Nodes {
			list = append(list, v.ID+": "+v.Help+"\n"+n.HTML+"\n"+n.FailureSummary)
		}
	}
	return list
}

func quote(s string) string {
	body, err := json.Marshal(s)
	if err != nil {
		panic("kiosktest: quote: " + err.Error()) // a string
	}
	return string(body)
}
