package dialect

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"tilld/internal/health"
	"tilld/internal/lang"
)

var condPort = health.Kind{
	Code: "dialect_port", Severity: health.Error,
	Text:   lang.Text{ZH: "{subject} 的端口 {addr} 无法使用：{err}", EN: "The port {addr} of {subject} cannot be used: {err}"},
	Remedy: lang.Text{ZH: "请关闭占用该端口的程序（例如原来的打印服务），或在配置 dialects 中改用其他端口", EN: "End the program that holds it (the print service used so far?), or write another port under dialects in the configuration"},
}

// retryPort is the wait between two tries to get a port.
const retryPort = 5 * time.Second

// Listen serves on addr until ctx ends. A port that another program holds is a
// condition and is tried again: the till sells meanwhile.
func Listen(ctx context.Context, d *Desk, name, addr string, serve func(ctx context.Context, l net.Listener) error) {
	subject := name + " " + addr
	for {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
		if err == nil {
			d.Health.Clear(condPort, subject)
			d.Log.Info("dialect listening", "dialect", name, "addr", l.Addr().String())
			err = serve(ctx, l)
		}
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errors.New("it ended")
		}
		d.Log.Warn("dialect not served", "dialect", name, "addr", addr, "err", err)
		d.Health.Raise(condPort, subject, "addr", addr, "err", err.Error())
		select {
		case <-ctx.Done():
			return
		case <-time.After(retryPort):
		}
	}
}

// MaxBody bounds what a client may send in one piece: receipts as pictures or
// pages are large.
const MaxBody = 16 << 20

// ServeHTTP serves h on l until ctx ends.
func ServeHTTP(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if s.Shutdown(end) != nil {
			s.Close()
		}
	})
	err := s.Serve(l)
	if !stop() {
		<-done
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
