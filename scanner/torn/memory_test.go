package torn_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"tilld/device"
	"tilld/internal/fault"
	"tilld/scanner/code"
	"tilld/scanner/torn"
)

const ean, other = "6901234567892", "6909999999996"

var spec = device.Spec{Name: "scanner-1", Driver: "line", Address: "serial:///dev/ttyACM0"}

// killed is a life of the agent that ends with half held, or given up.
func killed(dir, half string, givenUp bool) {
	m := torn.New(torn.Options{Dir: dir})
	defer m.Close() // changes nothing: only the files are closed
	t := m.Take(spec)
	if t.Hold([]byte(half), false, time.Now()); givenUp {
		t.Begin([]byte(half), time.Now())
		t.Hold(nil, false, time.Now())
	}
}

// believed says what the next life makes of a code.
func believed(dir string, s device.Spec, code string) bool {
	m := torn.New(torn.Options{Dir: dir})
	defer m.Close()
	t := m.Take(s)
	return t.Believe([]byte(code), false, time.Now())
}

func TestKilledInTheMiddle(t *testing.T) {
	for _, c := range []struct {
		name, half, next string
		want             bool
	}{
		{"the rest of a GTIN with its AI", "01", "06901234567892", false},
		{"the rest of an EAN", "690123", "4567892", false},
		{"a whole EAN", "690123", other, true},
		{"the rest of an address", "https://shop.example/", "96385074", false},
		{"an address", "https://sh", "https://shop.example/1", true},
		{"the rest of an auth code", "134567890", "96385074", false},
		{"the rest of a serial number", "69012", ean, false},
		{"the rest of a long number", "69012345678901", ean, false},
		{"a text", "690123", "M:1234", false},
		{"nothing was held", "", "4567892", true},
		{"a cable plugged in", "\xff\x00", "42", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, givenUp := range []bool{false, true} {
				dir := t.TempDir()
				killed(dir, c.half, givenUp)
				if got := believed(dir, spec, c.next); got != c.want {
					t.Errorf("given up %v: %q, then %q: believed %v", givenUp, c.half, c.next, got)
				}
			}
		})
	}
}

// What comes to the next life in pieces is judged as a whole too.
func TestKilledThenTorn(t *testing.T) {
	dir := t.TempDir()
	killed(dir, "69", false)
	m := torn.New(torn.Options{Dir: dir})
	defer m.Close()
	tear := m.Take(spec)
	if tear.Begin([]byte("01"), time.Now()); tear.Believe([]byte("96385074"), false, time.Now()) {
		t.Error("the last of three pieces of a UPC is believed")
	}
}

// Wherever a code with a check digit or a rule is cut by the agent's death, its
// rest is not believed; nor when it comes in two pieces, one to each life. What
// is read whole after half an EAN is, if the two are not as long as a serial number.
func TestKilledAnywhere(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.OneOf(
			rapid.StringMatching(`[0-9]{7}|[0-9]{11,13}|[0-9]{16,17}`), rapid.StringMatching(`(01|02|414)[0-9]{12,13}`)).Draw(t, "number")
		whole += string(code.CheckDigit(whole))
		whole = rapid.OneOf(rapid.Just(whole), rapid.StringMatching(`1[0-5][0-9]{16}|2[5-9][0-9]{14,22}|62[0-9]{17}|[A-Z0-9:]{0,20}[A-Z][A-Z0-9:]{0,60}`)).Draw(t, "code")
		if len(whole) < 2 {
			return
		}
		at := rapid.IntRange(1, len(whole)-1).Draw(t, "cut at")
		os.RemoveAll(dir) // of the lives before
		killed(dir, whole[:at], rapid.Bool().Draw(t, "given up"))
		m := torn.New(torn.Options{Dir: dir})
		defer m.Close()
		tear := m.Take(spec)
		rest, more := whole[at:], rapid.IntRange(0, len(whole)-at-1).Draw(t, "more")
		if more > 0 {
			tear.Begin([]byte(rest[:more]), time.Now())
			tear.Hold(nil, false, time.Now())
		}
		known := len(whole) != 15 || code.DefaultRules().Classify(code.AwaitingPayment, "", []byte(whole)).Kind != code.Product
		if tear.Believe([]byte(rest[more:]), false, time.Now()) && known && !repeats(whole, at, more) {
			t.Fatalf("%q, killed, %q, then %q was believed", whole[:at], rest[:more], rest[more:])
		}
		half := "69" + rapid.StringMatching(`[0-9]{0,10}`).Draw(t, "half of an EAN")
		os.RemoveAll(dir) // of the lives before
		killed(dir, half, rapid.Bool().Draw(t, "that given up"))
		if n := len(half) + 13; believed(dir, spec, ean) != (n != 17 && n != 18) {
			t.Fatalf("%q, killed, then a whole EAN is judged wrongly", half)
		}
	})
}

// repeats reports whether a rest begins like the piece before it.
func repeats(whole string, at, more int) bool {
	return more >= 6 && strings.HasPrefix(whole[at+more:], whole[at:at+more])
}

// Of a code's characters nothing is left: codes that are cut alike leave the same.
func TestNoteHasNoCharacters(t *testing.T) {
	note := func(half string) []byte {
		dir := t.TempDir()
		killed(dir, half, false)
		b, err := os.ReadFile(filepath.Join(dir, spec.Name))
		if err != nil {
			t.Fatal(err)
		}
		if len(half) > 1 && bytes.Contains(b, []byte(half)) {
			t.Errorf("the note has %q in it", half)
		}
		// Without checksum and time.
		return append(append([]byte{}, b[12:20]...), b[36:]...)
	}
	for _, pair := range [][2]string{{"134567", "135678"}, {"690123", "697777"}, {"134567890123", "109876543210"}, {"https://a", "M:9876543"}} {
		if a, b := note(pair[0]), note(pair[1]); !bytes.Equal(a, b) {
			t.Errorf("%q and %q leave different notes\n%x\n%x", pair[0], pair[1], a, b)
		}
	}
}

func TestAnotherDeviceIsInNoDoubt(t *testing.T) {
	dir := t.TempDir()
	killed(dir, "690123", false)
	moved, second := spec, spec
	moved.Address, second.Name = "serial:///dev/ttyACM1", "scanner-2"
	if !believed(dir, moved, "4567892") || !believed(dir, second, "4567892") {
		t.Error("another device's code is doubted")
	}
}

// A file that is damaged or cannot be written costs the note, never the scanner.
func TestNoteThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, spec.Name)
	for name, spoil := range map[string]func(){
		"garbage": func() { os.WriteFile(file, []byte(strings.Repeat("garbage", 30)), 0o600) },
		"short":   func() { os.WriteFile(file, []byte("tilltorn"), 0o600) },
		"empty":   func() { os.WriteFile(file, nil, 0o600) },
		"absent":  func() { os.Remove(file) },
		"a flipped bit": func() {
			killed(dir, "690123", false)
			b, _ := os.ReadFile(file)
			b[len(b)-1] ^= 0x80
			os.WriteFile(file, b, 0o600)
		},
		"a folder": func() { os.RemoveAll(file); os.Mkdir(file, 0o700) },
		"no room":  func() { os.RemoveAll(file); os.Symlink("/dev/full", file) },
	} {
		t.Run(name, func(t *testing.T) {
			os.RemoveAll(file)
			spoil()
			m := torn.New(torn.Options{Dir: dir})
			defer m.Close()
			tear := m.Take(spec)
			if !tear.Believe([]byte("42"), false, time.Now()) {
				t.Error("the first code is doubted")
			}
			tear.Hold([]byte("690123"), false, time.Now())
			tear.Begin([]byte("690123"), time.Now())
			if tear.Believe([]byte("4567892"), false, time.Now()) {
				t.Error("the rest is believed within one life")
			}
		})
	}
}

// The chain's own rules name its own numbers.
func TestRulesOfTheChain(t *testing.T) {
	c := code.DefaultConfig()
	c.Member, c.InStore = []string{`[0-9]{19}`}, []string{"77IIIIIWWWWWAAAAAAC"}
	rules, err := code.Compile(c)
	if err != nil {
		t.Fatal(err)
	}
	label := "771234500735000995"
	label += string(code.CheckDigit(label))
	for _, c := range []struct {
		rules *code.Rules
		want  bool
	}{{nil, true}, {&rules, false}} {
		for _, half := range []string{"880123", label[:6]} {
			m := torn.New(torn.Options{Rules: c.rules, Dir: t.TempDir()})
			tear := m.Take(spec)
			tear.Begin([]byte(half), time.Now())
			if got := tear.Believe([]byte(ean), false, time.Now()); got != c.want {
				t.Errorf("%q, then %q is believed: %v, want %v", half, ean, got, c.want)
			}
			m.Close()
		}
	}
}

// A number without a rule that was read whole is known when it is torn.
func TestLearnsNumbers(t *testing.T) {
	m := torn.New(torn.Options{})
	tear := m.Take(spec)
	after := func(half string) bool {
		tear.Begin([]byte(half), time.Now())
		return tear.Believe([]byte(ean), false, time.Now())
	}
	if !after("7701234") {
		t.Error("doubted before any was read")
	}
	if !tear.Believe([]byte("77012340000000000042"), false, time.Now()) {
		t.Error("a whole one is doubted")
	}
	if after("7709999") {
		t.Error("the end of one like it is believed")
	}
	if !after("6909999") || !after("770999") {
		t.Error("half an EAN is taken for one, or a half of another length")
	}
}

// It is known for good, over the agent's end and whatever became of the file.
func TestKindsAreKept(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, ".kinds")
	read := func(numbers ...string) {
		t.Helper()
		m := torn.New(torn.Options{Dir: dir})
		defer m.Close()
		for tear := m.Take(spec); len(numbers) > 0; numbers = numbers[1:] {
			if !tear.Believe([]byte(numbers[0]), false, time.Now()) {
				t.Errorf("%s is doubted", numbers[0])
			}
		}
	}
	after := func(half string) bool {
		m := torn.New(torn.Options{Dir: dir})
		defer m.Close()
		tear := m.Take(spec)
		tear.Begin([]byte(half), time.Now())
		return tear.Believe([]byte(ean), false, time.Now())
	}
	read("77012340000000000042", "77012340000000000059", "881234567", "6901234567892", "134567890123456789", "M:12345678")
	if b, err := os.ReadFile(file); err != nil || string(b) != "20 77\n9 88\n" {
		t.Errorf("kept is %q, %v", b, err)
	}
	if after("7709999") || !after("6909999") {
		t.Error("the next life judges by another memory")
	}
	for name, spoil := range map[string]func() error{
		"cut off": func() error { return os.WriteFile(file, []byte("9 88\n20 7"), 0o600) },
		"garbage": func() error {
			return os.WriteFile(file, bytes.Repeat([]byte("20 7x\n999999999 77\n\xff \x00"), 5000), 0o600)
		},
		"one line": func() error { return os.WriteFile(file, bytes.Repeat([]byte("7"), 1<<20), 0o600) },
		"a folder": func() error { return os.Mkdir(file, 0o700) },
		"no file":  func() error { return os.Symlink("/dev/full", file) },
		"absent":   func() error { return nil },
	} {
		if err := errors.Join(os.RemoveAll(file), spoil()); err != nil {
			t.Fatal(err)
		}
		if !after("7709999") {
			t.Errorf("%s: knows what it never read", name)
		}
		read("77012340000000000042")
		m := torn.New(torn.Options{Dir: dir})
		if tear := m.Take(spec); tear.Believe([]byte("77012340000000000042"), false, time.Now()) {
			tear.Begin([]byte("7709999"), time.Now())
			if tear.Believe([]byte(ean), false, time.Now()) {
				t.Errorf("%s: not known within a life", name)
			}
		}
		m.Close()
	}
}

// The price book knows what goods there are: the end of a number that nothing
// names is believed only if it is one of them, and the whole is none.
func TestPriceBook(t *testing.T) {
	const half = "7701234"
	for _, c := range []struct {
		name   string
		sold   []string
		killed bool
		want   bool
	}{
		{name: "no price book", want: true},
		{name: "an article", sold: []string{ean}, want: true},
		{name: "no article", sold: []string{other}},
		{name: "both are articles", sold: []string{ean, half + ean}},
		{name: "an article after a kill", sold: []string{ean}, killed: true, want: true},
		{name: "no article after a kill", sold: []string{other}, killed: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			sold := func(number string) (bool, bool) { return slices.Contains(c.sold, number), c.sold != nil }
			if c.killed {
				killed(dir, half, false)
			}
			m := torn.New(torn.Options{Dir: dir, Sold: sold})
			defer m.Close()
			tear := m.Take(spec)
			if !c.killed {
				tear.Begin([]byte(half), time.Now())
			}
			if got := tear.Believe([]byte(ean), false, time.Now()); got != c.want {
				t.Errorf("%q, then %q: believed %v", half, ean, got)
			}
			if !tear.Believe([]byte(ean), false, time.Now()) {
				t.Error("doubted twice")
			}
		})
	}
}

// A life that was left behind, its driver hanging, does not write over the next.
func TestLeftBehind(t *testing.T) {
	dir := t.TempDir()
	m := torn.New(torn.Options{Dir: dir})
	old := m.Take(spec)
	old.Hold([]byte("69"), false, time.Now())
	tear := m.Take(spec)
	tear.Hold([]byte("690123"), false, time.Now())
	old.Hold(nil, false, time.Now())
	m.Keep(old, nil)
	m.Close()
	if believed(dir, spec, "4567892") {
		t.Error("the note of the new life is gone")
	}
}

// How long there is no port does not count; how long there is one does.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := torn.New(torn.Options{})
		for _, c := range []struct {
			away time.Duration
			why  error
			want bool
		}{
			{time.Minute, nil, false},
			{time.Hour, nil, true},
			{time.Second, fault.New(fault.Protocol, "scanner-1", "read", os.ErrInvalid), true},
		} {
			tear := m.Take(spec)
			tear.Begin([]byte("690123"), time.Now())
			time.Sleep(time.Second)
			m.Keep(tear, c.why)
			time.Sleep(c.away)
			if tear = m.Take(spec); tear.Believe([]byte("4567892"), false, time.Now()) != c.want {
				t.Errorf("%v without a port after %v: judged wrongly", c.away, c.why)
			}
		}
		tear := m.Take(spec)
		tear.Begin([]byte("690123"), time.Now())
		time.Sleep(torn.For)
		if !tear.Believe([]byte("4567892"), false, time.Now()) {
			t.Error("doubted for ever")
		}
	})
}

// A doubt that has passed is no doubt of the next life.
func TestNoteIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		m := torn.New(torn.Options{Dir: dir})
		tear := m.Take(spec)
		for range 3 {
			tear.Hold([]byte("690123"), false, time.Now())
			tear.Begin([]byte("690123"), time.Now())
			tear.Hold(nil, false, time.Now())
			time.Sleep(2 * torn.For)
		}
		if believed(dir, spec, "4567892") {
			t.Error("the third half is not noted")
		}
		tear.Hold([]byte("690123"), false, time.Now())
		tear.Begin([]byte("690123"), time.Now())
		tear.Hold(nil, false, time.Now())
		time.Sleep(4 * torn.For)
		synctest.Wait()
		if !believed(dir, spec, "4567892") {
			t.Error("a code is doubted long after")
		}
		m.Close()
	})
}

// Whoever scanned is told that it does not count, once for a half and once for
// its rest.
func TestTells(t *testing.T) {
	var told []string
	m := torn.New(torn.Options{Torn: func(name string) { told = append(told, name) }})
	tear := m.Take(spec)
	tear.Begin([]byte("\xff"), time.Now())
	tear.Believe([]byte(ean), false, time.Now())
	if len(told) != 0 {
		t.Errorf("told %q of a cable that was plugged in", told)
	}
	tear.Begin([]byte("690123"), time.Now())
	tear.Believe([]byte("4567892"), false, time.Now())
	if len(told) != 2 || told[1] != spec.Name {
		t.Errorf("told %q", told)
	}
}
