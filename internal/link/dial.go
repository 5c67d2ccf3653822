package link

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"tilld/internal/fault"
	"tilld/internal/plainfile"
)

// connectTimeout bounds TCP, TLS and MQTT handshakes, each.
const connectTimeout = 10 * time.Second

// broker is where the link goes to.
type broker struct {
	address string // host:port
	host    string // for the certificate
	secure  bool
	shown   string // URL without user and password
}

// parseBroker reads cloud.url.
func parseBroker(s string) (broker, error) {
	u, err := url.Parse(s)
	if err != nil {
		var e *url.Error
		if errors.As(err, &e) { // its text would show a password
			err = e.Err
		}
		return broker{}, configFault("cloud.url", err)
	}
	b := broker{host: u.Hostname()}
	port := "1883"
	switch u.Scheme {
	case "mqtt", "tcp":
	case "mqtts", "ssl", "tls":
		b.secure, port = true, "8883"
	default:
		return b, configFault("cloud.url", fmt.Errorf("scheme %q: write mqtt:// or mqtts://", u.Scheme))
	}
	if b.host == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return b, configFault("cloud.url", errors.New("write scheme, host and port only, like mqtts://broker.example:8883"))
	}
	if u.User != nil {
		return b, configFault("cloud.url", errors.New("write the user into cloud.username and the password into the file cloud.password_file"))
	}
	if p := u.Port(); p != "" {
		port = p
	}
	b.address = net.JoinHostPort(b.host, port)
	b.shown = u.Scheme + "://" + b.address
	return b, nil
}

func configFault(key string, err error) error {
	return &fault.Error{Kind: fault.Config, Component: key, Op: "read", Err: err}
}

// dial opens the connection: TCP, and TLS when the URL says so. Files are read
// each time, so that a renewed certificate needs no restart.
func (l *Link) dial(ctx context.Context) (*wire, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var conf *tls.Config
	if l.broker.secure {
		var err error
		if conf, err = l.tlsConfig(); err != nil {
			return nil, err
		}
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", l.broker.address)
	if err != nil {
		return nil, err
	}
	if conf == nil {
		return newWire(c), nil
	}
	secure := tls.Client(c, conf)
	if err := secure.HandshakeContext(ctx); err != nil {
		c.Close()
		if hungUp(err) {
			err = fmt.Errorf("%w: %w", errNoTLS, err)
		}
		return nil, err
	}
	return newWire(secure), nil
}

// errNoTLS says that the peer hung up on our first TLS message.
var errNoTLS = errors.New("link: the broker ended the TLS handshake")

// tlsConfig is TLS 1.2 or newer, the broker's certificate checked against
// cloud.ca_file alone when there is one, and the till's own certificate.
func (l *Link) tlsConfig() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: l.broker.host}
	if l.o.CAFile != "" {
		pem, err := plainfile.ReadFile(l.o.CAFile)
		if err != nil {
			return nil, configFault("cloud.ca_file", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, configFault("cloud.ca_file", fmt.Errorf("%s: no certificate in PEM", l.o.CAFile))
		}
	}
	if l.o.CertFile != "" || l.o.KeyFile != "" {
		pair, err := plainfile.KeyPair(l.o.CertFile, l.o.KeyFile)
		if err != nil {
			return nil, configFault("cloud.cert_file", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// password reads cloud.password_file; a line end at its end is not part of it.
func (l *Link) password() (string, error) {
	if l.o.PasswordFile == "" {
		return "", nil
	}
	b, err := plainfile.ReadFile(l.o.PasswordFile)
	if err != nil {
		return "", configFault("cloud.password_file", err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}
