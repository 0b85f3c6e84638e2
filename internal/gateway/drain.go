package gateway

import (
	"errors"
)

// errStopping is why a server that drains is not ready: load balancers are to
// send new calls elsewhere. It still takes what they send.
var errStopping = errors.New("the server is stopping")

// Drain has Ready say that the server is stopping, and calls that wait for people
// wait no longer.
func (g *Gateway) Drain() {
	g.draining.Store(true)
	g.endWaits()
}

// Draining reports whether Drain was called.
func (g *Gateway) Draining() bool { return g.draining.Load() }

// InFlight is how many request bytes are held in memory.
func (g *Gateway) InFlight() int64 {
	g.flight.mu.Lock()
	defer g.flight.mu.Unlock()
	return g.flight.held
}

// OpenBy counts the calls in progress that stream, and those that do not.
func (g *Gateway) OpenBy() (streams, whole int) {
	for _, c := range g.open.all() {
		if c.Streams {
			streams++
		} else {
			whole++
		}
	}
	return streams, whole
}

// Suspects is how many sources and sessions are on record for having failed.
func (g *Gateway) Suspects() (sources, sessions int) {
	s := g.strangers
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sources.rows), len(s.sessions.rows)
}
