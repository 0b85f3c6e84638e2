package meter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/store"
)

// Recovered says what the log knew that the store did not.
type Recovered struct {
	Scanned  int // records that were read
	Settled  int // calls settled at what their outcome says
	Unknown  int // calls without an outcome, settled at all that was reserved
	MicroUSD budget.Money
	Frozen   []string // accounts that froze
}

// Recover takes the shard's accounts over and settles what the process before could
// not report, as the log has it. scan visits the log's entries from an index on, in
// order; journal.Scan does. It is called before anything is served. After an error it
// can be called again.
func (m *Meter) Recover(ctx context.Context, scan func(ctx context.Context, from uint64, visit func(index uint64, entry []byte) error) error) (Recovered, error) {
	claimed, err := m.cfg.leaser.ClaimMark(ctx, m.cfg.Shard, m.boot)
	if err != nil {
		return Recovered{}, err
	}
	head := m.cfg.Head()
	s := newSalvage(claimed.Mark, m.cfg.People)
	err = scan(ctx, min(claimed.First, claimed.Head, head), func(index uint64, entry []byte) error {
		if index >= head {
			return nil
		}
		return s.visit(index, entry)
	})
	if err != nil {
		return Recovered{}, fmt.Errorf("reading what was spent from the log: %w", err)
	}
	if err := s.rest(); err != nil {
		return Recovered{}, fmt.Errorf("reading what was spent from the log: %w", err)
	}
	report := store.LeaseReport{Shard: m.cfg.Shard, Boot: m.boot, Turn: claimed.Turn + 1, Seq: claimed.Seq + 1,
		Mark: store.Mark{Head: head, First: head}, Entries: s.entries(), Spend: s.spend.take(), Anew: true}
	if _, err := m.cfg.leaser.Lease(ctx, report, nil); err != nil {
		return Recovered{}, fmt.Errorf("settling what was spent before: %w", err)
	}
	m.turn, m.seq = report.Turn, report.Seq
	m.ready.Store(true)
	return s.found, nil
}

// salvage settles calls from the log.
type salvage struct {
	mark   store.Mark
	open   map[string]bool
	people func(identity string) (owner, sponsor string)
	calls  map[uint64]*auditlog.Record // intents that count, and have no outcome yet
	sums   map[string]*store.LeaseEntry
	spend  spendSums
	found  Recovered
}

func newSalvage(mark store.Mark, people func(string) (string, string)) *salvage {
	s := &salvage{mark: mark, open: make(map[string]bool, len(mark.Open)), people: people,
		calls: make(map[uint64]*auditlog.Record), sums: make(map[string]*store.LeaseEntry)}
	s.spend.rows = make(map[store.SpendTags]*store.SpendRow)
	for _, id := range mark.Open {
		s.open[id] = true
	}
	return s
}

// visit reads one entry. An intent without a budget is of a time before there were
// any, and costs nothing.
func (s *salvage) visit(index uint64, entry []byte) error {
	s.found.Scanned++
	r, err := auditlog.ParseRecord(entry)
	if err != nil {
		return fmt.Errorf("entry %d: %w", index, err)
	}
	switch {
	case r.Kind == auditlog.KindIntent && r.Budget != nil && (index >= s.mark.Head || s.open[r.ID]):
		s.calls[index] = r
	case r.Kind == auditlog.KindOutcome && r.Outcome != nil && s.calls[r.Outcome.Intent] != nil:
		intent := s.calls[r.Outcome.Intent]
		delete(s.calls, r.Outcome.Intent)
		s.found.Settled++
		return s.settle(intent, settlementOf(intent, r.Usage))
	}
	return nil
}

// rest settles the calls that have no outcome.
func (s *salvage) rest() error {
	var errs []error
	for _, intent := range s.calls {
		s.found.Unknown++
		errs = append(errs, s.settle(intent, settlementOf(intent, nil)))
	}
	return errors.Join(errs...)
}

// settlementOf is what an outcome says that a call was charged; all that was
// reserved when it says nothing.
func settlementOf(intent *auditlog.Record, u *auditlog.Usage) Settlement {
	if u == nil || u.Settled == nil {
		return Settlement{Amounts: amountsOf(intent.Budget), Priced: !intent.Budget.Unpriced, Estimated: true}
	}
	return Settlement{Amounts: amountsOf(u.Settled), Priced: !u.Settled.Unpriced, Estimated: u.Settled.Estimated, GuardrailUnits: u.GuardrailUnits,
		Tokens: bedrock.Tokens{Input: u.Input, Output: u.Output, CacheRead: u.CacheRead, CacheWrite: u.CacheWrite, CacheWriteHour: u.CacheWriteHour}}
}

func amountsOf(b *auditlog.Budget) budget.Amounts {
	return budget.Amounts{MicroUSD: budget.Money(b.MicroUSD), Input: b.Input, Output: b.Output, Requests: b.Requests, Streams: b.Streams}
}

// settle charges the accounts that an intent names. Places of streams were given
// back when the process ended.
func (s *salvage) settle(intent *auditlog.Record, by Settlement) error {
	worst := amountsOf(intent.Budget)
	by = by.sound(Call{Worst: worst})
	for _, id := range intent.Budget.Accounts {
		e, err := s.entry(id)
		if err != nil {
			return err
		}
		unit := budget.Unit(e.Account.Unit)
		if unit == budget.Streams {
			continue
		}
		e.Settled += by.Amounts.Of(unit)
		if by.Amounts.Of(unit) > worst.Of(unit) && e.Freeze == "" {
			e.Freeze = overrun
			s.found.Frozen = append(s.found.Frozen, id)
		}
	}
	s.found.MicroUSD += by.Amounts.MicroUSD
	tags := s.tags(intent)
	s.spend.put(&tags, &by, intent.Budget.Unpriced)
	return nil
}

// entry is what is reported of an account. Its row is there, unless an older copy
// of the store was put back; then the row is made from the name, and the next ask
// completes it.
func (s *salvage) entry(id string) (*store.LeaseEntry, error) {
	if e := s.sums[id]; e != nil {
		return e, nil
	}
	parts := strings.Split(id, "|")
	if len(parts) != 5 {
		return nil, fmt.Errorf("%q is no account of a budget", id)
	}
	a := store.LeaseAccount{ID: id, Budget: name(parts[0]), Key: name(parts[1]), Unit: parts[2], Window: parts[3], Limit: -1}
	if parts[4] != "" {
		at, err := time.Parse(time.RFC3339, parts[4])
		if err != nil {
			return nil, fmt.Errorf("%q is no account of a budget", id)
		}
		a.Start = at
	}
	s.sums[id] = &store.LeaseEntry{Account: a}
	return s.sums[id], nil
}

// name undoes how budget writes names into the ID of an account.
func name(part string) string { return strings.NewReplacer("%7C", "|", "%25", "%").Replace(part) }

func (s *salvage) entries() []store.LeaseEntry {
	out := make([]store.LeaseEntry, 0, len(s.sums))
	for _, e := range s.sums {
		out = append(out, *e)
	}
	return out
}

// tags is what a record says of its call.
func (s *salvage) tags(r *auditlog.Record) store.SpendTags {
	t := store.SpendTags{Day: dayOf(r.Time.Time)}
	if w := r.Who; w != nil {
		t.Identity, t.Team, t.Environment = w.Identity, w.Team, w.Environment
		if s.people != nil {
			t.Owner, t.Sponsor = s.people(w.Identity)
		}
	}
	if c := r.Call; c != nil {
		t.Model, t.Profile, t.Region, t.Account, t.Operation = c.Model, c.Profile, c.RegionCalled, c.Account, c.Operation
	}
	if r.Right != nil && len(r.Right.Entitlements) > 0 {
		t.Entitlement = r.Right.Entitlements[0]
	}
	if r.Request != nil {
		t.Tier = r.Request.Tier
	}
	return t
}
