package spend

import (
	"fmt"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/bedrock"
)

// Call is one call of Writ's own record.
type Call struct {
	RequestID string // Bedrock's; empty: not known
	At        time.Time
	Account   string
	Region    string
	Operation string
	Model     string // as the catalogue names it; else as the caller did
	Identity  string
	Tokens    bedrock.Tokens
	MicroUSD  int64 // at list price, or what was reserved where Estimated
	Priced    bool
	Estimated bool
	Status    int // of Bedrock's answer; 0: it is not known how the call ended
	matched   bool
	edge      bool // just outside of the period: known only so that its other side is
}

// nothing reports whether a call failed and used nothing, so that it need not be in
// anybody's books.
func (c *Call) nothing() bool {
	return c.Status >= 400 && c.Tokens == bedrock.Tokens{} && c.MicroUSD == 0
}

// edge is how far beyond a period calls are kept, since AWS's clock and Writ's, and
// a call's begin and end, are not the same moment.
const edge = time.Hour

// maxCalls bounds what a comparison holds in memory, about 300 bytes each.
const maxCalls = 10_000_000

// Ledger is what the audit log says of the calls of a period.
type Ledger struct {
	Period Period
	cat    *bedrock.Catalogue
	calls  []*Call
	open   map[uint64]*Call // intents of the log being read
}

// NewLedger makes an empty one.
func NewLedger(p Period, cat *bedrock.Catalogue) *Ledger {
	return &Ledger{Period: p, cat: cat, open: map[uint64]*Call{}}
}

// EndOfLog says that what is added next is of another log, with indexes of its own.
func (l *Ledger) EndOfLog() { clear(l.open) }

// Add takes one entry of an audit log, in the log's order.
func (l *Ledger) Add(index uint64, entry []byte) error {
	r, err := auditlog.ParseRecord(entry)
	if err != nil {
		return fmt.Errorf("record %d: %w", index, err)
	}
	switch r.Kind {
	case auditlog.KindIntent:
		return l.begin(index, r)
	case auditlog.KindOutcome:
		if c := l.open[r.Outcome.Intent]; c != nil {
			delete(l.open, r.Outcome.Intent)
			c.end(r)
		}
	}
	return nil
}

func (l *Ledger) begin(index uint64, r *auditlog.Record) error {
	if r.Call == nil || r.Who == nil || !l.near(r.Time.Time) {
		return nil
	}
	if len(l.calls) == maxCalls {
		return fmt.Errorf("there are more than %d calls: compare a shorter time", maxCalls)
	}
	c := &Call{
		At: r.Time.UTC(), Account: r.Call.Account, Region: r.Call.RegionCalled, Operation: r.Call.Operation,
		Model: first(r.Call.Model, baseModel(l.cat, r.Call.ModelRequested)), Identity: r.Who.Identity,
		Estimated: true, edge: !l.Period.Holds(r.Time.Time),
	}
	if b := r.Budget; b != nil && !b.Unpriced {
		c.MicroUSD, c.Priced = b.MicroUSD, true
	}
	l.calls, l.open[index] = append(l.calls, c), c
	return nil
}

func (l *Ledger) near(at time.Time) bool {
	return l.Period.Holds(at) || l.Period.Holds(at.Add(edge)) || l.Period.Holds(at.Add(-edge))
}

// end takes how a call ended; what was charged for it, where nobody said what it used.
func (c *Call) end(r *auditlog.Record) {
	c.RequestID, c.Status = r.Outcome.UpstreamRequestID, r.Outcome.Status
	u := r.Usage
	if u == nil {
		return
	}
	c.Tokens = bedrock.Tokens{Input: u.Input, Output: u.Output, CacheRead: u.CacheRead, CacheWrite: u.CacheWrite, CacheWriteHour: u.CacheWriteHour}
	c.Estimated = u.Source == "estimate" || u.Settled != nil && u.Settled.Estimated
	switch {
	case u.Settled != nil:
		c.MicroUSD, c.Priced = u.Settled.MicroUSD, !u.Settled.Unpriced
	case u.CostMicroUSD != nil:
		c.MicroUSD, c.Priced = *u.CostMicroUSD, true
	default:
		c.MicroUSD, c.Priced = 0, false
	}
}
