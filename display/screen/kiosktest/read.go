package kiosktest

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"tilld/internal/unchecked"
)

// Read has an independent reader (ZXing's C++ port) find the QR codes in a
// picture, sorted as it reports them. Without one the test is skipped, saying so.
func Read(t testing.TB, png []byte) string {
	t.Helper()
	return read(t, png, "ZXingReader", "zxing-cpp-tools", "-format", "QRCode")
}

// ReadAgain has a second one (ZBar) do the same.
func ReadAgain(t testing.TB, png []byte) string {
	t.Helper()
	return read(t, png, "zbarimg", "zbar-tools", "-q", "--raw", "--set", "*.enable=0", "--set", "qrcode.enable=1")
}

func read(t testing.TB, png []byte, program, pkg string, args ...string) string {
	t.Helper()
	reader, err := exec.LookPath(program)
	if err != nil {
		unchecked.Skip(t, "%s is not installed (apt-get install %s)", program, pkg)
	}
	f := fmt.Sprintf("%s/shot.png", t.TempDir())
	if err := os.WriteFile(f, png, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(reader, append(args, f)...).CombinedOutput()
	if _, ran := err.(*exec.ExitError); err != nil && !ran {
		t.Fatalf("%s: %v", reader, err)
	}
	return string(out) // a picture without a code is an exit status of zbarimg
}
