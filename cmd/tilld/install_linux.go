package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"tilld/packaging"
)

const (
	unitFile  = "/etc/systemd/system/tilld.service"
	rulesFile = "/etc/udev/rules.d/60-tilld.rules"
)

func installService(config string) error {
	if os.Geteuid() != 0 {
		return errors.New("installing a service needs root: run it with sudo")
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	config, err = filepath.Abs(config)
	if err != nil {
		return err
	}
	cfg, err := load(config, os.Stderr)
	if err != nil {
		return err
	}
	start := fmt.Sprintf("%q run --config %q", self, config)
	if guard := filepath.Join(filepath.Dir(self), "tilld-guard"); exists(guard) {
		start = fmt.Sprintf("%q run --config %q --data-dir %q", guard, config, cfg.DataDir)
	}
	if err := systemUser(); err != nil {
		return err
	}
	unit := strings.ReplaceAll(packaging.Unit, "@START@", start)
	if err := os.WriteFile(unitFile, []byte(unit), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(rulesFile, []byte(packaging.Rules), 0o644); err != nil {
		return err
	}
	if err := tool("udevadm", "control", "--reload"); err != nil {
		fmt.Fprintf(os.Stderr, "%s counts from the next start of the machine: %v\n", rulesFile, err)
	}
	for _, args := range [][]string{{"daemon-reload"}, {"enable", "--now", "tilld.service"}} {
		if err := tool("systemctl", args...); err != nil {
			return fmt.Errorf("%s is written, but systemd did not take it: %w", unitFile, err)
		}
	}
	fmt.Println("installed and started: systemctl status tilld")
	return nil
}

func uninstallService() error {
	if os.Geteuid() != 0 {
		return errors.New("removing a service needs root: run it with sudo")
	}
	if !exists(unitFile) {
		return errors.New("the service is not installed")
	}
	stopped := tool("systemctl", "disable", "--now", "tilld.service")
	if err := os.Remove(unitFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := errors.Join(stopped, tool("systemctl", "daemon-reload")); err != nil {
		return fmt.Errorf("%s is removed, but systemd complained: %w", unitFile, err)
	}
	fmt.Println("removed; configuration and data are still there")
	return nil
}

// systemUser makes the account that the unit runs as.
func systemUser() error {
	if tool("id", "-u", "tilld") == nil {
		return nil
	}
	if err := tool("useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", "tilld"); err != nil {
		return fmt.Errorf("account tilld: %w", err)
	}
	return nil
}

func tool(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
