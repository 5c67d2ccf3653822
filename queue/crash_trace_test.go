package queue

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// step is one thing the traced process did to its files.
type step struct {
	kind string // write, truncate, sync, create, rename, remove, syncdir, ack
	path string // relative to the data directory
	to   string // of a rename
	off  int64  // of a write; size of a truncate
	data []byte
	from int // of a sync: the step at which it began
	text string
}

var (
	callLine    = regexp.MustCompile(`^(\d+) +(\w+)\((.*)$`)
	resumedLine = regexp.MustCompile(`^(\d+) +<\.\.\. (\w+) resumed>(.*)$`)
	diedCall    = regexp.MustCompile(`\)?\s+= \?$`)
	callEnd     = regexp.MustCompile(`\)\s+= (\S+)[^"]*$`)
	fdPath      = regexp.MustCompile(`^(\d+)<([^>]*)>`)
	hexString   = regexp.MustCompile(`"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?`)
)

// readTrace parses what `strace -f -y -xx` wrote of a process that worked in dir.
func readTrace(file, dir string) ([]step, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var steps []step
	began := map[string]string{}  // pid: the first half of a call
	called := map[string]string{} // pid: its name
	since := map[string]int{}     // pid: number of steps when it began
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 256<<20)
	for lines.Scan() {
		line := lines.Text()
		from := len(steps)
		var name, rest string
		if m := resumedLine.FindStringSubmatch(line); m != nil {
			if diedCall.MatchString(m[3]) {
				continue // it stays in began
			}
			name, rest, from = m[2], began[m[1]]+m[3], since[m[1]]
			delete(began, m[1])
		} else if m := callLine.FindStringSubmatch(line); m != nil {
			name, rest = m[2], m[3]
			if at := diedCall.FindStringIndex(rest); at != nil {
				began[m[1]], since[m[1]], called[m[1]] = rest[:at[0]], len(steps), name
				continue
			}
			if head, ok := strings.CutSuffix(rest, " <unfinished ...>"); ok {
				began[m[1]], since[m[1]], called[m[1]] = head, len(steps), name
				continue
			}
		} else {
			continue
		}
		s, err := parseCall(name, rest, dir)
		if err != nil {
			return nil, fmt.Errorf("%w in %.200s", err, line)
		}
		if s.kind != "" {
			s.from = from
			steps = append(steps, s)
		}
	}
	for pid, head := range began {
		if called[pid] != "pwrite64" {
			continue // none of the others matters at the end
		}
		s, err := diedInside(head, dir)
		if err != nil {
			return nil, err
		}
		if s.kind != "" {
			s.from = len(steps)
			steps = append(steps, s)
		}
	}
	return steps, lines.Err()
}

// diedInside is the write during which the process ended, as far as it was
// done: the trace does not say, but the file as it is now does. Without it the
// next process would go on from a state that the images do not have.
func diedInside(head, dir string) (step, error) {
	s, err := parseCall("pwrite64", head+") = 0", dir)
	if err != nil || s.kind != "write" {
		return step{}, err
	}
	have, err := os.ReadFile(filepath.Join(dir, s.path))
	if err != nil {
		return step{}, err
	}
	const page = 4096 // the kernel copies page by page
	done := 0
	for done < len(s.data) {
		end := min(done+page, len(s.data))
		from, to := s.off+int64(done), s.off+int64(end)
		if to > int64(len(have)) || !bytes.Equal(have[from:to], s.data[done:end]) {
			break
		}
		done = end
	}
	if s.data = s.data[:done]; done == 0 {
		return step{}, nil
	}
	return s, nil
}

func parseCall(name, rest, dir string) (s step, err error) {
	m := callEnd.FindStringSubmatchIndex(rest)
	if m == nil || rest[m[2]] == '-' || rest[m[2]] == '?' {
		return s, nil // failed, or killed inside
	}
	end := m[0]
	var words [][]byte
	for _, m := range hexString.FindAllStringSubmatch(rest[:end], -1) {
		if m[2] != "" {
			return s, fmt.Errorf("string is cut off")
		}
		b, err := hex.DecodeString(strings.ReplaceAll(m[1], `\x`, ""))
		if err != nil {
			return s, err
		}
		words = append(words, b)
	}
	inside := func(path string) (string, bool) {
		rel, err := filepath.Rel(dir, path)
		return rel, err == nil && !strings.HasPrefix(rel, "..")
	}
	fd := fdPath.FindStringSubmatch(rest)
	if fd != nil {
		// -xx writes paths of descriptors in hex too, in some versions.
		if strings.HasPrefix(fd[2], `\x`) {
			b, err := hex.DecodeString(strings.ReplaceAll(fd[2], `\x`, ""))
			if err != nil {
				return s, err
			}
			fd[2] = string(b)
		}
		fd[2] = strings.TrimSuffix(fd[2], " (deleted)")
	}
	last := func() (int64, error) {
		args := strings.Split(rest[:end], ",")
		return strconv.ParseInt(strings.TrimSpace(args[len(args)-1]), 10, 64)
	}
	switch name {
	case "write":
		if fd == nil || len(words) == 0 {
			return s, nil
		}
		if fd[1] == "1" {
			return step{kind: "ack", text: string(words[0])}, nil
		}
		if p, ok := inside(fd[2]); ok {
			return step{kind: "append", path: p, data: words[0]}, nil
		}
	case "pwrite64":
		p, ok := inside(fd[2])
		if !ok {
			return s, nil
		}
		off, err := last()
		return step{kind: "write", path: p, off: off, data: words[0]}, err
	case "ftruncate", "fallocate":
		p, ok := inside(fd[2])
		if !ok {
			return s, nil
		}
		off, err := last()
		return step{kind: "truncate", path: p, off: off}, err
	case "fsync", "fdatasync":
		p, ok := inside(fd[2])
		if !ok {
			return s, nil
		}
		if info, err := os.Stat(fd[2]); p == "." || err == nil && info.IsDir() {
			return step{kind: "syncdir", path: p}, nil
		}
		return step{kind: "sync", path: p}, nil
	case "openat":
		p, ok := inside(string(words[0]))
		if ok && strings.Contains(rest[:end], "O_CREAT") {
			kind := "create"
			if strings.Contains(rest[:end], "O_TRUNC") {
				kind = "createtrunc"
			}
			return step{kind: kind, path: p}, nil
		}
	case "renameat", "renameat2", "rename":
		a, ok := inside(string(words[0]))
		b, ok2 := inside(string(words[1]))
		if ok && ok2 {
			return step{kind: "rename", path: a, to: b}, nil
		}
	case "unlinkat", "unlink":
		if p, ok := inside(string(words[0])); ok {
			return step{kind: "remove", path: p}, nil
		}
	}
	return s, nil
}
