package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/mgr"
)

const serviceName = "tilld"

// installService makes the service, or changes the one that is there, and starts
// it. With tilld-guard.exe beside this program it runs the agent, see supervised.
func installService(config string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if config, err = filepath.Abs(config); err != nil {
		return err
	}
	if _, err := load(config, os.Stderr); err != nil {
		return err
	}
	m, err := mgr.Connect()
	if err != nil {
		return fmt.Errorf("service manager (run as administrator): %w", err)
	}
	defer m.Disconnect()
	c := mgr.Config{DisplayName: "tilld", Description: "Point-of-sale edge agent", StartType: mgr.StartAutomatic}
	args := []string{"run", "--config", config}
	s, err := m.CreateService(serviceName, self, c, args...)
	if errors.Is(err, windows.ERROR_SERVICE_EXISTS) {
		s, err = changeService(m, self, args)
	}
	if err != nil {
		return fmt.Errorf("create service: %w", err)
	}
	defer s.Close()
	restart := mgr.RecoveryAction{Type: mgr.ServiceRestart, Delay: 2 * time.Second}
	if err := s.SetRecoveryActions([]mgr.RecoveryAction{restart, restart, restart}, 300); err != nil {
		return fmt.Errorf("recovery actions: %w", err)
	}
	if err := s.Start(); err != nil {
		return fmt.Errorf("the service is installed, but did not start: %w", err)
	}
	fmt.Println("installed and started: sc query tilld")
	return nil
}

// changeService lets a service that is there run this program, and stops it.
func changeService(m *mgr.Mgr, self string, args []string) (*mgr.Service, error) {
	s, err := m.OpenService(serviceName)
	if err != nil {
		return nil, err
	}
	c, err := s.Config()
	if err == nil {
		c.BinaryPathName = windows.ComposeCommandLine(append([]string{self}, args...))
		c.StartType = mgr.StartAutomatic
		err = errors.Join(s.UpdateConfig(c), stopService(s))
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// stopService stops the service if it runs, and waits until it is stopped.
func stopService(s *mgr.Service) error {
	if _, err := s.Control(svc.Stop); err != nil && !errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE) {
		return fmt.Errorf("stop: %w", err)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		st, err := s.Query()
		if err != nil || st.State == svc.Stopped {
			return err
		}
		if time.Now().After(end) {
			return errors.New("the service does not stop")
		}
	}
}

// uninstallService stops the service and removes it.
func uninstallService() error {
	m, err := mgr.Connect()
	if err != nil {
		return fmt.Errorf("service manager (run as administrator): %w", err)
	}
	defer m.Disconnect()
	s, err := m.OpenService(serviceName)
	if err != nil {
		return fmt.Errorf("the service is not installed: %w", err)
	}
	defer s.Close()
	if err := errors.Join(stopService(s), s.Delete()); err != nil {
		return err
	}
	fmt.Println("removed; configuration and data are still there")
	return nil
}
