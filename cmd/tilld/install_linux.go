package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"tilld/packaging"
)

const (
	unitFile  = "/etc/systemd/system/tilld.service"
	rulesFile = "/etc/udev/rules.d/60-tilld.rules"
	account   = "tilld"
	startWait = 30 * time.Second
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
	start := []string{self, "run", "--config", config}
	if guard := filepath.Join(filepath.Dir(self), "tilld-guard"); exists(guard) {
		start = []string{guard, "run", "--config", config, "--data-dir", cfg.DataDir}
	}
	unit, err := serviceUnit(start, cfg)
	if err != nil {
		return err
	}
	uid, gid, err := systemUser()
	if err != nil {
		return err
	}
	if err := handOver(config, cfg, uid, gid, os.Stdout); err != nil {
		return err
	}
	if err := os.WriteFile(unitFile, []byte(unit), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(rulesFile, []byte(packaging.Rules), 0o644); err != nil {
		return err
	}
	for _, args := range [][]string{{"control", "--reload"}, {"trigger", "--action=change", "--subsystem-match=tty", "--subsystem-match=usbmisc", "--subsystem-match=hidraw", "--subsystem-match=input"}, {"settle", "--timeout=10"}} {
		if err := tool("udevadm", args...); err != nil {
			fmt.Fprintf(os.Stderr, "%s counts from the next start of the machine: %v\n", rulesFile, err)
			break
		}
	}
	for _, args := range [][]string{{"daemon-reload"}, {"enable", "tilld.service"}, {"restart", "--no-block", "tilld.service"}} {
		if err := tool("systemctl", args...); err != nil {
			return fmt.Errorf("%s is written, but systemd did not take it: %w", unitFile, err)
		}
	}
	for deadline := time.Now().Add(startWait); tool("systemctl", "is-active", "--quiet", "tilld.service") != nil; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			return errors.New("installed, but not in service yet; journalctl -u tilld says why")
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
func systemUser() (uid, gid int, err error) {
	if tool("id", "-u", account) != nil {
		if err := tool("useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/var/lib/tilld", "--shell", "/usr/sbin/nologin", account); err != nil {
			return 0, 0, fmt.Errorf("account %s: %w", account, err)
		}
	}
	u, err := user.Lookup(account)
	if err != nil {
		return 0, 0, err
	}
	uid, err = strconv.Atoi(u.Uid)
	if err != nil {
		return 0, 0, err
	}
	gid, err = strconv.Atoi(u.Gid)
	return uid, gid, err
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
