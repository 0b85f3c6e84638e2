package storetest

import (
	"net"
	"net/url"
	"strconv"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// Wire is the network between one client and PostgreSQL: it can be held up, so
// that nothing arrives and nothing is said, or cut.
type Wire struct {
	DSN string // of the same database, by this wire

	listener         net.Listener
	network, address string

	mu     sync.Mutex
	flows  *sync.Cond
	held   bool // guarded by mu
	refuse bool // guarded by mu
	open   map[net.Conn]bool
	lost   map[net.Conn]bool // guarded by mu: what they send arrives nowhere
}

// Through lays a wire to a database for one test.
func Through(t testing.TB, dsn string) *Wire {
	t.Helper()
	cfg, err := pgconn.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	w := &Wire{open: make(map[net.Conn]bool), lost: make(map[net.Conn]bool)}
	w.flows = sync.NewCond(&w.mu)
	w.network, w.address = pgconn.NetworkAddress(cfg.Host, cfg.Port)
	if w.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	w.DSN = w.redirect(t, dsn)
	var serving sync.WaitGroup
	serving.Go(w.serve)
	t.Cleanup(func() { _ = w.listener.Close(); w.Cut(); serving.Wait() })
	return w
}

// redirect names the database at the wire's end.
func (w *Wire) redirect(t testing.TB, dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("host", "127.0.0.1")
	q.Set("port", strconv.Itoa(w.listener.Addr().(*net.TCPAddr).Port))
	q.Set("sslmode", "disable")
	u.RawQuery = q.Encode()
	return u.String()
}

func (w *Wire) serve() {
	for {
		c, err := w.listener.Accept()
		if err != nil {
			return
		}
		go w.connect(c)
	}
}

func (w *Wire) connect(near net.Conn) {
	if !w.admit(near) {
		_ = near.Close()
		return
	}
	far, err := net.Dial(w.network, w.address)
	if err != nil || !w.admit(far) {
		_ = near.Close()
		return
	}
	go w.carry(far, near)
	w.carry(near, far)
}

// admit registers a connection to be cut, unless the wire is.
func (w *Wire) admit(c net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.refuse {
		w.open[c] = true
	}
	return !w.refuse
}

func (w *Wire) carry(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		w.pass(from)
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// pass waits while what a connection sends is held up.
func (w *Wire) pass(from net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.held || w.lost[from] {
		w.flows.Wait()
	}
}

// Hold keeps back whatever is sent from now on; nobody is told.
func (w *Wire) Hold() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = true
}

// Cut ends every connection and refuses new ones.
func (w *Wire) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held, w.refuse = false, true
	for c := range w.open {
		_ = c.Close()
	}
	clear(w.open)
	clear(w.lost)
	w.flows.Broadcast()
}

// Lose forgets the connections that there are, as when another server takes the
// address over and the old one cannot say so. New ones go through.
func (w *Wire) Lose() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.open {
		w.lost[c] = true
	}
	w.held, w.refuse = false, false
	w.flows.Broadcast()
}

// Mend lets everything through again, also what was held back.
func (w *Wire) Mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held, w.refuse = false, false
	w.flows.Broadcast()
}
