package queue

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tilld/internal/unchecked"
)

// The traced child: three callers, each with its own counter and records, whose
// state after n operations is known, so that an image can be compared with it
// wholly and not only for what was acknowledged.
const crashCallers = 3

func crashOptions(dir string) Options {
	return Options{Dir: dir, Seal: sealer, ReserveBytes: 4096, MaxBytes: 16 << 20, Copies: copier()}
}

func crashFaults(mode string) faults {
	f := faults{eager: true, rotate: 48 << 10, alloc: 128 << 10}
	if mode == "nosync" {
		f.noSync = true
		f.openJournal = func(path string, flag int) (file, error) {
			f, err := openOS(path, flag)
			return unsynced{f}, err
		}
	}
	return f
}

type unsynced struct{ file }

func (unsynced) Sync() error { return nil }

// crashChild works in dir and says on its output what was acknowledged. It ends
// without closing the store.
func crashChild(dir, mode string, from, n int) error {
	s, err := openFaulty(context.Background(), crashOptions(dir), crashFaults(mode))
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	for g := range crashCallers {
		from := from
		if from < 0 {
			// Where the process before got to.
			if err := s.View(func(tx *Tx) error {
				v, err := tx.Get(State, fmt.Append(nil, g))
				from, _ = strconv.Atoi(string(v)) // nothing there is 0
				return err
			}); err != nil {
				return err
			}
		}
		wg.Go(func() {
			for i := from + 1; i <= from+n; i++ {
				ack := fmt.Appendf(nil, "ACK %d %d\n", g, i)
				if mode == "early" {
					os.Stdout.Write(ack)
				}
				if err := s.Update(context.Background(), func(tx *Tx) error { return crashOp(tx, g, i) }); err != nil {
					panic(err)
				}
				if mode != "early" {
					os.Stdout.Write(ack)
				}
				if i%7 == 0 && g == 0 {
					last := s.LastSeq()
					h, err := s.Hash(last)
					if err != nil {
						panic(err)
					}
					if err := s.Ack(context.Background(), s.Epoch(), last, last, h); err != nil {
						panic(err)
					}
				}
				if i%9 == 0 && g == 2 {
					c := s.Copies()
					last := c.LastSeq()
					h, err := c.Hash(last)
					if err == nil {
						err = c.Ack(context.Background(), c.Epoch(), last, last, h)
					}
					if err != nil {
						panic(err)
					}
				}
				if i%20 == 0 && g == 1 {
					if err := s.snapshot(); err != nil {
						panic(err)
					}
				}
			}
		})
	}
	wg.Wait()
	return nil
}

// crashOp is operation i of caller g.
func crashOp(tx *Tx, g, i int) error {
	r := rand.New(rand.NewPCG(uint64(g), uint64(i)))
	err := tx.Put(State, fmt.Append(nil, g), fmt.Append(nil, i))
	for k, v := range crashChanges(g, i) {
		if v == "" {
			err = errors.Join(err, tx.Delete(Sales, []byte(k)))
		} else {
			err = errors.Join(err, tx.Put(Sales, []byte(k), []byte(v)))
		}
	}
	_, aerr := tx.Append(Message{
		Type: []string{"tilld.test.v1", copiedType, copiedType}[g], Subject: fmt.Sprint(g),
		Data:     fmt.Appendf(nil, `{"g":%d,"i":%d,"pad":%q}`, g, i, strings.Repeat("p", r.IntN(300))),
		Personal: i%2 == 0,
	})
	return errors.Join(err, aerr)
}

// crashChanges are the records that operation i of g puts, "" = deletes.
func crashChanges(g, i int) map[string]string {
	r := rand.New(rand.NewPCG(uint64(g), uint64(i)))
	c := map[string]string{fmt.Sprintf("%d/%d", g, i%17): fmt.Sprintf("%d:%s", i, strings.Repeat("s", r.IntN(200)))}
	if i%4 == 0 {
		c[fmt.Sprintf("%d/%d", g, (i+5)%17)] = ""
	}
	return c
}

// traceChild runs the child under strace and returns what it did.
func traceChild(t *testing.T, dir, mode string, from, n int) []step {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		unchecked.Skip(t, "strace is not installed (apt-get install strace)")
	}
	out := filepath.Join(t.TempDir(), "trace")
	cmd := exec.Command(strace, "-f", "-y", "-xx", "-s", "4000000", "-o", out,
		"-e", "trace=openat,write,pwrite64,fdatasync,fsync,ftruncate,fallocate,rename,renameat,renameat2,unlink,unlinkat",
		os.Args[0], "crash", dir, mode, strconv.Itoa(from), strconv.Itoa(n))
	var text bytes.Buffer
	cmd.Stderr = &text
	if err := cmd.Run(); err != nil {
		t.Fatalf("strace: %v\n%s", err, text.Bytes())
	}
	steps, err := readTrace(out, dir)
	if err != nil {
		t.Fatal(err)
	}
	return steps
}

// crashResult counts what the images showed.
type crashResult struct {
	images, same int64
	bad          atomic.Int64
	first        atomic.Pointer[string]
}

// powerCuts replays steps and checks images of each point, from the creation of
// the directory on.
func powerCuts(t *testing.T, steps []step, perStep int) *crashResult {
	t.Helper()
	type task struct {
		img   image
		acked [crashCallers]int
		what  string
		deep  bool
	}
	res := &crashResult{}
	tasks := make(chan task, 4)
	var wg sync.WaitGroup
	shm := fastDir(t)
	for w := range 2 {
		wg.Go(func() {
			dir := filepath.Join(shm, strconv.Itoa(w))
			for k := range tasks {
				err := errors.Join(os.RemoveAll(dir), k.img.put(dir))
				if err == nil {
					err = checkImage(dir, k.acked, k.deep)
				}
				if err != nil {
					res.bad.Add(1)
					text := k.what + ": " + err.Error()
					res.first.CompareAndSwap(nil, &text)
				}
			}
		})
	}
	d := newDisk()
	r := rand.New(rand.NewPCG(11, 12))
	seed := maphash.MakeSeed()
	seen := map[uint64]bool{}
	var acked [crashCallers]int
	for i, s := range steps {
		if s.kind == "ack" {
			var g, n int
			if _, err := fmt.Sscanf(s.text, "ACK %d %d", &g, &n); err != nil {
				t.Fatalf("%q: %v", s.text, err)
			}
			acked[g] = n
		}
		d.do(i, s)
		for v := range perStep {
			how := min(v, keepSome)
			img := d.cut(r, how)
			for path := range img {
				// Not looked at by a start that finds no damage.
				if strings.HasPrefix(path, snapshotDir) || path == reserveName || path == lockName {
					delete(img, path)
				}
			}
			var h maphash.Hash
			h.SetSeed(seed)
			fmt.Fprint(&h, acked)
			for _, path := range imageNames(img) {
				fmt.Fprintf(&h, "%s %d ", path, len(img[path]))
				h.Write(img[path])
			}
			if seen[h.Sum64()] {
				res.same++
				continue
			}
			seen[h.Sum64()] = true
			res.images++
			tasks <- task{img, acked, fmt.Sprintf("step %d (%s %s), variant %d, acked %v", i, s.kind, s.path, v, acked), res.images%32 == 0}
		}
	}
	close(tasks)
	wg.Wait()
	return res
}

func imageNames(img image) []string {
	m := map[string]*inode{}
	for k := range img {
		m[k] = nil
	}
	return sortedNames(m)
}

// checkImage opens what a power cut left: every acknowledged operation must be
// there, each caller's records as after one of its operations, the chain whole,
// and nothing may look like damage.
func checkImage(dir string, acked [crashCallers]int, deep bool) error {
	f := crashFaults("")
	f.eager = false
	s, err := openFaulty(context.Background(), crashOptions(dir), f)
	if err != nil {
		return err
	}
	defer s.Close()
	if r := s.Recovered(); r != nil {
		return fmt.Errorf("taken for damage: %+v", *r)
	}
	var at [crashCallers]int
	err = s.View(func(tx *Tx) error {
		have := map[string]string{}
		if err := tx.Range(Sales, nil, nil, func(k, v []byte) (bool, error) { have[string(k)] = string(v); return true, nil }); err != nil {
			return err
		}
		want := map[string]string{}
		for g := range crashCallers {
			v, err := tx.Get(State, fmt.Append(nil, g))
			if err != nil {
				return err
			}
			if v != nil {
				if at[g], err = strconv.Atoi(string(v)); err != nil {
					return err
				}
			}
			if at[g] < acked[g] {
				return fmt.Errorf("LOST: caller %d is at %d, %d was acknowledged", g, at[g], acked[g])
			}
			for i := 1; i <= at[g]; i++ {
				for k, v := range crashChanges(g, i) {
					if v == "" {
						delete(want, k)
					} else {
						want[k] = v
					}
				}
			}
		}
		if len(have) != len(want) {
			return fmt.Errorf("%d records, want %d", len(have), len(want))
		}
		for k, v := range want {
			if have[k] != v {
				return fmt.Errorf("record %s differs", k)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	var next [crashCallers]int
	var prev stored
	total := 0
	err = s.View(func(tx *Tx) error {
		cc := chainCheck{st: &fileState{chain: tx.c[events], hasChain: true, hasMark: true}, deep: deep}
		err := tx.scan(outbox, nil, nil, false, func(key string, e entry) (bool, error) {
			cc.event(key, e)
			var err error
			if prev, err = unpackStored(e.value); err != nil {
				return false, err
			}
			var g, i int
			body, err := s.body(fullKey(outbox, []byte(key)), prev)
			if err != nil {
				return false, err
			}
			_, data, _ := bytes.Cut(body, []byte(`"data":`))
			if _, err := fmt.Sscanf(string(data[:min(len(data), 40)]), `{"g":%d,"i":%d`, &g, &i); err != nil {
				return false, err
			}
			if next[g]++; i != next[g] {
				return false, fmt.Errorf("event %d of caller %d follows %d", i, g, next[g]-1)
			}
			total++
			return true, nil
		})
		cc.end()
		if len(cc.st.found) > 0 {
			return errors.New(describe(cc.st.found))
		}
		if next != at {
			return fmt.Errorf("events %v, states %v", next, at)
		}
		if tx.c[events].last != uint64(total) {
			return fmt.Errorf("%d events, last sequence %d", total, tx.c[events].last)
		}
		return errors.Join(err, checkCopies(tx))
	})
	if err != nil || !deep {
		return err
	}
	// It must also go on: one more operation, a clean end, a whole check.
	if err := s.Update(context.Background(), func(tx *Tx) error { return crashOp(tx, 0, at[0]+1) }); err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	r, err := Check(dir)
	if err == nil && !r.OK {
		err = errors.New("afterwards: " + describe(r.Findings))
	}
	return err
}

func TestPowerCut(t *testing.T) {
	began := time.Now()
	images := int64(0)
	// How many steps a run has depends on how its commits fall together, so runs
	// are added until there are enough images.
	for run := 0; images < 10_000; run++ {
		dir := filepath.Join(t.TempDir(), "d")
		var steps []step
		for range 5 {
			// The next process goes on where the one before ended without a word.
			// What that one did not come to sync is in memory still.
			more := traceChild(t, dir, "", -1, 14)
			for i := range more {
				more[i].from += len(steps)
			}
			steps = append(steps, more...)
		}
		res := powerCuts(t, steps, 20)
		images += res.images
		t.Logf("run %d: %d steps, %d distinct images (%d more were the same), %d bad, after %v",
			run, len(steps), res.images, res.same, res.bad.Load(), time.Since(began).Round(time.Millisecond))
		if res.bad.Load() > 0 {
			t.Fatalf("%d bad images, first: %s", res.bad.Load(), *res.first.Load())
		}
		if res.images < 500 {
			t.Fatalf("only %d images in a run", res.images)
		}
	}
}

// A method that cannot fail proves nothing: without syncs, and with an
// acknowledgement before the commit, it has to find losses.
func TestPowerCutControls(t *testing.T) {
	for _, mode := range []string{"nosync", "early"} {
		t.Run(mode, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "d")
			res := powerCuts(t, traceChild(t, dir, mode, 0, 6), 4)
			if res.bad.Load() == 0 {
				t.Fatalf("0 of %d images are bad: the test cannot see losses", res.images)
			}
			t.Logf("%d of %d images are bad, as they must be; first: %s", res.bad.Load(), res.images, *res.first.Load())
		})
	}
}

// TestKill ends a working process with SIGKILL a hundred times, in every state
// it may be in, and looks after every second time; nothing acknowledged may be
// lost, doubled or out of order.
func TestKill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	r := rand.New(rand.NewPCG(3, 4))
	var acked [crashCallers]int
	for round := range 100 {
		cmd := exec.Command(os.Args[0], "crash", dir, "", "-1", "1000000")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		cmd.Stderr = &text
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Killed after some acknowledgements, and then some.
		lines, n := bufio.NewScanner(out), 0
		stop := 1 + r.IntN(12)
		for lines.Scan() {
			var g, i int
			if _, err := fmt.Sscanf(lines.Text(), "ACK %d %d", &g, &i); err != nil {
				t.Errorf("%q: %v", lines.Text(), err)
			}
			acked[g] = max(acked[g], i)
			if n++; n == stop {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n < stop {
			t.Fatalf("round %d: the child ended by itself after %d: %s", round, n, text.Bytes())
		}
		cmd.Wait() // killed
		if round%2 == 1 {
			if err := checkImage(dir, acked, false); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
	}
	mustCheck(t, dir)
	t.Logf("100 kills, acknowledged %v", acked)
}
