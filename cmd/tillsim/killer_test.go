package main

import "testing"

// A sale meets its failures and is then left alone, however long it takes.
func TestKillerHasMercy(t *testing.T) {
	k := &killer{served: make(chan struct{})}
	for range 2 {
		k.next()
		for n := range mostFailures {
			if k.spent() != nil {
				t.Fatalf("only %d failures", n)
			}
		}
		over := k.spent()
		if over == nil {
			t.Fatal("failures without end: a sale that needs the link never gets it on a busy machine")
		}
		select {
		case <-over:
			t.Fatal("the killer does not wait for the next sale")
		default:
		}
		k.next()
		<-over
	}
}
