package link

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// tillACL is the access list that docs/link.md ships: exact suffixes, one line
// each, the certificate's common name as the user.
const tillACL = `
user cloud
topic readwrite tilld/v1/#
pattern write tilld/v1/%u/event
pattern write tilld/v1/%u/request
pattern write tilld/v1/%u/reply
pattern write tilld/v1/%u/status
pattern write tilld/v1/%u/telemetry
pattern read tilld/v1/%u/ack
pattern read tilld/v1/%u/response
pattern read tilld/v1/%u/command
`

// secureMosquitto is a broker with client certificates and the access list,
// and a second, plain listener for the cloud.
func secureMosquitto(t testing.TB, ca *authority, serverCert, serverKey string) (b *mosquitto, secure string) {
	t.Helper()
	dir := t.TempDir()
	acl := filepath.Join(dir, "acl")
	if err := os.WriteFile(acl, []byte("topic readwrite tilld/v1/#\n"+tillACL), 0o600); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	// The first listener, without TLS, is for the cloud, which is nobody there.
	b = startMosquitto(t, fmt.Sprintf(`
allow_anonymous true
acl_file %s
listener %d 127.0.0.1
cafile %s
certfile %s
keyfile %s
require_certificate true
use_identity_as_username true
`, acl, port, ca.File, serverCert, serverKey))
	return b, fmt.Sprintf("mqtts://localhost:%d", port)
}

// Whatever is wrong with certificates, the link stays down, says exactly what,
// and everything else goes on.
func TestTLS(t *testing.T) {
	ca, foreign := newAuthority(t, "chain"), newAuthority(t, "somebody else")
	later := time.Now().Add(time.Hour)
	serverCert, serverKey := ca.issue("broker", later, "localhost")
	good, secure := secureMosquitto(t, ca, serverCert, serverKey)
	expiredCert, expiredKey := ca.issue("broker", time.Now().Add(-time.Hour), "localhost")
	_, expired := secureMosquitto(t, ca, expiredCert, expiredKey)
	hostCert, hostKey := ca.issue("broker", later, "broker.elsewhere.test")
	_, wrongHost := secureMosquitto(t, ca, hostCert, hostKey)
	clientCert, clientKey := ca.issue(tillPath, later)
	foreignCert, foreignKey := foreign.issue(tillPath, later)
	oldCert, oldKey := ca.issue(tillPath, time.Now().Add(-time.Minute))

	for name, c := range map[string]struct {
		url, ca, cert, key, code string
	}{
		"good":            {secure, ca.File, clientCert, clientKey, ""},
		"wrong ca":        {secure, foreign.File, clientCert, clientKey, "tls_wrong_ca"},
		"system roots":    {secure, "", clientCert, clientKey, "tls_wrong_ca"},
		"expired":         {expired, ca.File, clientCert, clientKey, "tls_expired"},
		"wrong host":      {wrongHost, ca.File, clientCert, clientKey, "tls_wrong_host"},
		"foreign client":  {secure, ca.File, foreignCert, foreignKey, "tls_refused_client"},
		"expired client":  {secure, ca.File, oldCert, oldKey, "tls_refused_client"},
		"no client":       {secure, ca.File, "", "", "tls_refused_client"},
		"not TLS":         {strings.Replace(good.url(), "mqtt:", "mqtts:", 1), ca.File, clientCert, clientKey, "tls_not_spoken"},
		"missing ca file": {secure, ca.File + ".gone", clientCert, clientKey, "link_config"},
		"key of another":  {secure, ca.File, clientCert, foreignKey, "link_config"},
		"nobody there":    {fmt.Sprintf("mqtts://localhost:%d", freePort(t)), ca.File, clientCert, clientKey, "link_down"},
		"no such name":    {"mqtts://broker.invalid:8883", ca.File, clientCert, clientKey, "link_name"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.opts.URL, r.opts.CAFile, r.opts.CertFile, r.opts.KeyFile = c.url, c.ca, c.cert, c.key
			r.start()
			if c.code == "" {
				r.until("up", r.link.Up)
				w := r.link.current().wire.Conn.(*tls.Conn)
				if v := w.ConnectionState().Version; v != tls.VersionTLS13 {
					t.Errorf("TLS version %#x, want 1.3", v)
				}
				return
			}
			// The condition is up a moment before the status says why.
			r.until(c.code, func() bool { return r.condition(c.code) && r.link.Status().Error != "" })
			if s := r.link.Status(); r.link.Up() || s.State == "up" || s.Error == "" {
				t.Errorf("status %+v", s)
			}
			r.append(0, 10, 10) // selling goes on
			if r.store.LastSeq() != 10 {
				t.Error("events are not taken")
			}
		})
	}
}

// Against a real broker with the shipped access list: a till cannot speak or
// listen as another, and a certificate with another number of levels gets
// nowhere.
func TestACL(t *testing.T) {
	ca := newAuthority(t, "chain")
	later := time.Now().Add(time.Hour)
	serverCert, serverKey := ca.issue("broker", later, "localhost")
	plain, secure := secureMosquitto(t, ca, serverCert, serverKey)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(plain.log)
		}
	})

	seen := make(chan string, 100)
	watch := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp" + plain.url()[4:]).SetClientID("watch").SetProtocolVersion(4).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { seen <- m.Topic() }))
	wait(t, watch.Connect())
	defer watch.Disconnect(100)
	wait(t, watch.Subscribe("tilld/v1/#", 1, nil))

	client := func(name string) (mqtt.Client, chan string) {
		cert, key := ca.issue(name, later)
		l := &Link{o: Options{CAFile: ca.File, CertFile: cert, KeyFile: key}, broker: broker{host: "localhost"}}
		conf, err := l.tlsConfig()
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan string, 100)
		c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("ssl" + secure[5:]).SetClientID(strings.ReplaceAll(name, "/", "_")).SetTLSConfig(conf).
			SetProtocolVersion(4).SetAutoReconnect(false).SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { got <- m.Topic() }))
		wait(t, c.Connect())
		t.Cleanup(func() { c.Disconnect(50) })
		return c, got
	}
	topics := []string{"event", "request", "reply", "status", "telemetry", "ack", "response", "command"}
	other, otherGot := client("acme/sh-001/04")
	for _, topic := range topics {
		wait(t, other.Subscribe("tilld/v1/acme/sh-001/03/"+topic, 1, nil)) // the broker grants it, and delivers nothing
	}
	// What is denied is PUBACKed, and mosquitto 2.0.11 then hangs up.
	deny := func(name, topic string) {
		c, _ := client(name)
		c.Publish(topic, 1, false, "x").WaitTimeout(10 * time.Second)
		c.Disconnect(0)
	}
	for _, topic := range topics {
		deny("acme/sh-001/05", "tilld/v1/acme/sh-001/03/"+topic)
		deny("acme/sh-001/05", "tilld/v1/acme/sh-001/05/"+topic+"/x")
		for _, name := range []string{"acme/sh-001", "acme/sh-001/03/x", "acme", "+/+/+", "#"} {
			deny(name, "tilld/v1/acme/sh-001/03/"+topic)
		}
	}
	for _, topic := range topics[5:] {
		deny(tillPath, "tilld/v1/acme/sh-001/03/"+topic)
	}
	for _, topic := range []string{"ack", "response", "command"} {
		wait(t, watch.Publish("tilld/v1/acme/sh-001/03/"+topic, 1, false, "secret"))
		<-seen // its own
	}
	own, _ := client(tillPath)
	for _, topic := range topics[:5] {
		wait(t, own.Publish("tilld/v1/acme/sh-001/03/"+topic, 1, false, "x"))
	}
	for _, topic := range topics[:5] {
		select {
		case got := <-seen:
			if got != "tilld/v1/acme/sh-001/03/"+topic {
				t.Errorf("the broker let %q through where only %s was allowed", got, topic)
			}
		case <-time.After(60 * time.Second):
			t.Fatalf("%s of the till itself did not get through", topic)
		}
	}
	if n := len(seen) + len(otherGot); n != 0 {
		t.Errorf("%d messages got through that must not", n)
	}
}

func wait(t testing.TB, tok mqtt.Token) {
	t.Helper()
	if !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
		t.Fatalf("token: %v", tok.Error())
	}
}
