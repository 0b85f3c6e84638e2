package rights

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
)

// What can be wrong with a narrowing of an entitlement.
var (
	// ErrWider: it names what the entitlement does not give.
	ErrWider = errors.New("the entitlement does not give that")
	// ErrNothingLeft: nothing is left of the right.
	ErrNothingLeft = errors.New("nothing is left of the right")
)

// Narrow is what is left of an entitlement under a narrowing, which may be nil.
// The error is ErrWider where the narrowing names what the entitlement does not
// give: whoever writes one means something by each name. A limit above the
// entitlement's own is none. It is ErrNothingLeft where the two exclude one
// another.
func Narrow(e Entitlement, n *Narrowing) (Entitlement, error) {
	if n == nil {
		return e, nil
	}
	if err := n.Validate(); err != nil {
		return Entitlement{}, err
	}
	if err := n.within(&e); err != nil {
		return Entitlement{}, err
	}
	left, ok := e.Under(n)
	if !ok {
		return Entitlement{}, ErrNothingLeft
	}
	return left, nil
}

// Under is what a live grant gives of an entitlement under a narrowing, which
// may be nil: what both allow. It is false when that is nothing, as when the
// entitlement has since lost what the narrowing names.
func (e Entitlement) Under(n *Narrowing) (Entitlement, bool) {
	if n.Empty() {
		return e, true
	}
	var left meeting
	c := &e.Conditions
	e.Models = left.some(e.Models, n.Models)
	c.Networks = left.any(c.Networks, n.Networks)
	c.Regions = left.any(c.Regions, n.Regions)
	c.Purposes = left.any(c.Purposes, n.Purposes)
	if len(n.ServiceTiers) > 0 {
		c.ServiceTiers = left.some(tiersOf(c), n.ServiceTiers)
	}
	c.MaxTokens = least(c.MaxTokens, n.MaxTokens)
	c.MaxSessionAge = least(c.MaxSessionAge, n.MaxSession)
	c.HoldAnswer = c.HoldAnswer || n.HoldAnswer
	c.Data = c.Data.under(n)
	e.act(&left, n)
	return e, !left.nothing
}

// Alone is the entitlement as one grant of it gives it. Where its answers are held
// or ruled on it starts nothing asynchronous (security S3): Place.Granted says so
// by denying that whatever else is held, and this by not naming it.
func (e Entitlement) Alone() Entitlement {
	c := &e.Conditions
	if c.HoldsAnswers() {
		e.startNothing()
	}
	if !slices.Contains(e.Actions, startAsync) {
		c.Outputs = nil
	}
	return e
}

// act narrows the actions, and drops what has no use without those that go.
func (e *Entitlement) act(left *meeting, n *Narrowing) {
	if len(n.Actions) > 0 {
		e.Actions = left.some(e.gives(), n.Actions)
	}
	c := &e.Conditions
	if n.NoTools {
		if len(c.Tools.Write) > 0 || c.Tools.Any {
			e.startNothing() // as before: what holds calls of tools starts nothing
		}
		c.Tools, c.SystemTools = Tools{}, nil
	}
	if len(e.Actions) > 0 && !slices.Contains(e.Actions, startAsync) {
		e.Actions = slices.DeleteFunc(slices.Clone(e.Actions), func(a string) bool { return a == bedrock.TagResource })
		c.Outputs = nil
		left.nothing = left.nothing || len(e.Actions) == 0
	}
}

const startAsync = string(bedrock.StartAsyncInvoke)

// gives lists the entitlement's actions, with those that come with others.
func (e *Entitlement) gives() []string {
	if len(e.Actions) == 0 {
		return []string{bedrock.InvokeModel.Action(), bedrock.InvokeModelWithResponseStream.Action()}
	}
	given := slices.Clone(e.Actions)
	if slices.Contains(given, startAsync) {
		given = append(given, bedrock.GetAsyncInvoke.Action(), bedrock.ListAsyncInvokes.Action())
		slices.Sort(given)
		given = slices.Compact(given)
	}
	return given
}

// startNothing takes StartAsyncInvoke away, and leaves what comes with it.
func (e *Entitlement) startNothing() {
	if slices.Contains(e.Actions, startAsync) {
		e.Actions = slices.DeleteFunc(e.gives(), func(a string) bool { return a == startAsync })
	}
}

func (d Data) under(n *Narrowing) Data {
	d.MaxLevel = lower(d.MaxLevel, n.MaxLevel)
	d.Forbid = either(d.Forbid, n.Forbid)
	d.Regulated = d.Regulated && !n.NoRegulated
	d.Unscanned = d.Unscanned && !n.NoUnscanned
	d.Redact = d.Redact || n.Redact
	if d.Output != nil {
		out := Output{
			Regulated: d.Output.Regulated && !n.NoRegulated, Unscanned: d.Output.Unscanned && !n.NoUnscanned,
			MaxLevel: lower(d.Output.MaxLevel, n.MaxLevel), Forbid: either(d.Output.Forbid, n.Forbid), Redact: d.Output.Redact || n.Redact,
		}
		d.Output = &out
	}
	return d
}

// tiersOf are the service tiers allowed, with the default filled in.
func tiersOf(c *Conditions) []string {
	if len(c.ServiceTiers) == 0 {
		return []string{"default"}
	}
	return c.ServiceTiers
}

// within reports what a narrowing names that an entitlement does not give.
func (n *Narrowing) within(e *Entitlement) error {
	c := &e.Conditions
	var errs []error
	for _, f := range []struct {
		field        string
		named, given []string
		open         bool // nothing given means anything
	}{
		{"models", n.Models, e.Models, false},
		{"actions", n.Actions, e.gives(), false},
		{"networks", n.Networks, c.Networks, true},
		{"regions", n.Regions, c.Regions, true},
		{"purposes", n.Purposes, c.Purposes, true},
		{"serviceTiers", n.ServiceTiers, tiersOf(c), false},
	} {
		if f.open && len(f.given) == 0 {
			continue
		}
		for _, name := range f.named {
			if !slices.Contains(f.given, name) {
				errs = append(errs, fmt.Errorf("%s: %q: %w: want some of %s", f.field, name, ErrWider, strings.Join(f.given, ", ")))
			}
		}
	}
	return errors.Join(errs...)
}

// Validate reports what is wrong with a narrowing taken alone, or nil. What it
// may name depends on the entitlement: see Narrow.
func (n *Narrowing) Validate() error {
	var errs problems
	for field, names := range map[string][]string{
		"models": n.Models, "actions": n.Actions, "networks": n.Networks, "regions": n.Regions,
		"purposes": n.Purposes, "forbid": n.Forbid, "serviceTiers": n.ServiceTiers,
	} {
		errs.unique(field, names)
	}
	errs.among("actions", n.Actions, bedrock.Actions())
	for _, name := range n.Networks {
		if !identity.ValidName(name) {
			errs.add("networks: %q is not a name", name)
		}
	}
	for _, r := range n.Regions {
		if r != UnspecifiedRegion && !bedrock.ValidRegion(r) {
			errs.add("regions: %q is neither a region nor %q", r, UnspecifiedRegion)
		}
	}
	errs.among("serviceTiers", n.ServiceTiers, serviceTiers)
	errs = append(errs, Data{MaxLevel: n.MaxLevel, Forbid: n.Forbid}.validate()...)
	if n.MaxTokens < 0 || n.MaxSession < 0 {
		errs.add("maxTokens and maxSessionAge must not be negative")
	}
	if n.SpendUSD != nil && (*n.SpendUSD < 0 || *n.SpendUSD > MaxSpendUSD) {
		errs.add("spendUSD: want 0 to %d", MaxSpendUSD)
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// And is what two narrowings leave together. The error is ErrNothingLeft where
// they exclude one another.
func (n Narrowing) And(m Narrowing) (Narrowing, error) {
	var left meeting
	n.Models = left.any(n.Models, m.Models)
	n.Actions = left.any(n.Actions, m.Actions)
	n.Networks = left.any(n.Networks, m.Networks)
	n.Regions = left.any(n.Regions, m.Regions)
	n.Purposes = left.any(n.Purposes, m.Purposes)
	n.ServiceTiers = left.any(n.ServiceTiers, m.ServiceTiers)
	n.MaxLevel = lower(n.MaxLevel, m.MaxLevel)
	n.Forbid = either(n.Forbid, m.Forbid)
	n.NoRegulated = n.NoRegulated || m.NoRegulated
	n.NoUnscanned = n.NoUnscanned || m.NoUnscanned
	n.Redact = n.Redact || m.Redact
	n.NoTools = n.NoTools || m.NoTools
	n.HoldAnswer = n.HoldAnswer || m.HoldAnswer
	n.MaxTokens = least(n.MaxTokens, m.MaxTokens)
	n.MaxSession = least(n.MaxSession, m.MaxSession)
	if n.SpendUSD == nil || m.SpendUSD != nil && *m.SpendUSD < *n.SpendUSD {
		n.SpendUSD = m.SpendUSD
	}
	if left.nothing {
		return Narrowing{}, ErrNothingLeft
	}
	return n, nil
}

// Empty reports whether a narrowing takes nothing away. A nil one does not.
func (n *Narrowing) Empty() bool {
	return n == nil || len(n.Models)+len(n.Actions)+len(n.Networks)+len(n.Regions)+len(n.Purposes)+len(n.Forbid)+len(n.ServiceTiers) == 0 &&
		n.MaxLevel == "" && n.MaxTokens == 0 && n.MaxSession == 0 && !n.NoRegulated && !n.NoUnscanned && !n.Redact && !n.NoTools && !n.HoldAnswer && n.SpendUSD == nil
}

// Ruled is the narrowing without what it says of money: what a call may cost is
// for budgets, and no rule reads it.
func (n *Narrowing) Ruled() *Narrowing {
	if n == nil || n.SpendUSD == nil {
		return n
	}
	ruled := *n
	ruled.SpendUSD = nil
	return &ruled
}

// meeting makes what pairs of lists have in common, and notes when that is
// nothing: an empty list would say the opposite.
type meeting struct{ nothing bool }

// some is what both of two lists name.
func (m *meeting) some(given, named []string) []string {
	if len(named) == 0 {
		return given
	}
	out := slices.DeleteFunc(slices.Clone(given), func(s string) bool { return !slices.Contains(named, s) })
	m.nothing = m.nothing || len(out) == 0
	return out
}

// any is what both of two lists name, of which an empty one names everything.
func (m *meeting) any(given, named []string) []string {
	if len(given) == 0 {
		return named
	}
	return m.some(given, named)
}

// either is what one of two lists names.
func either(a, b []string) []string {
	out := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// least is the lower of two limits, of which zero is none.
func least[N int64 | identity.Duration](a, b N) N {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// lower is the lower of two levels of data, of which an empty one is no limit.
func lower(a, b string) string {
	x, errX := dataclass.ParseLevel(a)
	y, errY := dataclass.ParseLevel(b)
	switch {
	case errX != nil:
		return b
	case errY != nil || x <= y:
		return a
	}
	return b
}
