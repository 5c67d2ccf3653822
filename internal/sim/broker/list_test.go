package broker

import (
	"testing"
	"time"
)

// The list of clients may be locked for as long as it likes: closing does not
// ask for it. The server's own listeners do, twice, and wait for ever when a
// client that leaves asks in between.
func TestCloseAsksForNoList(t *testing.T) {
	b, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.server.Clients.Lock()
	defer b.server.Clients.Unlock()
	closed := make(chan error, 1)
	go func() { closed <- b.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Error("closing waits for the list of clients")
	}
}
