package camera

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tilld/device"
	"tilld/device/devtest"
	"tilld/device/nodeport"
	"tilld/internal/fault"
	"tilld/scanner"
	"tilld/scanner/scannertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// frames is a directory that a test puts frames into.
type frames struct {
	t   testing.TB
	dir string
	n   int
}

func (f *frames) put(img image.Image) { f.file(fmt.Sprintf("%06d.png", f.n), encode(f.t, img)) }

func (f *frames) file(name string, b []byte) {
	f.n++
	hidden := filepath.Join(f.dir, ".new")
	if err := os.WriteFile(hidden, b, 0o600); err != nil {
		f.t.Error(err)
	}
	if err := os.Rename(hidden, filepath.Join(f.dir, name)); err != nil {
		f.t.Error(err)
	}
}

func encode(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func open(t testing.TB, dir, options string) scanner.Scanner {
	t.Helper()
	p, err := nodeport.OpenFile(t.Context(), &url.URL{Scheme: "file", Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), p, device.Spec{Name: "scanner-1", Options: json.RawMessage(options)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	scannertest.Scanner(t, func(t *testing.T) (scanner.Scanner, scannertest.Reader) {
		f := &frames{t: t, dir: t.TempDir()}
		return open(t, f.dir, `{"formats": ["qr"]}`), scannertest.Reader{
			Scan: func(s string) { f.put(code(t, qr, s, 2)) },
			Tear: func(s string) {
				g := code(t, qr, s, 2)
				f.put(g.SubImage(image.Rect(0, 0, g.Rect.Dx(), g.Rect.Dy()/2)))
			},
			Silence: func() {},
			Unplug: func() {
				if err := os.RemoveAll(f.dir); err != nil {
					t.Error(err)
				}
			},
		}
	})
}

// run has the driver read the directory until it has found n codes.
func run(t *testing.T, s scanner.Scanner, n int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var got []string
	err := s.Run(ctx, func(sc scanner.Scan) {
		if got = append(got, string(sc.Data)); len(got) == n {
			cancel()
		}
	})
	if err != context.Canceled {
		t.Errorf("Run = %v after %q", err, got)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	return got
}

func TestDirectoryInOrderOfNames(t *testing.T) {
	f := &frames{t: t, dir: t.TempDir()}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, scene(800, 600, code(t, ean, "6901234567892", 3), 0, 5, 1), nil); err != nil {
		t.Fatal(err)
	}
	f.file("b.JPG", b.Bytes())
	f.file("c.png", encode(t, code(t, qr, "third", 3)))
	f.file("a.png", encode(t, code(t, dm, "first", 4)))
	f.file("readme.txt", []byte("no frame"))
	f.file("d.png", encode(t, code(t, c128, "fourth", 2)))
	if err := os.Mkdir(filepath.Join(f.dir, "e.png"), 0o700); err != nil {
		t.Fatal(err)
	}
	got := run(t, open(t, f.dir, `{}`), 4)
	if want := "[first 6901234567892 third fourth]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Files that come later, files that are written slowly, files that are no frames.
func TestDirectoryThatChanges(t *testing.T) {
	f := &frames{t: t, dir: t.TempDir()}
	s := open(t, f.dir, `{}`)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got, ended := make(chan string, 10), make(chan error, 1)
	go func() { ended <- s.Run(ctx, func(sc scanner.Scan) { got <- string(sc.Data) }) }()
	next := func(want string) {
		t.Helper()
		select {
		case have := <-got:
			if have != want {
				t.Errorf("got %q, want %q", have, want)
			}
		case err := <-ended:
			t.Fatal(err)
		case <-time.After(60 * time.Second):
			t.Fatalf("%q does not come", want)
		}
	}
	f.put(code(t, qr, "one", 3))
	next("one")
	f.put(code(t, qr, "two", 3))
	next("two")
	half := encode(t, code(t, qr, "three", 3))
	slow := filepath.Join(f.dir, "slow.png")
	if err := os.WriteFile(slow, half[:len(half)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	f.file("never.png", []byte("this is no picture"))
	f.put(code(t, qr, "four", 3))
	next("four")
	if err := os.WriteFile(slow, half, 0o600); err != nil {
		t.Fatal(err)
	}
	next("three")
	if err := os.Remove(slow); err != nil {
		t.Fatal(err)
	}
	f.put(code(t, qr, "five", 3))
	next("five")
	cancel()
	if err := <-ended; err != context.Canceled {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestVotesInADirectory(t *testing.T) {
	f := &frames{t: t, dir: t.TempDir()}
	for _, text := range []string{"1", "2", "1", "1", "3", "3"} {
		f.put(code(t, qr, text, 3))
	}
	if got := run(t, open(t, f.dir, `{"votes": 2, "window": 3, "repeat_ms": 60000}`), 2); fmt.Sprint(got) != "[1 3]" {
		t.Errorf("got %v", got)
	}
}

func TestNoPicturesAreAFault(t *testing.T) {
	f := &frames{t: t, dir: t.TempDir()}
	old := time.Now().Add(-time.Hour)
	for i := range 60 {
		f.file(fmt.Sprintf("%d.png", i), []byte("this is no picture"))
		if err := os.Chtimes(filepath.Join(f.dir, fmt.Sprintf("%d.png", i)), old, old); err != nil {
			t.Fatal(err)
		}
	}
	err := open(t, f.dir, `{}`).Run(t.Context(), func(scanner.Scan) {})
	if fault.KindOf(err) != fault.Protocol || fault.HintOf(err) == "" {
		t.Errorf("%v, want kind protocol with a hint", err)
	}
}

// A picture that says it is huge costs nothing.
func TestPictureBombs(t *testing.T) {
	b := encode(t, image.NewGray(image.Rect(0, 0, 30_000, 1000)))
	file := filepath.Join(t.TempDir(), "bomb.png")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	allocs := testing.AllocsPerRun(1, func() {
		if img, wait := load(file); img != nil || wait {
			t.Error("a picture of 30 megapixels is taken")
		}
	})
	if allocs > 1000 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, options := range []string{
		`{"format": []}`, `{"formats": []}`, `{"formats": ["pdf417"]}`, `{"fps": 0}`, `{"fps": 31}`, `{"width": 1}`, `{"height": 9999}`,
		`{"max_pixels": 1}`, `{"max_pixels": 99000000}`, `{"votes": 6}`, `{"votes": -1}`, `{"window": 0}`, `{"window": 31}`,
		`{"repeat_ms": -1}`, `{"encoding": "big5"}`,
	} {
		if err := Check(device.Spec{Name: "scanner-1", Options: json.RawMessage(options)}); fault.KindOf(err) != fault.Config {
			t.Errorf("%s: %v, want kind config", options, err)
		}
	}
	if got := strings.Join(Defaults.Formats, " "); got != formats {
		t.Errorf("the defaults are %q now", got)
	}
	if _, err := Open(t.Context(), nil, device.Spec{Name: "scanner-1"}); fault.KindOf(err) != fault.Config {
		t.Errorf("no address: %v", err)
	}
	if _, err := Open(t.Context(), new(devtest.Recorder), device.Spec{Name: "scanner-1"}); fault.KindOf(err) != fault.Config {
		t.Errorf("a serial line: %v", err)
	}
}
