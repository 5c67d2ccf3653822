//go:build rig

package rig

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// modules are a kernel's modules by name.
type modules map[string]string

func findModules(root string) (modules, error) {
	m := modules{}
	err := filepath.WalkDir(root, func(file string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name, _, ok := strings.Cut(filepath.Base(file), ".ko"); ok {
			m[strings.ReplaceAll(name, "-", "_")] = file
		}
		return nil
	})
	return m, err
}

// load returns the modules that are wanted and those that they need, in an order
// in which they can be loaded.
func (m modules) load(wanted ...string) ([]module, error) {
	var out []module
	seen := map[string]bool{}
	var add func(name string) error
	add = func(name string) error {
		name = strings.ReplaceAll(name, "-", "_")
		if seen[name] {
			return nil
		}
		seen[name] = true
		file, ok := m[name]
		if !ok {
			return fmt.Errorf("the kernel has no module %s", name)
		}
		image, err := unpacked(file)
		if err != nil {
			return err
		}
		needs, err := depends(image)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		for _, n := range needs {
			if err := add(n); err != nil {
				return fmt.Errorf("%s needs: %w", name, err)
			}
		}
		out = append(out, module{name, image})
		return nil
	}
	for _, name := range wanted {
		if err := add(name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

type module struct {
	name  string
	image []byte
}

func unpacked(file string) ([]byte, error) {
	switch filepath.Ext(file) {
	case ".xz":
		return exec.Command("xz", "-dc", file).Output()
	case ".zst":
		return exec.Command("zstd", "-dc", file).Output()
	}
	return os.ReadFile(file)
}

// depends reads from a module's own description which others it needs.
func depends(image []byte) ([]string, error) {
	f, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return nil, err
	}
	s := f.Section(".modinfo")
	if s == nil {
		return nil, nil
	}
	info, err := s.Data()
	if err != nil {
		return nil, err
	}
	for line := range bytes.SplitSeq(info, []byte{0}) {
		if list, ok := bytes.CutPrefix(line, []byte("depends=")); ok && len(list) > 0 {
			return strings.Split(string(list), ","), nil
		}
	}
	return nil, nil
}
