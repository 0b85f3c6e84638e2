package meter

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/writ-project/writ/internal/store"
)

// leaser is what the meter needs of the store; tests make it fail.
type leaser interface {
	ClaimMark(ctx context.Context, shard, boot string) (store.Claimed, error)
	Lease(ctx context.Context, r store.LeaseReport, asks []store.LeaseAsk) ([]store.Leased, error)
	ForgetMoney(ctx context.Context, now time.Time) error
}

// Config says whose calls are metered, and where it is kept.
type Config struct {
	// Store keeps the accounts; required.
	Store *store.DB
	// Replica is this process's name, for the log of the program.
	Replica string
	// Shard is the audit log that this process writes; required. Slices and the
	// mark are in its name, so whoever goes on with the log goes on with them.
	Shard string
	// Head is the size of that log, of what is durable; required.
	Head func() uint64
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Log receives what happens in the background; nil discards it.
	Log *slog.Logger
	// People says who is accountable for an identity, for spend that is recovered
	// from the log, which does not say; nil: nobody knows.
	People func(identity string) (owner, sponsor string)

	leaser leaser // nil: Store; set by tests
}

// Meter reserves and settles. Its methods may be called from many goroutines.
type Meter struct {
	cfg   Config
	boot  string
	ready atomic.Bool // Recover has succeeded
	// lacking is why a call could not be let through since the store last answered.
	lacking atomic.Pointer[error]

	// mu: whoever changes an account, the open calls or the sums of spend holds it
	// for reading and the part's own lock; whoever takes a cut of all holds it alone.
	mu       sync.RWMutex
	accounts map[string]*account
	open     [openShards]openCalls
	spent    spendSums
	dirty    dirtyList
	moved    atomic.Bool // a call began or ended since the last cut

	// rounds is held by whoever talks to the store.
	rounds  chan struct{}
	turn    int64              // guarded by rounds
	seq     int64              // guarded by rounds: of the last report that was made
	pending *store.LeaseReport // guarded by rounds: not known to have been applied

	waitMu   sync.Mutex
	next     *gathering // guarded by waitMu: asks for the round that comes next; nil: none
	leading  bool       // guarded by waitMu: somebody runs rounds
	failed   error      // guarded by waitMu: of the last round
	failedAt time.Time  // guarded by waitMu

	urgent chan struct{} // a report must not wait for the next tick
	counts counts
}

// counts are what Stats shows.
type counts struct {
	leases, failures, refused, overruns atomic.Int64
	calls                               atomic.Int64 // open
	numbers                             atomic.Uint64
}

// New makes a meter; Recover makes it ready.
func New(cfg Config) *Meter {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.leaser == nil {
		cfg.leaser = cfg.Store
	}
	m := &Meter{cfg: cfg, boot: rand.Text(), accounts: make(map[string]*account), rounds: make(chan struct{}, 1), urgent: make(chan struct{}, 1)}
	for i := range m.open {
		m.open[i].calls = make(map[*Reservation]struct{})
	}
	m.spent.rows = make(map[store.SpendTags]*store.SpendRow)
	return m
}

// ErrUnavailable: whether there is room cannot be said, since the store cannot be
// asked. The call must not leave.
var ErrUnavailable = errors.New("budgets cannot be asked")

// Err is why calls cannot be let through: the store does not answer, and slices do
// not suffice any more. It is nil while they do.
func (m *Meter) Err() error {
	if err := m.lacking.Load(); err != nil {
		return *err
	}
	return nil
}

// Stats are counters since the start, and how things stand.
type Stats struct {
	Leases, Failures   int64 // calls of the store, and those that failed
	Refused, Overruns  int64 // calls
	Open               int64 // calls reserved and not settled
	Accounts, Frozen   int   // that this replica knows of
	Unreported, Leased int64 // accounts with something the store has not been told; micro-USD leased and free
}

// Stats says how the meter stands.
func (m *Meter) Stats() Stats {
	s := Stats{Leases: m.counts.leases.Load(), Failures: m.counts.failures.Load(), Refused: m.counts.refused.Load(),
		Overruns: m.counts.overruns.Load(), Open: m.counts.calls.Load()}
	m.mu.RLock()
	defer m.mu.RUnlock()
	s.Accounts = len(m.accounts)
	for _, a := range m.accounts {
		a.mu.Lock()
		if a.frozen != "" {
			s.Frozen++
		}
		if a.spent > 0 {
			s.Unreported++
		}
		if a.leased.Unit == usd {
			s.Leased += max(0, a.free())
		}
		a.mu.Unlock()
	}
	return s
}
