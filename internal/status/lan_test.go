package status

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// lanFiles makes a certificate, a key and a PIN.
func lanFiles(t *testing.T) LAN {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	from := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, from, from, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	o := LAN{Listen: "127.0.0.1:0", TLSCert: filepath.Join(dir, "crt"), TLSKey: filepath.Join(dir, "key"), PINFile: filepath.Join(dir, "pin")}
	for path, body := range map[string][]byte{
		o.TLSCert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		o.TLSKey:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		o.PINFile: []byte("284719\n"),
	} {
		if err := os.WriteFile(path, body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// The LAN page shows how the till stands and nothing else: no action route, no
// addresses, no sales, no names of cashiers.
func TestLANPage(t *testing.T) {
	b := newBench(t, withScreen, func(o *Options) { o.LAN = lanFiles(t) })
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}} // its own certificate
	ask := func(method, path, pin string, headers ...string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, "https://"+b.lan.listener.Addr().String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if pin != "" {
			req.SetBasicAuth("tilld", pin)
		}
		for i := 0; i+1 < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.Header.Get("Content-Security-Policy") == "" || len(resp.Cookies()) > 0 {
			t.Errorf("%s: headers %v", path, resp.Header)
		}
		return resp.StatusCode, string(body)
	}
	if code, _ := ask("GET", "/", ""); code != 401 {
		t.Errorf("without PIN: %d", code)
	}
	code, page := ask("GET", "/", "284719", "Accept-Language", "en")
	if code != 200 || !strings.Contains(page, "printer-1") || !strings.Contains(page, "Not there") {
		t.Fatalf("%d %s", code, page)
	}
	for _, secret := range []string{"192.168.1.87", "mqtts://", "/dev/tty", "25.00", "01JD", "<button", "<script", "<form", b.token} {
		if strings.Contains(page, secret) {
			t.Errorf("the LAN page shows %q", secret)
		}
	}
	golden := map[string]bool{"/": true, "/page/status.css": true, "/page/icon.svg": true}
	for _, r := range b.routes {
		path := concrete(r.path)
		code, _ := ask(r.method, path, "284719", "Authorization-Of-API", b.token)
		if want := r.method == http.MethodGet && golden[path]; (code == 200) != want {
			t.Errorf("%s %s on the LAN: %d", r.method, path, code)
		}
	}
	if code, _ := ask("GET", "/", "284719", "Sec-Fetch-Site", "cross-site"); code != 403 {
		t.Errorf("from a foreign page: %d", code)
	}
	for range lanTries {
		if code, _ := ask("GET", "/", "000000"); code != 401 {
			t.Errorf("wrong PIN: %d", code)
		}
	}
	if code, _ := ask("GET", "/", "284719"); code != 429 {
		t.Errorf("after %d wrong PINs: %d", lanTries, code)
	}
	b.lan.pin.mu.Lock()
	b.lan.pin.now = func() time.Time { return time.Now().Add(lanPause + time.Minute) }
	b.lan.pin.mu.Unlock()
	if code, _ := ask("GET", "/", "284719"); code != 200 {
		t.Errorf("after the pause: %d", code)
	}
	client.CloseIdleConnections()
}

func TestLANSettings(t *testing.T) {
	b := newBench(t)
	for name, spoil := range map[string]func(*LAN){
		"no certificate": func(o *LAN) { o.TLSCert = "" },
		"no key":         func(o *LAN) { o.TLSKey = o.TLSCert },
		"no PIN":         func(o *LAN) { o.PINFile += "x" },
		"short PIN":      func(o *LAN) { os.WriteFile(o.PINFile, []byte("1234"), 0o600) },
		"open PIN":       func(o *LAN) { os.Chmod(o.PINFile, 0o644) },
		"bad address":    func(o *LAN) { o.Listen = "nowhere:x" },
		"taken address":  func(o *LAN) { o.Listen = b.Addr() },
	} {
		o := lanFiles(t)
		spoil(&o)
		if l, err := newLAN(b.Server, o); err == nil {
			l.listener.Close()
			t.Errorf("%s: taken", name)
		}
	}
}
