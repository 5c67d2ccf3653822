package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"

	"tilld/firmware"
)

// supervised runs tilld-guard in the agent's place when the service manager
// started this program and the guard lies beside it: the manager talks to this
// process, which stops the guard by closing its standard input, and the guard the
// agent. done is false when the agent is to run itself.
func supervised(config, dataDir string) (done bool, err error) {
	self, err := os.Executable()
	if err != nil || firmware.Guarded() || !isService() {
		return false, nil // of an error: without a guard then
	}
	guard := filepath.Join(filepath.Dir(self), "tilld-guard.exe")
	if _, err := os.Stat(guard); err != nil {
		return false, nil
	}
	cmd := exec.Command(guard, "run", "--config", config, "--data-dir", dataDir)
	cmd.Env = append(os.Environ(), firmware.StopsByStdin)
	leash, err := cmd.StdinPipe()
	if err != nil {
		return true, err
	}
	if err := cmd.Start(); err != nil {
		return true, err
	}
	ended := answerManager(func() { leash.Close() }) // twice is no harm
	defer ended()
	err = cmd.Wait()
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return true, &exitError{code: e.ExitCode(), quiet: true, err: err}
	}
	return true, err
}
