package main

import (
	"context"
	"os"
	"os/signal"

	"golang.org/x/sys/windows/svc"
)

// lifetime returns a context that ends with ^C, or when the service manager
// stops the service.
func lifetime() (context.Context, context.CancelFunc) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	if is, err := svc.IsWindowsService(); err == nil && is {
		go func() {
			defer cancel()
			if err := svc.Run("tilld", service(cancel)); err != nil {
				os.Stderr.WriteString("tilld: service manager: " + err.Error() + "\n")
			}
		}()
	}
	return ctx, cancel
}

// service answers the service manager and calls itself to stop.
type service func()

func (stop service) Execute(_ []string, requests <-chan svc.ChangeRequest, states chan<- svc.Status) (bool, uint32) {
	const accepts = svc.AcceptStop | svc.AcceptShutdown
	states <- svc.Status{State: svc.Running, Accepts: accepts}
	for r := range requests {
		switch r.Cmd {
		case svc.Interrogate:
			states <- r.CurrentStatus
		case svc.Stop, svc.Shutdown:
			states <- svc.Status{State: svc.StopPending}
			stop()
			return false, 0
		}
	}
	return false, 0
}
