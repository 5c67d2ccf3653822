package firmware_test

import (
	"testing"

	"tilld/firmware"
	"tilld/firmware/guard"
	"tilld/firmware/slots"
	"tilld/internal/fault"
)

func TestReportHealthy(t *testing.T) {
	b := newBench(t)
	if err := firmware.ReportHealthy(b.data); err != nil || firmware.Guarded() {
		t.Errorf("without a guard: %v", err)
	}
	t.Setenv(guard.EnvGuard, "1")
	t.Setenv(guard.EnvSlot, "")
	if err := firmware.ReportHealthy(b.data); err != nil {
		t.Errorf("the package's version: %v", err)
	}
	b.publish(custom("1.1.0"), "x")
	if _, err := b.update(b.options(b.stick())); err != nil {
		t.Fatal(err)
	}
	t.Setenv(guard.EnvSlot, "a")
	if err := firmware.ReportHealthy(b.data); fault.KindOf(err) != fault.Refused {
		t.Errorf("before its trial: %v, want refused", err)
	}
	if p, ok := firmware.Pending(b.data); !ok || p.Slot != slots.A {
		t.Errorf("Pending = %+v, %v", p, ok)
	}
	d, err := slots.Open(b.data)
	if err != nil {
		t.Fatal(err)
	}
	if _, candidate, err := d.Begin(); !candidate || err != nil {
		t.Fatal(err)
	}
	if _, ok := firmware.Pending(b.data); ok {
		t.Error("a version on trial still waits")
	}
	for range 2 {
		if err := firmware.ReportHealthy(b.data); err != nil {
			t.Error(err)
		}
	}
	if s, damage := firmware.Status(b.data); damage != nil || s.Active == nil || s.Active.Version != "1.1.0" {
		t.Errorf("state %+v, %v", s, damage)
	}
}

// A guard that looks after another data directory never starts what is staged in
// this one, however often the agent ends for it.
func TestMisguided(t *testing.T) {
	data := t.TempDir()
	for _, c := range []struct {
		guarded, dir string
		is           bool
	}{{"", t.TempDir(), false}, {"1", "", false}, {"1", data, false}, {"1", data + "/.", false}, {"1", t.TempDir(), true}, {"1", data + "/gone", true}} {
		t.Setenv(guard.EnvGuard, c.guarded)
		t.Setenv(guard.EnvData, c.dir)
		if other, is := firmware.Misguided(data); is != c.is || is && other != c.dir {
			t.Errorf("guarded %q in %q: %q, %v", c.guarded, c.dir, other, is)
		}
	}
}
