package link

import (
	"bytes"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"tilld/internal/cloud"
)

// One message that is too long costs the link nothing: it is acknowledged to the
// broker, refused and counted, and what comes behind it is handled. Ended
// sessions would never end: a retained message comes first in each new one.
func TestOversizedMessage(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		r.start()
		pass(time.Second)
		sizes := []int{maxMessage + 1, 300 << 10, 5 << 20}
		for _, n := range sizes {
			b.last().send("command", bytes.Repeat([]byte("A"), n))
		}
		pass(time.Second)
		if text := r.conditionText("link_messages_refused"); !strings.Contains(text, "oversized: more than 262144 bytes") {
			t.Errorf("condition %q", text)
		}
		b.last().sendFlags("command", bytes.Repeat([]byte("A"), 300<<10), 0x33) // retained
		b.last().sendFlags("response", bytes.Repeat([]byte("A"), 300<<10), 0x32)
		b.last().sendFlags("ack", bytes.Repeat([]byte("A"), 300<<10), 0x32)
		b.last().send("command", r.sign(cloud.Message{ID: "after", Type: "no.such", Data: map[string]any{}}))
		pass(time.Second)
		if n := len(b.published("reply")); n != 1 {
			t.Errorf("%d replies to the command behind", n)
		}
		c := r.link.Counters()
		if c.Refused["oversized"] != uint64(len(sizes)+2) || c.Refused["retained"] != 1 {
			t.Errorf("refused %v", c.Refused)
		}
		if !r.link.Up() || b.connects() != 1 {
			t.Errorf("link %+v after %d connections", r.link.Status(), b.connects())
		}
	})
}

// A message of 256 MiB that is announced and never sent holds a session only
// until the ping fails, and no memory.
func TestHugeMessageThatStalls(t *testing.T) {
	trap(t, func(t *testing.T, r *rig, b *fakeBroker, a *ackCloud) {
		r.start()
		pass(time.Second)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		b.last().write([]byte("\x32\xff\xff\xff\x7f\x00\x07command\x00\x01AAAA"))
		synctest.Wait()
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 16<<20 {
			t.Errorf("allocated %d bytes", grown)
		}
		pass(2*keepAlive + pingTimeout)
		if !r.link.Up() || b.connects() != 2 {
			t.Errorf("link %+v after %d connections", r.link.Status(), b.connects())
		}
	})
}

// scripted is a connection that only has something to read.
type scripted struct {
	net.Conn
	r io.Reader
}

func (s scripted) Read(p []byte) (int, error) { return s.r.Read(p) }

// The library gets every packet whole, or cut behind the first byte too many,
// and the next one starts where it should.
func TestCutPackets(t *testing.T) {
	topic := "tilld/v1/acme/sh-001/03/command"
	body := func(n int) []byte { return bytes.Repeat([]byte("A"), n) }
	var in bytes.Buffer
	sizes := []int{0, 1, maxMessage, maxMessage + 1, maxPacket, 300 << 10, 3 << 20, 7}
	for i, n := range sizes {
		p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		p.TopicName, p.Payload, p.Qos, p.MessageID = topic, body(n), byte(i%2), uint16(i+1)
		if err := p.Write(&in); err != nil {
			t.Fatal(err)
		}
	}
	w := newWire(scripted{r: &in})
	for i, n := range sizes {
		p, err := packets.ReadPacket(w)
		if err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
		got := p.(*packets.PublishPacket)
		if n > maxMessage+300 { // a packet of up to maxPacket is let through whole
			n = maxMessage + 1
		}
		if got.TopicName != topic || len(got.Payload) != n || got.Qos != byte(i%2) || got.Qos > 0 && got.MessageID != uint16(i+1) {
			t.Errorf("packet %d: %s, %d bytes, QoS %d, id %d", i, got.TopicName, len(got.Payload), got.Qos, got.MessageID)
		}
	}
	for name, head := range map[string]string{
		"no message":        "\x42\xff\xff\x7f\x00\x01",
		"topic without end": "\x32\xff\xff\x7f\xff\xff",
	} {
		if _, err := packets.ReadPacket(newWire(scripted{r: strings.NewReader(head + strings.Repeat("A", 1000))})); !errors.Is(err, errPacket) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
