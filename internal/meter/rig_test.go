package meter_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/meter"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

var noon = time.Date(2026, 5, 14, 12, 0, 0, 0, time.UTC)

// ledger is a log in memory that every process of one shard goes on with. Like the
// journal it makes an intent durable together with all that came before it, and an
// outcome some time later.
type ledger struct {
	mu      sync.Mutex
	entries [][]byte
	durable int
}

func (l *ledger) head() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return uint64(l.durable)
}

// append makes an entry durable.
func (l *ledger) append(t testing.TB, r auditlog.Record) uint64 {
	t.Helper()
	index := l.enqueue(t, r)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.durable = len(l.entries)
	return index
}

// enqueue gives an entry its place.
func (l *ledger) enqueue(t testing.TB, r auditlog.Record) uint64 {
	t.Helper()
	b, err := r.Marshal()
	if err != nil {
		t.Error(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, b)
	return uint64(len(l.entries) - 1)
}

// crash loses what is not durable.
func (l *ledger) crash() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = l.entries[:l.durable:l.durable]
}

func (l *ledger) scan(_ context.Context, from uint64, visit func(uint64, []byte) error) error {
	l.mu.Lock()
	entries := l.entries[:l.durable]
	l.mu.Unlock()
	for i := from; i < uint64(len(entries)); i++ {
		if err := visit(i, entries[i]); err != nil {
			return err
		}
	}
	return nil
}

// weak is a store that fails as it is told to.
type weak struct {
	*store.DB
	down   atomic.Bool  // nothing arrives
	deaf   atomic.Bool  // what arrives is done, and the answer is lost
	flaky  atomic.Int64 // percent of calls that fail, one way or the other
	slow   atomic.Int64 // nanoseconds
	leases atomic.Int64
}

var errBroken = errors.New("the wire broke")

func (w *weak) Lease(ctx context.Context, r store.LeaseReport, asks []store.LeaseAsk) ([]store.Leased, error) {
	w.leases.Add(1)
	time.Sleep(time.Duration(w.slow.Load()))
	unlucky, deaf := rand.Int64N(100) < w.flaky.Load(), rand.IntN(2) == 0
	if w.down.Load() || unlucky && !deaf {
		return nil, errBroken
	}
	got, err := w.DB.Lease(ctx, r, asks)
	if w.deaf.Load() || unlucky && deaf {
		return nil, errBroken
	}
	return got, err
}

// process is one life of a replica.
type process struct {
	*meter.Meter
	log   *ledger
	shard string
	store *weak
	dead  atomic.Bool
	ids   sync.Map // of calls, by reservation
}

// start starts a process on a shard's log, and recovers.
func start(t testing.TB, db *store.DB, shard string, log *ledger) *process {
	t.Helper()
	p, _ := recovered(t, db, shard, log)
	return p
}

func recovered(t testing.TB, db *store.DB, shard string, log *ledger) (*process, meter.Recovered) {
	t.Helper()
	p := &process{log: log, shard: shard, store: &weak{DB: db}}
	p.Meter = meter.New(meter.Through(meter.Config{Replica: shard, Shard: shard, Head: log.head, Now: func() time.Time { return noon }}, p.store))
	found, err := p.Recover(context.Background(), log.scan)
	if err != nil {
		t.Fatal(err)
	}
	return p, found
}

// die is a crash: nothing of the process reaches the store or the log any more.
func (p *process) die() {
	p.dead.Store(true)
	p.store.down.Store(true)
}

var ids atomic.Int64

func newID() string { return fmt.Sprintf("call-%08d", ids.Add(1)) }

// reserve reserves a call of so much money, tokens and one request.
func (p *process) reserve(ctx context.Context, lines []budget.Line, usd int64) (*meter.Reservation, error) {
	c := callOf(newID(), usd)
	r, err := p.Reserve(ctx, lines, c)
	if err == nil {
		p.ids.Store(r, c.ID)
	}
	return r, err
}

func callOf(id string, usd int64) meter.Call {
	return meter.Call{ID: id, At: noon, Subject: &budget.Subject{Identity: "triage", Team: "payments"},
		Worst: budget.Amounts{MicroUSD: budget.Money(usd), Input: 100, Output: 50, Requests: 1}}
}

func settlement(usd int64) meter.Settlement {
	return meter.Settlement{Amounts: budget.Amounts{MicroUSD: budget.Money(usd), Input: 100, Output: 50, Requests: 1},
		Tokens: bedrock.Tokens{Input: 100, Output: 50}, Priced: true}
}

// intend records the intent of a reservation.
func (p *process) intend(t testing.TB, r *meter.Reservation) uint64 {
	t.Helper()
	index := p.unheard(t, r)
	r.Intended(index)
	return index
}

// unheard records the intent, and the process ends before it hears that it is durable.
func (p *process) unheard(t testing.TB, r *meter.Reservation) uint64 {
	t.Helper()
	id, _ := p.ids.Load(r)
	return p.log.append(t, intentOf(id.(string), r.Accounts(), r.Reserved()))
}

func intentOf(id string, accounts []string, worst budget.Amounts) auditlog.Record {
	return auditlog.Record{Kind: auditlog.KindIntent, ID: id, Time: auditlog.At(noon),
		Credential: &auditlog.Credential{Kind: "session", ID: "s"},
		Call:       &auditlog.Call{Operation: "Converse", RegionCalled: "eu-central-1"}, Who: &auditlog.Who{Identity: "triage"},
		Decision: &auditlog.Decision{Decision: "permit"},
		Budget:   recordOf(accounts, worst)}
}

func recordOf(accounts []string, a budget.Amounts) *auditlog.Budget {
	return &auditlog.Budget{Accounts: accounts, MicroUSD: int64(a.MicroUSD), Input: a.Input, Output: a.Output, Requests: a.Requests, Streams: a.Streams}
}

func outcomeOf(intent uint64, s meter.Settlement) auditlog.Record {
	return auditlog.Record{Kind: auditlog.KindOutcome, ID: newID(), Time: auditlog.At(noon),
		Outcome: &auditlog.Outcome{Intent: intent, Status: 200, Ended: "complete"},
		Usage:   &auditlog.Usage{Input: s.Tokens.Input, Output: s.Tokens.Output, Source: "body", Settled: recordOf(nil, s.Amounts)}}
}

// line is a limit in one unit over a day.
func line(name string, unit budget.Unit, limit int64) budget.Line {
	l := budget.Line{Budget: name, Unit: unit, Limit: limit, Window: budget.Day, Zone: time.UTC, Notify: []int{50, 80, 100}}
	if unit == budget.Streams {
		l.Window = ""
	}
	return l
}

func lines(l ...budget.Line) []budget.Line { return l }

func accountOf(t testing.TB, db *store.DB, name string) store.BudgetAccount {
	t.Helper()
	all, err := db.BudgetAccounts(context.Background(), store.BudgetFilter{Budget: name})
	if err != nil || len(all) != 1 {
		t.Fatalf("budget %s has accounts %+v, %v", name, all, err)
	}
	return all[0]
}

func sqlite(t testing.TB) *store.DB { return storetest.MustOpen(t, storetest.SQLite(t)) }

func mustReserve(t testing.TB, p *process, lines []budget.Line, usd int64) *meter.Reservation {
	t.Helper()
	r, err := p.reserve(context.Background(), lines, usd)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustFlush(t testing.TB, p *process) {
	t.Helper()
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
}

// calm lets the replicas' ticks pass until nothing changes any more.
func calm(t testing.TB, all ...*process) {
	t.Helper()
	for range 3 {
		for _, p := range all {
			if err := p.Tick(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
