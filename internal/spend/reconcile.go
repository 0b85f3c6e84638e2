package spend

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/writ-project/writ/internal/bedrock"
)

// Sums is what some calls used, as one side has it.
type Sums struct {
	Calls      int64 `json:"calls"`
	Input      int64 `json:"input"` // tokens, without cache reads and writes
	Output     int64 `json:"output"`
	CacheRead  int64 `json:"cacheRead,omitempty"`
	CacheWrite int64 `json:"cacheWrite,omitempty"` // for however long
	// CostMicroUSD is at list price; of a bill, what it says.
	CostMicroUSD int64 `json:"costMicroUsd"`
	Unpriced     int64 `json:"unpriced,omitempty"` // calls without a price
}

func (s *Sums) add(o Sums) {
	for _, p := range [][2]*int64{
		{&s.Calls, &o.Calls}, {&s.Input, &o.Input}, {&s.Output, &o.Output}, {&s.CacheRead, &o.CacheRead},
		{&s.CacheWrite, &o.CacheWrite}, {&s.CostMicroUSD, &o.CostMicroUSD}, {&s.Unpriced, &o.Unpriced},
	} {
		*p[0] = add(*p[0], *p[1])
	}
}

func (s *Sums) sameTokens(o *Sums) bool {
	return s.Input == o.Input && s.Output == o.Output && s.CacheRead == o.CacheRead && s.CacheWrite == o.CacheWrite
}

// sumsOf is one call's tokens and cost.
func sumsOf(t bedrock.Tokens, micro int64, priced bool) Sums {
	s := Sums{Calls: 1, Input: t.Input, Output: t.Output, CacheRead: t.CacheRead, CacheWrite: add(t.CacheWrite, t.CacheWriteHour), CostMicroUSD: micro}
	if !priced {
		s.CostMicroUSD, s.Unpriced = 0, 1
	}
	return s
}

func (c *Call) sums() Sums { return sumsOf(c.Tokens, c.MicroUSD, c.Priced) }

// Place is where and when something was used.
type Place struct {
	Day     string `json:"day"` // in UTC
	Account string `json:"account"`
	Region  string `json:"region"`
	// Model is as the catalogue names it. Empty: all models together, since the bill
	// names one that the catalogue does not know.
	Model string `json:"model,omitempty"`
}

func (c *Call) place() Place {
	return Place{c.At.Format(time.DateOnly), c.Account, c.Region, c.Model}
}

// Cell is one place where the two sides differ.
type Cell struct {
	Place
	Writ Sums `json:"writ"`
	AWS  Sums `json:"aws"`
}

// Difference is one call that both sides have, with other counts.
type Difference struct {
	RequestID string `json:"requestId"`
	Identity  string `json:"identity"`
	Model     string `json:"model"`
	// Estimated says that Writ did not learn what was used, and charged what it had
	// reserved.
	Estimated bool `json:"estimated,omitempty"`
	Writ      Sums `json:"writ"`
	AWS       Sums `json:"aws"`
}

// Stranger is whoever called Bedrock without Writ having a record of it.
type Stranger struct {
	Principal string `json:"principal,omitempty"` // ARN; absent: AWS does not say
	// Gateway says that Writ's own calls are made with the same role: they may be
	// calls whose request id Writ did not learn, or somebody else holds the role.
	Gateway bool      `json:"gateway,omitempty"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	Sums
}

// Beyond is what AWS has and Writ has no record of.
type Beyond struct {
	Source string     `json:"source"` // invocation logs, or bill
	From   string     `json:"from"`   // the first day, in UTC; absent: as far as there are records
	To     string     `json:"to"`
	By     []Stranger `json:"by,omitempty"` // the dearest first; not known from a bill that names nobody
	Sums
}

// Reconciliation is how Writ's record and AWS's compare.
type Reconciliation struct {
	Source string `json:"source"` // invocation logs, or bill
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	Equal  bool   `json:"equal"`
	Writ   Sums   `json:"writ"` // what could be compared
	AWS    Sums   `json:"aws"`
	// Matched counts the calls that both sides have, by their request id.
	Matched int64 `json:"matched,omitempty"`
	// Different are calls that both have with other counts, at most a thousand of
	// them; DifferentCount is how many there are.
	Different      []Difference `json:"different,omitempty"`
	DifferentCount int64        `json:"differentCount,omitempty"`
	// OnlyWrit is what Writ has and AWS does not.
	OnlyWrit Sums   `json:"onlyWrit"`
	Beyond   Beyond `json:"beyond"`
	// Nameless are Writ's calls without a request id of Bedrock: cut off before the
	// answer, or of a crash. They are in neither OnlyWrit nor Matched.
	Nameless Sums `json:"nameless"`
	// Elsewhere counts Writ's calls of operations that AWS's side does not tell of.
	Elsewhere int64  `json:"elsewhere,omitempty"`
	Cells     []Cell `json:"cells,omitempty"` // where sums differ
	// BilledMicroUSD is what the bill asks for, after discounts; costs are compared
	// at its list prices where it has them.
	BilledMicroUSD int64     `json:"billedMicroUsd,omitempty"`
	Files          int       `json:"files"`
	Skipped        []Skipped `json:"skipped,omitempty"` // at most a thousand
	SkippedCount   int64     `json:"skippedCount,omitempty"`
}

// maxListed bounds how many differences and skipped lines are listed.
const maxListed = 1000

// NoteSkipped records a part of a file that could not be read. What is skipped is
// not compared, so it can hide a difference: the sides are then not called equal.
func (r *Reconciliation) NoteSkipped(s Skipped) {
	r.SkippedCount++
	if len(r.Skipped) < maxListed {
		r.Skipped = append(r.Skipped, s)
	}
}

// logged are the operations that invocation logs hold.
var logged = map[string]bool{"Converse": true, "ConverseStream": true, "InvokeModel": true, "InvokeModelWithResponseStream": true}

// Comparison sets invocation logs beside a ledger.
type Comparison struct {
	out      Reconciliation
	ledger   *Ledger
	byID     map[string]*Call
	seen     map[string]bool // request ids of the log that Writ does not have
	cells    map[Place]*Cell
	own      map[string]bool // roles of calls that Writ made
	stranger map[string]*Stranger
	days     span
}

// span is the first and the last day of what AWS delivered: an end of the period
// that is open is there, since of what is outside AWS's side says nothing.
type span struct{ first, last string }

func (s *span) see(day string) {
	if s.first == "" || day < s.first {
		s.first = day
	}
	if day > s.last {
		s.last = day
	}
}

// within closes the open ends of a period.
func (s *span) within(p Period) Period {
	return Period{From: first(p.From, s.first), To: first(p.To, s.last)}
}

// Compare begins a comparison with invocation logs. The ledger is complete.
func Compare(l *Ledger) *Comparison {
	c := &Comparison{
		ledger: l, byID: map[string]*Call{}, seen: map[string]bool{}, cells: map[Place]*Cell{}, own: map[string]bool{}, stranger: map[string]*Stranger{},
		out: Reconciliation{Source: "invocation logs"},
	}
	for _, call := range l.calls {
		if call.RequestID != "" {
			c.byID[call.RequestID] = call
		}
	}
	return c
}

// Result is what was found so far; callers note files and skipped lines in it.
func (c *Comparison) Result() *Reconciliation { return &c.out }

// Add takes one record of the log. A record that comes twice counts once.
func (c *Comparison) Add(v Invocation) {
	c.days.see(v.At.Format(time.DateOnly))
	if call := c.byID[v.RequestID]; call != nil {
		c.match(call, v)
		return
	}
	if !c.ledger.Period.Holds(v.At) || c.seen[v.RequestID] {
		return
	}
	c.seen[v.RequestID] = true
	model := baseModel(c.ledger.cat, v.Model)
	micro, priced := c.price(model, v)
	s := sumsOf(v.Tokens, micro, priced)
	c.cell(Place{v.At.Format(time.DateOnly), v.Account, v.Region, model}).AWS.add(s)
	c.out.AWS.add(s)
	c.out.Beyond.add(s)
	c.meet(v, s)
}

func (c *Comparison) cell(p Place) *Cell {
	if c.cells[p] == nil {
		c.cells[p] = &Cell{Place: p}
	}
	return c.cells[p]
}

// meet adds up whoever called beside Writ.
func (c *Comparison) meet(v Invocation, s Sums) {
	st := c.stranger[v.Principal]
	if st == nil {
		st = &Stranger{Principal: v.Principal, First: v.At, Last: v.At}
		c.stranger[v.Principal] = st
	}
	if v.At.Before(st.First) {
		st.First = v.At
	}
	if v.At.After(st.Last) {
		st.Last = v.At
	}
	st.add(s)
}

func (c *Comparison) match(call *Call, v Invocation) {
	if call.matched {
		return
	}
	call.matched = true
	c.own[roleOf(v.Principal)] = true
	if call.edge {
		return
	}
	c.out.Matched++
	writ, aws := call.sums(), sumsOf(v.Tokens, call.MicroUSD, call.Priced)
	if !writ.sameTokens(&aws) {
		aws.CostMicroUSD, aws.Unpriced = 0, 1
		if micro, ok := c.price(call.Model, v); ok {
			aws.CostMicroUSD, aws.Unpriced = micro, 0
		}
		c.out.DifferentCount++
		if len(c.out.Different) < maxListed {
			c.out.Different = append(c.out.Different, Difference{v.RequestID, call.Identity, call.Model, call.Estimated, writ, aws})
		}
	}
	cell := c.cell(call.place())
	cell.Writ.add(writ)
	cell.AWS.add(aws)
	c.out.Writ.add(writ)
	c.out.AWS.add(aws)
}

// roleOf is an ARN without the session's name.
func roleOf(arn string) string {
	if head, role, ok := strings.Cut(arn, ":assumed-role/"); ok {
		role, _, _ = strings.Cut(role, "/")
		return head + ":assumed-role/" + role
	}
	return arn
}

// price is the list price of what a log says was used. It does not say the tier,
// nor how long caches were to be kept: standard, and five minutes.
func (c *Comparison) price(model string, v Invocation) (int64, bool) {
	m, profile := c.ledger.cat.Find(v.Model)
	q, ok := c.ledger.cat.Quote(bedrock.PriceQuestion{Model: first(m.ID, model), Profile: profile, At: v.At})
	if !ok {
		return 0, false
	}
	return q.Cost(v.Tokens, 0)
}

// End closes the comparison: what only Writ has, and whether the two are equal.
func (c *Comparison) End() Reconciliation {
	p := c.days.within(c.ledger.Period)
	c.out.From, c.out.To = p.From, p.To
	for _, call := range c.ledger.calls {
		switch {
		case call.matched || call.edge || !p.Holds(call.At):
		case !logged[call.Operation]:
			c.out.Elsewhere++
		case call.nothing():
		case call.RequestID == "":
			c.out.Nameless.add(call.sums())
		default:
			c.out.OnlyWrit.add(call.sums())
			c.out.Writ.add(call.sums())
			c.cell(call.place()).Writ.add(call.sums())
		}
	}
	b := &c.out.Beyond
	b.Source, b.From, b.To = c.out.Source, c.out.From, c.out.To
	for _, s := range c.stranger {
		s.Gateway = s.Principal != "" && c.own[roleOf(s.Principal)]
		b.By = append(b.By, *s)
	}
	slices.SortFunc(b.By, func(x, y Stranger) int {
		return cmp.Or(cmp.Compare(y.CostMicroUSD, x.CostMicroUSD), cmp.Compare(y.Calls, x.Calls), strings.Compare(x.Principal, y.Principal))
	})
	c.out.Cells = differing(c.cells, func(x *Cell) bool { return x.Writ != x.AWS })
	c.out.Equal = c.out.DifferentCount == 0 && c.out.OnlyWrit == Sums{} && b.Calls == 0 && c.out.Nameless == Sums{} && c.out.SkippedCount == 0
	return c.out
}

// ReadReconciliation reads what a comparison found, as writ spend reconcile --json
// prints it.
func ReadReconciliation(r io.Reader) (Reconciliation, error) {
	var out Reconciliation
	b, err := io.ReadAll(io.LimitReader(r, maxSaved+1))
	if err != nil {
		return out, err
	}
	if len(b) > maxSaved {
		return out, fmt.Errorf("it is longer than %d bytes", maxSaved)
	}
	if err := json.Unmarshal(b, &out, json.RejectUnknownMembers(true)); err != nil || out.Source == "" {
		return Reconciliation{}, errors.New("it is not what writ spend reconcile --json prints")
	}
	return out, nil
}

// maxSaved bounds a saved comparison, in bytes.
const maxSaved = 64 << 20

// differing lists the cells in which the sides differ, in order.
func differing(cells map[Place]*Cell, differ func(*Cell) bool) []Cell {
	var out []Cell
	for _, x := range cells {
		if differ(x) {
			out = append(out, *x)
		}
	}
	slices.SortFunc(out, func(a, b Cell) int {
		return cmp.Or(strings.Compare(a.Day, b.Day), strings.Compare(a.Account, b.Account), strings.Compare(a.Region, b.Region), strings.Compare(a.Model, b.Model))
	})
	return out
}
