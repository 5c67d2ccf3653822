package slots_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"tilld/firmware/slots"
)

// power is a disk that loses what was not synced: at the step `at` it stops,
// tears every file that was written and not synced, and, if undo is set, takes
// back renames and removals whose directory was not synced.
type power struct {
	t     *testing.T
	at    int
	undo  bool
	count int
	op    string // the step that is being done
	path  string
	dirty map[string]bool
	open  map[string]func() // takes back the change of a name
	order []string
	done  string // what life has been promised so far
}

type cut struct{}

func (p *power) step(op, path string) {
	p.finish()
	p.count++
	if p.count == p.at {
		p.lose()
		panic(cut{})
	}
	p.op, p.path = op, path
	if op == "rename" || op == "remove" {
		old, err := os.ReadFile(path)
		p.order = append(p.order, path)
		p.open[path] = func() {
			if err != nil {
				os.Remove(path)
			} else if err := os.WriteFile(path, old, 0o700); err != nil {
				p.t.Error(err)
			}
		}
	}
}

// finish is what the step before has done by now.
func (p *power) finish() {
	switch p.op {
	case "write":
		p.dirty[p.path] = true
	case "sync":
		delete(p.dirty, p.path)
	case "rename": // what was not synced is not synced under its new name
		for from := range maps.Clone(p.dirty) {
			if _, err := os.Stat(from); os.IsNotExist(err) {
				delete(p.dirty, from)
				p.dirty[p.path] = true
			}
		}
	case "syncdir":
		clear(p.open)
		p.order = nil
	}
	p.op = ""
}

func (p *power) lose() {
	if p.undo {
		for _, path := range slices.Backward(p.order) {
			if f := p.open[path]; f != nil {
				f()
			}
		}
	}
	for path := range maps.Keys(p.dirty) {
		if info, err := os.Stat(path); err == nil {
			if err := os.Truncate(path, info.Size()/2); err != nil {
				p.t.Error(err)
			}
		}
	}
}

// life is one whole update, from staging to confirmation.
func life(d *slots.Dir, p *power) (err error) {
	program := []byte("the second version")
	slot, part, err := d.Prepare(sum(program))
	if err != nil {
		return err
	}
	p.step("write", part)
	if err := os.WriteFile(part, program, 0o600); err != nil {
		return err
	}
	b := slots.Build{Slot: slot, Version: "1.1.0", SHA256: sum(program), Size: int64(len(program))}
	if err := d.Stage(b, part); err != nil {
		return err
	}
	if err := d.Activate(b); err != nil {
		return err
	}
	p.done = "activated"
	if _, candidate, err := d.Begin(); err != nil || !candidate {
		return fmt.Errorf("candidate %v: %w", candidate, err)
	}
	if _, err = d.Confirm(slot); err != nil {
		return err
	}
	p.done = "confirmed"
	p.step("end", "") // the last promise is put to the test too
	return nil
}

// cutAt runs a life that ends at step n. It reports false when it did not get
// that far.
func cutAt(t *testing.T, dir string, n int, undo bool) (p *power, cutOff bool) {
	d := open(t, dir)
	p = &power{t: t, at: n, undo: undo, dirty: map[string]bool{}, open: map[string]func(){}}
	d.OnStep(p.step)
	defer func() {
		switch r := recover().(type) {
		case nil:
		case cut:
			cutOff = true
		default:
			panic(r)
		}
	}()
	if err := life(d, p); err != nil {
		t.Errorf("cut at %d: %v", n, err)
	}
	return p, false
}

// After a power cut at any step there is a whole version to start, the old one
// is whole until the new one is confirmed, and the update can be done again.
func TestPowerCutAtEveryStep(t *testing.T) {
	for _, undo := range []bool{false, true} {
		for n := 1; ; n++ {
			dir := t.TempDir()
			d := open(t, dir)
			old := must(stage(d, "1.0.0", []byte("the first version")))(t)
			d.Begin()
			must(d.Confirm(old.Slot))(t)

			p, cutOff := cutAt(t, dir, n, undo)
			if !cutOff {
				if n < 20 {
					t.Fatalf("only %d steps", n)
				}
				t.Logf("undo %v: %d steps", undo, n-1)
				break
			}
			d = open(t, dir)
			s, damage := d.Load()
			where := fmt.Sprintf("cut at step %d, undo %v, damage %v", n, undo, damage)
			waits := s.Candidate != nil && s.Candidate.Version == "1.1.0" && d.Verify(*s.Candidate) == nil
			if p.done == "activated" && !waits && s.Active.Version != "1.1.0" || p.done == "confirmed" && s.Active.Version != "1.1.0" {
				t.Errorf("%s: it was %s, but that is lost: %+v", where, p.done, s)
			}
			switch {
			case s.Active == nil:
				t.Fatalf("%s: nothing is active: %+v", where, s)
			case s.Active.Version == "1.0.0":
				if err := d.Verify(old); err != nil {
					t.Errorf("%s: %v", where, err)
				}
			case s.Active.Version != "1.1.0" || s.Candidate != nil:
				t.Errorf("%s: %+v", where, s)
			}
			if err := d.Verify(*s.Active); err != nil {
				t.Errorf("%s: %v", where, err)
			}
			if s.Active.Version == "1.0.0" {
				if s, candidate, err := d.Begin(); err != nil {
					t.Errorf("%s: start: %v", where, err)
				} else if candidate {
					if err := d.Verify(*s.Candidate); err != nil {
						t.Errorf("%s: %v", where, err)
					}
					if err := d.Refund(); err != nil {
						t.Error(err)
					}
				}
				p := &power{t: t, dirty: map[string]bool{}, open: map[string]func(){}}
				if err := life(d, p); err != nil {
					t.Errorf("%s: once more: %v", where, err)
				}
			}
			if s := load(t, d); s.Active == nil || s.Active.Version != "1.1.0" {
				t.Errorf("%s: in the end %+v", where, s)
			}
		}
	}
}
