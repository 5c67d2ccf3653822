package broker_test

import (
	"net"
	"sync"
	"testing"
	"time"

	"tilld/internal/sim/broker"
)

// A client's first words: CONNECT, MQTT 3.1.1, clean session, id "c" and a digit.
func connect(t *testing.T, addr string, id byte) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := c.Write([]byte("\x10\x0e\x00\x04MQTT\x04\x02\x00\x3c\x00\x02c" + string(id))); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 4)); err != nil { // CONNACK
		t.Fatal(err)
	}
	return c
}

// A broker is closed in time although its clients leave in the same moment.
func TestCloseWhileClientsLeave(t *testing.T) {
	for range 20 {
		b, err := broker.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var leaving sync.WaitGroup
		start := make(chan struct{})
		for i := range byte(20) {
			c := connect(t, b.Addr(), '!'+i)
			leaving.Go(func() { <-start; c.Close() })
		}
		closed := make(chan error, 1)
		go func() { <-start; closed <- b.Close() }()
		close(start)
		select {
		case err := <-closed:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(time.Minute):
			t.Fatal("the broker is not closed within a minute")
		}
		leaving.Wait()
		if err := b.Close(); err != nil {
			t.Errorf("closed twice: %v", err)
		}
	}
}

// Who never says a word, or does not leave, holds nothing up.
func TestCloseWithSilentClients(t *testing.T) {
	b, err := broker.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	silent, err := net.Dial("tcp", b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	stays := connect(t, b.Addr(), 's')
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := stays.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes from a broker that is gone", n)
	}
}
