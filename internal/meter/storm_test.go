package meter_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/meter"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

// storm is many callers of several replicas, under faults, with a second set of
// books: what was granted, what was used, and what the logs hold.
type storm struct {
	t     testing.TB
	db    *store.DB
	lines []budget.Line

	mu       sync.Mutex
	replicas []*process
	uses     map[*process][]*use
	held     map[string]int64    // by budget: settled, or reserved and open
	bounds   map[string][2]int64 // by budget: the least and the most that the store has settled at the end
	wrong    []string
}

// weather is what rapid draws.
type weather struct {
	replicas, callers, calls int
	lines                    []budget.Line
	worst                    int64 // the most that a call costs
	flaky                    int64
	slow                     time.Duration
	crashes                  int
}

var storms int

func drawWeather(r *rapid.T) weather {
	storms++
	w := weather{
		replicas: rapid.IntRange(1, 3).Draw(r, "replicas"),
		callers:  256,
		calls:    rapid.IntRange(1, 6).Draw(r, "calls"),
		worst:    rapid.Int64Range(1, 500).Draw(r, "worst"),
		flaky:    rapid.Int64Range(0, 40).Draw(r, "flaky"),
		slow:     time.Duration(rapid.IntRange(0, 3).Draw(r, "slow")) * time.Millisecond,
		crashes:  rapid.IntRange(0, 3).Draw(r, "crashes"),
	}
	for i := range rapid.IntRange(1, 4).Draw(r, "lines") {
		unit := rapid.SampledFrom([]budget.Unit{budget.USD, budget.Requests, budget.TotalTokens, budget.Streams}).Draw(r, "unit")
		w.lines = append(w.lines, line(fmt.Sprintf("storm-%d-%d", storms, i), unit, rapid.Int64Range(1, 60_000).Draw(r, "limit")))
	}
	return w
}

func TestNoBudgetIsOverrunUnderAnyFault(t *testing.T) {
	db := sqlite(t)
	rapid.Check(t, func(r *rapid.T) {
		if wrong := rage(t, db, drawWeather(r)); len(wrong) > 0 {
			r.Fatalf("%d things went wrong: %s", len(wrong), wrong[0])
		}
	})
}

func TestNoBudgetIsOverrunOnPostgreSQL(t *testing.T) {
	db := storetest.MustOpen(t, storetest.Postgres(t))
	for seed := range 4 {
		storms++
		w := weather{replicas: 3, callers: 256, calls: 6, worst: 300, flaky: int64(seed) * 10, crashes: seed,
			lines: []budget.Line{line(fmt.Sprintf("usd-%d", storms), budget.USD, 100_000), line(fmt.Sprintf("calls-%d", storms), budget.Requests, 900)}}
		for _, wrong := range rage(t, db, w) {
			t.Error(wrong)
		}
	}
}

// rage lets the storm pass, compares the books, and says what is wrong.
func rage(t testing.TB, db *store.DB, w weather) []string {
	s := &storm{t: t, db: db, lines: w.lines, uses: map[*process][]*use{}, held: map[string]int64{}, bounds: map[string][2]int64{}}
	for i := range w.replicas {
		s.replicas = append(s.replicas, s.begin(fmt.Sprintf("storm-%d-%d", storms, i), &ledger{}, w))
	}
	stop := make(chan struct{})
	var callers, others sync.WaitGroup
	for range w.callers {
		callers.Go(func() {
			for range w.calls {
				s.call(w.worst)
			}
		})
	}
	others.Go(func() { s.tick(stop) })
	others.Go(func() { s.watch(stop) })
	for range w.crashes {
		time.Sleep(rand.N(20 * time.Millisecond))
		s.crash(rand.IntN(w.replicas), w)
	}
	callers.Wait()
	close(stop)
	others.Wait()
	s.compare()
	return s.wrong
}

func (s *storm) begin(shard string, log *ledger, w weather) *process {
	p := start(s.t, s.db, shard, log)
	p.store.flaky.Store(w.flaky)
	p.store.slow.Store(int64(w.slow))
	return p
}

func (s *storm) errorf(format string, args ...any) {
	s.wrong = append(s.wrong, fmt.Sprintf(format, args...))
}

func (s *storm) all() []*process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.replicas)
}

func (s *storm) tick(stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(5 * time.Millisecond):
			for _, p := range s.all() {
				_ = p.Tick() // the weather is bad
			}
		}
	}
}

// watch looks at the store all the time.
func (s *storm) watch(stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(2 * time.Millisecond):
			s.look()
		}
	}
}

func (s *storm) look() {
	for _, l := range s.lines {
		all, err := s.db.BudgetAccounts(context.Background(), store.BudgetFilter{Budget: l.Budget})
		s.mu.Lock()
		if err != nil {
			s.errorf("looking: %v", err)
		}
		for _, a := range all {
			if a.Settled+a.Out > a.Limit || a.Reserved > a.Out || a.Settled < 0 || a.Reserved < 0 || a.Frozen != "" {
				s.errorf("the store has %+v", a)
			}
		}
		s.mu.Unlock()
	}
}

// call is one call through one replica, which may end in many ways.
func (s *storm) call(most int64) {
	all := s.all()
	p := all[rand.IntN(len(all))]
	c := callOf(newID(), rand.Int64N(most)+1)
	c.Streams = rand.IntN(2) == 0
	c.Worst.Input = rand.Int64N(200)
	ctx, cancel := context.WithTimeout(context.Background(), rand.N(time.Second))
	defer cancel()
	r, err := p.Reserve(ctx, s.lines, c)
	if err != nil {
		s.refused(err)
		return
	}
	p.ids.Store(r, c.ID)
	u := &use{storm: s, p: p, r: r, worst: r.Reserved()}
	defer u.fall()
	if u.reserved() {
		u.run(rand.IntN(100))
	}
}

// refused notes an error that is no refusal.
func (s *storm) refused(err error) {
	_, exceeded := errors.AsType[*meter.Exceeded](err)
	if !exceeded && !errors.Is(err, meter.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.errorf("refused with %v", err)
	}
}

// use is a reservation and what becomes of it; guarded by the storm.
type use struct {
	*storm
	p               *process
	r               *meter.Reservation
	worst           budget.Amounts
	intent, outcome *uint64         // places in the log
	took            *budget.Amounts // nil: it is open
}

var errPanic = errors.New("a worker fell over")

// fall is what a deferred Abort does for a worker that panics.
func (u *use) fall() {
	if e := recover(); e != nil && e != errPanic {
		panic(e)
	}
	u.end(meter.Settlement{}, u.r.Abort) // does nothing once it has ended
}

func (u *use) run(dice int) {
	if dice < 10 {
		panic(errPanic) // before the intent
	}
	if !u.intend() {
		return
	}
	if dice < 20 {
		panic(errPanic) // after it
	}
	if dice%4 == 0 {
		time.Sleep(rand.N(5 * time.Millisecond))
	}
	took := settlement(rand.Int64N(int64(u.worst.MicroUSD) + 1))
	took.Amounts.Input = rand.Int64N(u.worst.Input + 1)
	if dice < 30 {
		took = meter.Settlement{Amounts: u.worst, Priced: true, Estimated: true}
	}
	took.Amounts.Streams = 0
	u.end(took, func() { u.overrun(u.r.Settle(took)) })
}

func (u *use) overrun(o meter.Overrun) {
	if len(o.Accounts) > 0 {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.errorf("overrun: %+v", o)
	}
}

// reserved notes a reservation, after it was made: the second books never hold more
// than the meter. It returns false when the process is dead.
func (u *use) reserved() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.p.dead.Load() {
		return false
	}
	u.uses[u.p] = append(u.uses[u.p], u)
	for _, l := range u.lines {
		u.hold(l, u.worst.Of(l.Unit))
	}
	return true
}

func (u *use) hold(l budget.Line, more int64) {
	if u.held[l.Budget] += more; u.held[l.Budget] > l.Limit {
		u.errorf("budget %s: %d %s are in use, the limit is %d", l.Budget, u.held[l.Budget], l.Unit, l.Limit)
	}
}

// intend records the intent.
func (u *use) intend() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.p.dead.Load() {
		return false
	}
	index := u.p.unheard(u.t, u.r)
	u.intent = &index
	if rand.IntN(10) > 0 { // else the process does not hear of it
		u.r.Intended(index)
	}
	return true
}

// end records the outcome, and then settles: before, the second books let go.
func (u *use) end(took meter.Settlement, settle func()) {
	if u.over(took) {
		settle()
	}
}

func (u *use) over(took meter.Settlement) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.p.dead.Load() || u.took != nil {
		return false
	}
	u.took = &took.Amounts
	if u.intent != nil {
		index := u.p.log.enqueue(u.t, outcomeOf(*u.intent, took))
		u.outcome = &index
	}
	for _, l := range u.lines {
		u.hold(l, took.Amounts.Of(l.Unit)-u.worst.Of(l.Unit))
	}
	return true
}

// crash ends a process and starts the next.
func (s *storm) crash(i int, w weather) {
	s.mu.Lock()
	p := s.replicas[i]
	p.die()
	p.log.crash()
	s.close(p)
	s.mu.Unlock()
	next := s.begin(p.shard, p.log, w)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replicas[i] = next
}

// close adds up what a process's calls may have been settled at.
func (s *storm) close(p *process) {
	for _, u := range s.uses[p] {
		for _, l := range s.lines {
			least, most := u.cost(l.Unit)
			b := s.bounds[l.Budget]
			s.bounds[l.Budget] = [2]int64{b[0] + least, b[1] + most}
			if u.took == nil {
				s.held[l.Budget] += most - u.worst.Of(l.Unit)
			}
		}
	}
	delete(s.uses, p)
}

// cost is what a call of a process that has ended was charged: where the log lost
// the outcome, it depends on what the process had reported.
func (u *use) cost(unit budget.Unit) (least, most int64) {
	worst := u.worst.Of(unit)
	switch {
	case unit == budget.Streams || u.intent == nil:
		return 0, 0
	case u.took == nil:
		return worst, worst
	case *u.outcome >= u.p.log.head() && u.p.dead.Load():
		return u.took.Of(unit), worst
	}
	return u.took.Of(unit), u.took.Of(unit)
}

// compare lets the storm calm down, and then compares the books to the micro-dollar.
func (s *storm) compare() {
	for _, p := range s.replicas {
		s.close(p)
		p.store.flaky.Store(0)
		p.store.slow.Store(0)
	}
	calm(s.t, s.replicas...)
	for i, l := range s.lines {
		all, err := s.db.BudgetAccounts(context.Background(), store.BudgetFilter{Budget: l.Budget})
		if err != nil || len(all) > 1 {
			s.errorf("%+v, %v", all, err)
		}
		for _, a := range all {
			if b := s.bounds[l.Budget]; a.Settled < b[0] || a.Settled > b[1] || a.Out != 0 || a.Reserved != 0 {
				s.errorf("want between %d and %d settled, and nothing out: %+v", b[0], b[1], a)
			}
			s.exhaust(l, a.Settled, s.replicas[i%len(s.replicas)])
		}
	}
}

// exhaust wants one replica to get all that is left, and no more.
func (s *storm) exhaust(l budget.Line, settled int64, p *process) {
	left := l.Limit - settled
	if l.Unit == budget.Streams || left == 0 {
		return
	}
	c := callOf(newID(), left)
	c.Worst = budget.Amounts{MicroUSD: budget.Money(left), Input: left, Requests: left}
	r, err := p.Reserve(context.Background(), lines(l), c)
	if err != nil { // it may remember that there was less
		time.Sleep(meter.DryFor)
		r, err = p.Reserve(context.Background(), lines(l), c)
	}
	if err != nil {
		s.errorf("%d are left: %v", left, err)
		return
	}
	if _, err := p.Reserve(context.Background(), lines(l), callOf(newID(), 1)); err == nil {
		s.errorf("there is more than %d", left)
	}
	r.Abort()
}
