package gateway

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/writ-project/writ/internal/identity"
)

// Bounded is a listener that holds so many connections at once and no more, in
// total and of one source, so that no stranger takes every file descriptor by
// doing nothing (security S16). What is beyond is closed unanswered.
type Bounded struct {
	net.Listener
	total, perSource int
	closed           atomic.Uint64

	mu   sync.Mutex
	held int
	of   map[netip.Prefix]int
}

// Bound bounds a listener.
func Bound(inner net.Listener, total, perSource int) *Bounded {
	return &Bounded{Listener: inner, total: total, perSource: perSource, of: make(map[netip.Prefix]int)}
}

// Accept returns the next connection that there is room for.
func (b *Bounded) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		source := sourceOf(c.RemoteAddr())
		if b.enter(source) {
			return &boundConn{Conn: c, leave: sync.OnceFunc(func() { b.leave(source) })}, nil
		}
		b.closed.Add(1)
		_ = c.Close()
	}
}

// Open is how many connections are held.
func (b *Bounded) Open() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held
}

// Closed is how many connections were turned away.
func (b *Bounded) Closed() uint64 { return b.closed.Load() }

func (b *Bounded) enter(source netip.Prefix) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held >= b.total || b.of[source] >= b.perSource {
		return false
	}
	b.held++
	b.of[source]++
	return true
}

func (b *Bounded) leave(source netip.Prefix) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held--
	if b.of[source]--; b.of[source] == 0 {
		delete(b.of, source)
	}
}

func sourceOf(a net.Addr) netip.Prefix {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Prefix{}
	}
	return identity.SourceOf(ap.Addr().Unmap())
}

// boundConn gives its place back when it is closed.
type boundConn struct {
	net.Conn
	leave func()
}

func (c *boundConn) Close() error {
	c.leave()
	return c.Conn.Close()
}
