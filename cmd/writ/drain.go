package main

import (
	"context"
	"errors"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/writ-project/writ/internal/gateway"
)

// lastMoment is how long the ends of calls that were cut may take.
const lastMoment = 2 * time.Second

// drain stops in three steps. Readiness goes red first, while calls are still
// taken, so that load balancers notice; then the listeners close, HTTP/2
// connections are told to go away, and open calls may finish; what is still
// open at the end is cut. A second signal goes to the last step at once.
func (s *server) drain() error {
	hurry, stop := again()
	defer stop()
	s.gateway.Drain()
	s.tellSystemd("STOPPING=1")
	c := s.cfg.Drain
	s.log.Info("stopping: open calls may finish; a second signal cuts them", "calls", s.gateway.Open(), "delay", c.Delay, "within", c.Within)
	select {
	case <-hurry:
	case <-time.After(c.Delay):
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.Within)
	defer cancel()
	go func() {
		select {
		case <-hurry:
			cancel()
		case <-ctx.Done():
		}
	}()
	err := s.gatewayServer.Shutdown(ctx)
	if ctx.Err() != nil {
		n := s.gateway.Cut("the gateway is stopping", func(*gateway.Call) bool { return true })
		s.log.Warn("open calls were cut", "calls", n)
		last, cancel := context.WithTimeout(context.Background(), lastMoment)
		defer cancel()
		if err = s.gatewayServer.Shutdown(last); errors.Is(err, context.DeadlineExceeded) {
			err = s.gatewayServer.Close() // connections without a call, such as those that send half a header
		}
	}
	return errors.Join(err, s.adminServer.Close())
}

// again is closed by the next signal to stop.
func again() (hurry <-chan struct{}, stop func()) {
	signals, out := make(chan os.Signal, 1), make(chan struct{})
	done := make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
			close(out)
		case <-done:
		}
	}()
	return out, func() { signal.Stop(signals); close(done) }
}

// tellSystemd says how the service is, where systemd asked to be told
// (sd_notify(3), Type=notify).
func (s *server) tellSystemd(state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err == nil {
		_, err = c.Write([]byte(state + "\n"))
		err = errors.Join(err, c.Close())
	}
	if err != nil {
		s.log.Warn("systemd could not be told", "state", state, "err", err)
	}
}
