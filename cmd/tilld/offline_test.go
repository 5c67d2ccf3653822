package main

import (
	"encoding/base64"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tilld/internal/config"
	"tilld/internal/sim/tufrepo"
)

func keySet(ids ...int) []byte {
	var keys []string
	for _, id := range ids {
		keys = append(keys, fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","kid":"%d","x":%q,"tilld:use":["proof"]}`, id, base64.RawURLEncoding.EncodeToString(slices.Repeat([]byte{byte(id)}, 32))))
	}
	return []byte(`{"keys":[` + strings.Join(keys, ",") + `]}`)
}

// The repository's key set counts instead of the trust file's, as old as the
// repository's last word on it; a set that it does not vouch for never counts.
func TestProofKeysFromTheRepository(t *testing.T) {
	dir := t.TempDir()
	c := config.Defaults()
	c.DataDir, c.Cloud.TrustFile, c.Firmware.RootFile = filepath.Join(dir, "data"), filepath.Join(dir, "trust.json"), filepath.Join(dir, "root.json")
	repo, err := tufrepo.New(time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	write := func(file string, body []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(c.Cloud.TrustFile, keySet(1))
	write(c.Firmware.RootFile, repo.FirstRoot())
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	server.Config.Handler = repo.Files()
	server.Start()
	defer server.Close()
	held := func() (ids []int, since time.Time) {
		t.Helper()
		keys, since, err := proofKeys(c)
		if err != nil {
			t.Fatal(err)
		}
		for id := range keys {
			ids = append(ids, int(id))
		}
		slices.Sort(ids)
		return ids, since
	}
	publish := func(body []byte) {
		t.Helper()
		if err := repo.Add(proofTarget, body, nil); err != nil {
			t.Fatal(err)
		}
		if err := repo.Publish(); err != nil {
			t.Fatal(err)
		}
		server.Config.Handler = repo.Files()
	}
	if ids, _ := held(); !slices.Equal(ids, []int{1}) {
		t.Errorf("without a repository: %v", ids)
	}
	c.Firmware.Repository = server.URL
	if err := repo.Publish(); err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = repo.Files()
	if err := fetchProofs(t.Context(), c); err == nil {
		t.Error("a repository without the file")
	}
	if ids, _ := held(); !slices.Equal(ids, []int{1}) {
		t.Errorf("a repository without the file: %v", ids)
	}
	publish(keySet(7, 8))
	if err := fetchProofs(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	ids, since := held()
	if !slices.Equal(ids, []int{7, 8}) || time.Since(since) > time.Minute {
		t.Errorf("published: %v since %v", ids, since)
	}
	// The same set vouched for again is young again.
	old := time.Now().Add(-20 * 24 * time.Hour)
	if err := os.Chtimes(proofFile(c), old, old); err != nil {
		t.Fatal(err)
	}
	if _, since := held(); time.Since(since) < 19*24*time.Hour {
		t.Error("its age is not the file's")
	}
	if err := fetchProofs(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if _, since := held(); time.Since(since) > time.Minute {
		t.Error("it is not young again")
	}
	// Rubbish, a private key, no proof key: what is held stays.
	for _, bad := range []string{"no JSON", `{"keys":[]}`, strings.Replace(string(keySet(9)), `"kty"`, `"d":"AA","kty"`, 1), strings.Replace(string(keySet(9)), "proof", "message", 1)} {
		publish([]byte(bad))
		if err := fetchProofs(t.Context(), c); err == nil {
			t.Errorf("%.40s is taken", bad)
		}
	}
	// Changed after it was signed.
	publish(keySet(9, 10))
	files := repo.Files()
	for name := range files {
		if strings.Contains(name, "payproof.json") {
			files[name] = keySet(9, 11)
		}
	}
	server.Config.Handler = files
	if err := fetchProofs(t.Context(), c); err == nil {
		t.Error("a changed file is taken")
	}
	if ids, _ := held(); !slices.Equal(ids, []int{7, 8}) {
		t.Errorf("after all that: %v", ids)
	}
	// Key 7 is revoked; a stick says so.
	publish(keySet(8, 9))
	c.Firmware.Repository = t.TempDir()
	if err := repo.Files().Write(c.Firmware.Repository); err != nil {
		t.Fatal(err)
	}
	if err := fetchProofs(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	c.Firmware.Repository = ""
	if ids, _ := held(); !slices.Equal(ids, []int{8, 9}) {
		t.Errorf("after a rotation: %v", ids)
	}
}

// The file of the keys for pay codes: for its owner alone, and checked before
// the till is sent to a store.
func TestCodeKeyFile(t *testing.T) {
	dir := t.TempDir()
	file, trust := filepath.Join(dir, "codes.json"), filepath.Join(dir, "trust.json")
	good := `{"keys":[{"kty":"oct","kid":"3","k":"` + base64.RawURLEncoding.EncodeToString(slices.Repeat([]byte{9}, 32)) + `"}]}`
	if err := os.WriteFile(trust, keySet(1), 0o600); err != nil {
		t.Fatal(err)
	}
	c := config.Defaults()
	c.Cloud.TrustFile, c.Payment.Offline.CodeKeyFile = trust, file
	check := func() (string, error) {
		return offlineReady(func(config.Config) (string, error) { return "", nil })(c)
	}
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		ok   bool
	}{"good": {good, 0o600, true}, "readable by all": {good, 0o644, false}, "by the group": {good, 0o640, false}, "no set": {"x", 0o600, false}, "empty": {`{"keys":[]}`, 0o600, false}} {
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, c.mode); err != nil {
			t.Fatal(err)
		}
		key, err := check()
		if (err == nil) != c.ok || !c.ok && key != "payment.offline.code_key_file" {
			t.Errorf("%s: %s: %v", name, key, err)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if key, err := check(); err == nil || key != "payment.offline.code_key_file" {
		t.Errorf("missing: %s: %v", key, err)
	}
	if _, err := readCodeKeys(dir); err == nil {
		t.Error("a directory is read")
	}
}
