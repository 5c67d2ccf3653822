package escpos_test

import (
	"bytes"
	"image/png"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tilld/printer"
	"tilld/printer/escpos"
	"tilld/printer/printertest"
)

// listen serves a machine on a TCP port as a network printer does, one client at
// a time. ended gets a value when a connection is over and all of it printed.
func listen(t *testing.T, m *printertest.Machine) (address string, ended <-chan struct{}) {
	t.Helper()
	over := make(chan struct{}, 10)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			<-m.Attach(c)
			over <- struct{}{}
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().String(), over
}

// The whole way over a real socket, and codes that two programs of other authors
// read from the paper.
func TestOverTCP(t *testing.T) {
	m := &printertest.Machine{Chinese: true, RealTime: true, InOrder: true, ProcessID: true, Reports: true}
	address, _ := listen(t, m)
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	d, err := escpos.Open(t.Context(), c, spec("epson-tm-t20", "chinese", "gbk"))
	if err != nil {
		t.Fatal(err)
	}
	doc := append(receipt()[:4:4], printer.Barcode{Symbology: "ean13", Data: "690123456789", HRI: true}, printer.Cut{})
	start := time.Now()
	r, err := d.Print(t.Context(), "job", doc)
	if err != nil || r.Evidence != printer.ProcessID {
		t.Fatalf("Print = %+v, %v", r, err)
	}
	t.Logf("printed and confirmed in %v", time.Since(start))
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, m.Paper()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "paper.png")
	if err := os.WriteFile(file, picture.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, argv := range [][]string{
		{"zbarimg", "--nodbus", "-q", "--raw", file},
		{"ZXingReader", "-1", "-fast", file},
	} {
		out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput()
		if err != nil && argv[0] == "zbarimg" {
			t.Fatalf("%v: %v: %s", argv, err, out)
		}
		for _, want := range []string{"https://example.cn/j/1", "6901234567892"} {
			if argv[0] == "ZXingReader" && want == "6901234567892" {
				continue // it reports one code a picture
			}
			if !strings.Contains(string(out), want) {
				t.Errorf("%s reads %q, want %q in it", argv[0], out, want)
			}
		}
	}
}

// A socket that was closed while status bytes lay unread must not lose the job.
func TestCloseKeepsTheJob(t *testing.T) {
	for range 5 {
		m := &printertest.Machine{Chinese: true, RealTime: true, Reports: true}
		address, ended := listen(t, m)
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		d, err := escpos.Open(t.Context(), c, spec("epson-tm-t20", "chinese", "gbk", "confirm", "none"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Print(t.Context(), "job", printer.Doc{printer.Text{Line: "one"}, printer.Cut{}}); err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		<-ended
		if m.Cuts() != 1 {
			t.Fatalf("the job is lost: %q", m.Lines())
		}
	}
}
