package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// killer kills tilld at random points and starts it again, and fails the broker
// now and then.
type killer struct {
	shop    *shop
	rng     *rand.Rand
	moments chan struct{} // the cashier or the shopper is doing something

	mu     sync.Mutex
	kills  int
	outage int
	left   int // failures that this sale may still meet
	served chan struct{}
	err    error
}

// mostFailures are so many that a sale has met everything. It is a bound because
// what needs the cloud needs the link for a moment: a machine so busy that the
// link takes longer to come up than the killer waits would never sell.
const mostFailures = 12

// next lets the killer loose on the next sale.
func (k *killer) next() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.left = mostFailures
	close(k.served)
	k.served = make(chan struct{})
}

// killed is how often tilld was killed so far.
func (k *killer) killed() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.kills
}

// spent takes one failure of the sale's; if there is none left it says for what
// to wait.
func (k *killer) spent() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.left == 0 {
		return k.served
	}
	k.left--
	return nil
}

// moment invites a kill: right after something was asked of the till is when it
// hurts most.
func (k *killer) moment() {
	if k == nil {
		return
	}
	select {
	case k.moments <- struct{}{}:
	default:
	}
}

// run goes on until ctx ends; tilld is up and the broker runs afterwards.
func (k *killer) run(ctx context.Context) {
	for {
		pause := time.Duration(k.rng.IntN(1500)) * time.Millisecond
		select {
		case <-ctx.Done():
			return
		case <-k.moments:
			if k.rng.IntN(4) > 0 {
				continue
			}
			time.Sleep(time.Duration(k.rng.IntN(90)) * time.Millisecond)
		case <-time.After(pause):
		}
		if over := k.spent(); over != nil {
			select {
			case <-ctx.Done():
				return
			case <-over:
			}
			continue
		}
		if k.rng.IntN(4) == 0 {
			k.fail(k.brokerOutage(ctx))
			continue
		}
		k.fail(k.kill())
	}
}

func (k *killer) kill() error {
	if err := k.shop.tilld.Kill(); err != nil {
		return err
	}
	k.mu.Lock()
	k.kills++
	k.mu.Unlock()
	if k.rng.IntN(5) == 0 { // receipts go to the other printer from now on
		names := []string{"printer-lan", "printer-serial"}
		k.rng.Shuffle(2, func(i, j int) { names[i], names[j] = names[j], names[i] })
		if err := k.shop.configure(k.shop.port(), names...); err != nil {
			return err
		}
	}
	if err := k.shop.tilld.Start(); err != nil {
		return err
	}
	if k.rng.IntN(3) > 0 { // else it may be hit again while it starts
		ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
		defer cancel()
		return k.shop.tilld.Ready(ctx)
	}
	return nil
}

func (k *killer) brokerOutage(ctx context.Context) error {
	if err := k.shop.broker.Stop(); err != nil {
		return err
	}
	k.mu.Lock()
	k.outage++
	k.mu.Unlock()
	select {
	case <-ctx.Done():
	case <-time.After(time.Duration(100+k.rng.IntN(700)) * time.Millisecond):
	}
	return k.shop.broker.Start(context.WithoutCancel(ctx))
}

func (k *killer) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = errors.Join(k.err, err)
}
