package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"tilld/internal/config"
	"tilld/packaging"
)

// serviceUnit returns the unit for this configuration. The service sees the
// file system read-only but for its own directories, so those elsewhere are named.
func serviceUnit(start []string, cfg config.Config) (string, error) {
	var words, places []string
	for _, w := range start {
		words = append(words, strings.ReplaceAll(unitWord(w), "$", "$$"))
	}
	for _, p := range []struct{ key, dir string }{{"data_dir", cfg.DataDir}, {"log.file", logDir(cfg.Log.File)}} {
		switch {
		case p.dir == "":
		case !filepath.IsAbs(p.dir):
			return "", fmt.Errorf("%s: %s: write the whole path, from /", p.key, p.dir)
		case within(p.dir, "/home", "/root", "/run/user"):
			return "", fmt.Errorf("%s: %s: services cannot see home directories; take a place below /var or a disk of its own", p.key, p.dir)
		case within(p.dir, "/tmp", "/var/tmp"):
			return "", fmt.Errorf("%s: %s: what lies there is lost with every stop of the service; take a place below /var or a disk of its own", p.key, p.dir)
		case !within(p.dir, "/var/lib/tilld", "/var/log/tilld"):
			places = append(places, "ReadWritePaths="+unitWord(p.dir)+"\n")
		}
	}
	unit := strings.ReplaceAll(packaging.Unit, "@START@", strings.Join(words, " "))
	return strings.Replace(unit, "NoNewPrivileges=", strings.Join(slices.Compact(places), "")+"NoNewPrivileges=", 1), nil
}

// unitWord quotes one word for a unit file.
func unitWord(s string) string {
	return strconv.Quote(strings.ReplaceAll(s, "%", "%%"))
}

func logDir(file string) string {
	if file == "" {
		return ""
	}
	return filepath.Dir(file)
}

func within(dir string, tops ...string) bool {
	dir = filepath.Clean(dir)
	return slices.ContainsFunc(tops, func(top string) bool { return dir == top || strings.HasPrefix(dir, top+"/") })
}

// handOver lets the account use what the configuration names: a key that root
// has put there for itself alone would only be missed at the first connection.
// Files keep their mode and change their owner, those outside of the
// configuration's own directory are only told about.
func handOver(file string, cfg config.Config, uid, gid int, out io.Writer) error {
	for _, dir := range []string{cfg.DataDir, logDir(cfg.Log.File)} {
		if dir == "" || within(dir, "/var/lib/tilld", "/var/log/tilld") {
			continue // made by systemd
		}
		if _, err := os.Stat(dir); err == nil {
			if !allowed("-w", dir, uid, gid) {
				fmt.Fprintf(out, "%s: %s cannot write there: chown it\n", dir, account)
			}
			continue
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		if err := os.Chown(dir, uid, gid); err != nil {
			return err
		}
	}
	for _, name := range append([]string{file}, readFiles(cfg)...) {
		st, err := os.Stat(name)
		switch {
		case name == "" || err != nil || allowed("-r", name, uid, gid):
			// Those that are not there yet are told by the agent itself.
		case filepath.Dir(name) != filepath.Dir(file) || !st.Mode().IsRegular() || isLink(name) || !allowed("-x", filepath.Dir(name), uid, gid):
			fmt.Fprintf(out, "%s: %s cannot read it: chown it, and its folders must be open to it\n", name, account)
		default:
			if err := os.Chown(name, uid, gid); err != nil {
				return err
			}
			fmt.Fprintf(out, "%s belongs to %s now, which could not read it\n", name, account)
		}
	}
	return nil
}

func isLink(name string) bool {
	st, err := os.Lstat(name)
	return err != nil || st.Mode()&fs.ModeSymlink != 0
}

// readFiles are the files and folders of the configuration that the agent reads.
func readFiles(c config.Config) []string {
	names := []string{
		c.HTTP.LAN.TLSCert, c.HTTP.LAN.TLSKey, c.HTTP.LAN.PINFile,
		c.Payment.Offline.CodeKeyFile, c.Cashier.PINFile, c.Firmware.RootFile,
		c.Screen.Brand.Logo, c.Screen.PlaylistDir,
	}
	for _, t := range []string{c.Receipt.Template, c.Receipt.RefundTemplate, c.Firmware.Repository} {
		if filepath.IsAbs(t) {
			names = append(names, t)
		}
	}
	if c.Cloud.URL != "" {
		names = append(names, c.Cloud.PasswordFile, c.Cloud.CAFile, c.Cloud.CertFile, c.Cloud.KeyFile, c.Cloud.TrustFile)
	}
	if c.Mall.URL != "" {
		names = append(names, c.Mall.PasswordFile, c.Mall.CAFile, c.Mall.CertFile, c.Mall.KeyFile, c.Mall.TrustFile)
	}
	return names
}

// allowed asks the kernel as the account: modes, folders and ACLs all count.
func allowed(what, name string, uid, gid int) bool {
	cmd := exec.Command("test", what, name)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	return cmd.Run() == nil
}
