package main

import (
	"context"
	"os"
	"os/signal"
	"sync"

	"golang.org/x/sys/windows/svc"
)

// lifetime returns a context that ends with ^C, or when the service manager
// stops the service. The function ends it too, and is to be called last: a stop
// that was asked for is confirmed by it.
func lifetime() (context.Context, context.CancelFunc) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	if !isService() {
		return ctx, cancel
	}
	ended := answerManager(cancel)
	return ctx, func() { cancel(); ended() }
}

func isService() bool {
	is, err := svc.IsWindowsService()
	return err == nil && is
}

// answerManager talks to the service manager, which calls stop through it. What
// it returns says that all has ended: the manager hears it if it asked for it. An
// end that it did not ask for is one that it has to cure, by its recovery actions.
func answerManager(stop func()) (ended func()) {
	s := service{stop: stop, asked: make(chan struct{}), ended: make(chan struct{})}
	told := make(chan struct{})
	go func() {
		defer close(told)
		if err := svc.Run(serviceName, s); err != nil {
			os.Stderr.WriteString("tilld: service manager: " + err.Error() + "\n")
			stop()
		}
	}()
	return sync.OnceFunc(func() {
		close(s.ended)
		select {
		case <-s.asked:
			<-told
		default:
		}
	})
}

type service struct {
	stop         func()
	asked, ended chan struct{}
}

// stopTime is how long the manager is told that a stop takes, in milliseconds.
const stopTime = 15_000

// Execute implements [svc.Handler].
func (s service) Execute(_ []string, requests <-chan svc.ChangeRequest, states chan<- svc.Status) (bool, uint32) {
	states <- svc.Status{State: svc.Running, Accepts: svc.AcceptStop | svc.AcceptShutdown}
	for r := range requests {
		switch r.Cmd {
		case svc.Interrogate:
			states <- r.CurrentStatus
		case svc.Stop, svc.Shutdown:
			close(s.asked)
			states <- svc.Status{State: svc.StopPending, WaitHint: stopTime}
			s.stop()
			<-s.ended
			return false, 0
		}
	}
	return false, 0
}
