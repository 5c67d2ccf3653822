package atlas

import (
	"slices"
	"testing"
)

// Every block of what is in the program unpacks.
func TestEveryBlockUnpacks(t *testing.T) {
	set, err := open(packed)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(set.frames) - 1 {
		if _, err := set.block(i); err != nil {
			t.Fatal(err)
		}
		if len(set.blocks) > maxBlocks {
			t.Fatalf("%d blocks kept, want at most %d", len(set.blocks), maxBlocks)
		}
	}
}

func TestDamagedAtlas(t *testing.T) {
	for _, n := range []int{0, 7, 9, 10, 40, 600, len(packed) - 1} {
		if _, err := open(packed[:n]); err == nil {
			t.Errorf("opened with %d of %d bytes", n, len(packed))
		}
	}
	if _, err := open(append(slices.Clone(packed), 0)); err == nil {
		t.Error("opened with a byte too many")
	}
	bad := slices.Clone(packed)
	bad[len(magic)+2+4*len(mustOpen(t).frames)+30] ^= 0x40 // in the table
	if _, err := open(bad); err == nil {
		t.Error("opened with a damaged table")
	}
	bad = slices.Clone(packed)
	bad[len(bad)-5] ^= 0x40 // in the last block, which has the bold letters
	set, err := open(bad)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := set.block(len(set.frames) - 2); err == nil {
		t.Error("a damaged block unpacked")
	}
}

func mustOpen(t *testing.T) *Set {
	t.Helper()
	set, err := open(packed)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func BenchmarkBlock(b *testing.B) {
	set, err := open(packed)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		clear(set.blocks)
		if _, err := set.block(i % (len(set.frames) - 1)); err != nil {
			b.Fatal(err)
		}
	}
}
