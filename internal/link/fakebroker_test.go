package link

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
)

// fakeBroker is a tiny MQTT 3.1.1 server whose every answer a test can bend.
// Written from the standard, without the library under test.
type fakeBroker struct {
	t testing.TB

	// What a test bends; each may be nil. They run on the connection's goroutine.
	onConnect   func(p *packet) byte              // CONNACK code; 0xff = no answer
	onSubscribe func(topics []string) []byte      // SUBACK codes
	onPublish   func(c *fakeConn, p *packet) bool // true = PUBACK it
	onPing      func() bool                       // true = answer

	mu    sync.Mutex
	conns []*fakeConn
	got   []*packet // PUBLISHes, in order
	wg    sync.WaitGroup
}

// fakeConn is one client's connection.
type fakeConn struct {
	b       *fakeBroker
	c       net.Conn
	mu      sync.Mutex
	id      uint16
	connect *packet
	out     chan []byte // what is to be written; never blocks the reader
	ended   bool
}

// packet is a parsed MQTT packet.
type packet struct {
	kind    byte // 1 CONNECT, 3 PUBLISH, 8 SUBSCRIBE, 12 PINGREQ, 14 DISCONNECT
	flags   byte
	id      uint16
	topic   string
	body    []byte
	client  string // CONNECT
	version byte
	clean   bool
	will    []byte
	willTop string
	topics  []string
}

func (p *packet) retained() bool { return p.flags&1 != 0 }

// open is a Link.open that connects to the broker through a pipe, so that it
// works in fake time.
func (b *fakeBroker) open(context.Context) (*wire, error) {
	near, far := net.Pipe()
	b.serve(far)
	return newWire(near), nil
}

func (b *fakeBroker) serve(c net.Conn) {
	b.wg.Go(func() {
		fc := &fakeConn{b: b, c: c, out: make(chan []byte, 256)}
		b.wg.Go(func() {
			for p := range fc.out {
				c.Write(p) // a closed connection is what some tests are about
			}
			c.Close()
		})
		b.mu.Lock()
		b.conns = append(b.conns, fc)
		b.mu.Unlock()
		fc.run()
		fc.mu.Lock()
		fc.ended = true
		close(fc.out)
		fc.mu.Unlock()
	})
}

// listen serves on a loopback port and returns the URL.
func (b *fakeBroker) listen() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { l.Close(); b.closeAll(); b.wg.Wait() })
	b.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b.serve(c)
		}
	})
	return "mqtt://" + l.Addr().String()
}

func (b *fakeBroker) closeAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.conns {
		c.c.Close()
	}
}

// last is the newest connection, nil when there is none.
func (b *fakeBroker) last() *fakeConn {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.conns) == 0 {
		return nil
	}
	return b.conns[len(b.conns)-1]
}

func (b *fakeBroker) connects() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.conns)
}

// published returns the PUBLISHes to a topic so far.
func (b *fakeBroker) published(topic string) []*packet {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []*packet
	for _, p := range b.got {
		if p.topic == tillSource+"/"+topic {
			list = append(list, p)
		}
	}
	return list
}

func (c *fakeConn) run() {
	r := bufio.NewReader(c.c)
	for {
		p, err := readPacket(r)
		if err != nil {
			return
		}
		switch p.kind {
		case 1:
			code := byte(0)
			c.connect = p
			if c.b.onConnect != nil {
				code = c.b.onConnect(p)
			}
			if code == 0xff {
				continue
			}
			c.write([]byte{0x20, 2, 0, code})
			if code != 0 {
				return
			}
		case 3:
			c.b.mu.Lock()
			c.b.got = append(c.b.got, p)
			c.b.mu.Unlock()
			ack := true
			if c.b.onPublish != nil {
				ack = c.b.onPublish(c, p)
			}
			if ack {
				c.puback(p)
			}
		case 8:
			codes := make([]byte, len(p.topics))
			for i := range codes {
				codes[i] = 1
			}
			if c.b.onSubscribe != nil {
				codes = c.b.onSubscribe(p.topics)
			}
			c.write(frame(0x90, append(binary.BigEndian.AppendUint16(nil, p.id), codes...)))
		case 12:
			if c.b.onPing == nil || c.b.onPing() {
				c.write([]byte{0xd0, 0})
			}
		case 14:
			return
		}
	}
}

func (c *fakeConn) puback(p *packet) {
	if p.flags&6 != 0 {
		c.write(frame(0x40, binary.BigEndian.AppendUint16(nil, p.id)))
	}
}

// send publishes to the till at QoS 1.
func (c *fakeConn) send(topic string, body []byte) { c.sendFlags(topic, body, 0x32) }

func (c *fakeConn) sendFlags(topic string, body []byte, head byte) {
	c.mu.Lock()
	c.id++
	id := max(c.id, 1)
	c.mu.Unlock()
	full := tillSource + "/" + topic
	p := binary.BigEndian.AppendUint16(nil, uint16(len(full)))
	p = append(p, full...)
	p = binary.BigEndian.AppendUint16(p, id)
	c.write(frame(head, append(p, body...)))
}

func (c *fakeConn) write(p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.out <- p
	}
}

func frame(head byte, body []byte) []byte {
	p := []byte{head}
	n := len(body)
	for {
		b := byte(n & 0x7f)
		if n >>= 7; n > 0 {
			b |= 0x80
		}
		p = append(p, b)
		if n == 0 {
			return append(p, body...)
		}
	}
}

func readPacket(r *bufio.Reader) (*packet, error) {
	head, err := r.ReadByte()
	if err != nil {
		return nil, err
	}
	n, shift := 0, 0
	for {
		b, err := r.ReadByte()
		if err != nil {
			return nil, err
		}
		n |= int(b&0x7f) << shift
		shift += 7
		if b&0x80 == 0 {
			break
		}
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	p := &packet{kind: head >> 4, flags: head & 0x0f}
	text := func() string {
		k := int(binary.BigEndian.Uint16(body))
		s := string(body[2 : 2+k])
		body = body[2+k:]
		return s
	}
	switch p.kind {
	case 1:
		if name := text(); name != "MQTT" {
			return nil, fmt.Errorf("protocol %q", name)
		}
		p.version, p.flags = body[0], body[1]
		p.clean = p.flags&2 != 0
		body = body[4:]
		p.client = text()
		if p.flags&4 != 0 {
			p.willTop = text()
			p.will = []byte(text())
		}
	case 3:
		p.topic = text()
		if p.flags&6 != 0 {
			p.id = binary.BigEndian.Uint16(body)
			body = body[2:]
		}
		p.body = body
	case 8:
		p.id = binary.BigEndian.Uint16(body)
		body = body[2:]
		for len(body) > 0 {
			p.topics = append(p.topics, text())
			body = body[1:]
		}
	}
	return p, nil
}
