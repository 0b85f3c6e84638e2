package analyse

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/glob"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/rights"
)

// Mapping says whose Writ identity a principal of AWS is. Of several that match
// the first counts.
type Mapping struct {
	Principal string `json:"principal"`          // ARN of users or roles, with * and ?
	Identity  string `json:"identity,omitempty"` // name; empty: of nobody
}

// ShadowOptions say what was granted, and to whom.
type ShadowOptions struct {
	Bundle     *policy.Bundle                // required: the rules and grants
	Identities map[string]*identity.Identity // by name: those that the mapping names
	Mapping    []Mapping
	Account    string              // required: the gateway's own, which entitlements that name none are for
	Endpoints  map[string][]string // VPC endpoints by the network they belong to (rights.Place)
	Gateway    []string            // ARNs of the gateway's own roles, with * and ?: they are meant to invoke
	Regions    []string            // called; empty: the default one
	Progress   func(done, total int)
}

// ShadowRight is a right that AWS gives and that no live grant covers in full.
type ShadowRight struct {
	Principal *estate.Principal
	Identity  string   // empty: nobody's
	Grants    []string // live ones of the identity, by name
	Action    string
	Target    Target
	Coverage  rights.Coverage
	InAWS     rights.Decision
	// Condition, Remainder, Witness and Doubts are as rights.Remains has them.
	// For principals without live grants, of whom all that AWS allows remains,
	// they are left to Shadow.Remains.
	Condition []rights.Term
	Remainder []string
	Witness   *rights.Witness
	Doubts    []string
}

// ShadowTotals count rights: a principal, an action and a target in a region,
// that AWS allows or may allow. The gateway's roles are not among them.
type ShadowTotals struct {
	Principals int // with a right
	Mapped     int // of these, those that are an identity's
	Rights     int
	Covered    int // in full
	Narrower   int // as far as AWS could tell; the grant asks for more
	Partly     int
	Uncovered  int
	Unknown    int
}

// GovernedShare is how many of the rights found trace to a live grant, from 0 to
// 1: the grant covers some request of the right. What is undetermined does not
// count. There is no share of no rights.
func (t ShadowTotals) GovernedShare() (share float64, ok bool) {
	return t.share(t.Covered + t.Narrower + t.Partly)
}

// MatchedShare is how many of the rights found are no wider in AWS than the
// grants behind them, as far as AWS could tell.
func (t ShadowTotals) MatchedShare() (share float64, ok bool) {
	return t.share(t.Covered + t.Narrower)
}

func (t ShadowTotals) share(n int) (float64, bool) {
	if t.Rights == 0 {
		return 0, false
	}
	return float64(n) / float64(t.Rights), true
}

// Shadow is what AWS allows minus what Writ granted.
type Shadow struct {
	Rights []ShadowRight // in the order of principals, targets and actions
	Totals ShadowTotals
	// Unconverted are rules, by identity, that the subtraction does not know
	// exactly: what depends on them counts as not covered.
	Unconverted map[string][]policy.Unconverted

	asked *shadowing
}

// Shadow subtracts, for every principal, the rights granted to the identity that
// it is from the rights that AWS gives it. What is not known to be covered
// counts as not. The error names an identity or a pattern that means nothing.
func (a *Analysis) Shadow(ctx context.Context, o ShadowOptions) (*Shadow, error) {
	s, err := a.shadowing(o)
	if err != nil {
		return nil, err
	}
	if s.plans, err = a.plans(s.principals, s.targets); err != nil {
		return nil, err
	}
	found := make([][]ShadowRight, len(s.principals))
	totals := make([]ShadowTotals, len(s.principals))
	var done atomic.Int64
	err = inParallel(ctx, len(s.principals), func(i int) {
		found[i], totals[i] = s.row(s.principals[i])
		if n := int(done.Add(1)); o.Progress != nil && n%64 == 0 {
			o.Progress(n, len(s.principals))
		}
	})
	if err != nil {
		return nil, err
	}
	out := &Shadow{Rights: slices.Concat(found...), Unconverted: map[string][]policy.Unconverted{}, asked: s}
	for _, t := range totals {
		out.Totals.add(t)
	}
	for name, h := range s.holdings {
		if len(h.permits.Unconverted) > 0 {
			out.Unconverted[name] = h.permits.Unconverted
		}
	}
	return out, nil
}

func (t *ShadowTotals) add(u ShadowTotals) {
	t.Principals += u.Principals
	t.Mapped += u.Mapped
	t.Rights += u.Rights
	t.Covered += u.Covered
	t.Narrower += u.Narrower
	t.Partly += u.Partly
	t.Uncovered += u.Uncovered
	t.Unknown += u.Unknown
}

// count adds one right.
func (t *ShadowTotals) count(c rights.Coverage) {
	t.Rights++
	switch c {
	case rights.Covered:
		t.Covered++
	case rights.Narrower:
		t.Narrower++
	case rights.Partly:
		t.Partly++
	case rights.Uncovered:
		t.Uncovered++
	default:
		t.Unknown++
	}
}

// shadowing is a subtraction under way.
type shadowing struct {
	*Analysis
	principals []*estate.Principal
	owners     map[*estate.Principal]string
	holdings   map[string]*holding // by identity
	targets    []Target
	plans      map[string]*plan
}

func (a *Analysis) shadowing(o ShadowOptions) (*shadowing, error) {
	if o.Bundle == nil || !bedrock.ValidAccount(o.Account) {
		return nil, fmt.Errorf("subtracting grants: want the rules and the gateway's account, of twelve digits, not %q", o.Account)
	}
	s := &shadowing{Analysis: a, owners: map[*estate.Principal]string{}, holdings: map[string]*holding{}, targets: a.Targets(o.Regions)}
	place := rights.Place{Account: o.Account, Endpoints: o.Endpoints}
	for _, m := range o.Mapping {
		if m.Identity == "" || s.holdings[m.Identity] != nil {
			continue
		}
		i := o.Identities[m.Identity]
		if i == nil {
			return nil, fmt.Errorf("mapping %q: identity %q does not exist", m.Principal, m.Identity)
		}
		h, err := a.holding(o.Bundle, i, place)
		if err != nil {
			return nil, err
		}
		s.holdings[m.Identity] = h
	}
	for _, p := range a.Principals() {
		if matches(o.Gateway, p.ARN) {
			continue
		}
		s.principals = append(s.principals, p)
		s.owners[p] = ownerOf(o.Mapping, p.ARN)
	}
	return s, nil
}

func matches(patterns []string, arn string) bool {
	return slices.ContainsFunc(patterns, func(s string) bool { return glob.Parse(s).Match(arn) })
}

func ownerOf(all []Mapping, arn string) string {
	for _, m := range all {
		if matches([]string{m.Principal}, arn) {
			return m.Identity
		}
	}
	return ""
}

// row subtracts for one principal.
func (s *shadowing) row(p *estate.Principal) (found []ShadowRight, t ShadowTotals) {
	pl := s.plans[p.Principal.Account]
	decisions := make([]rights.Decision, len(pl.cells))
	pl.decide(p, decisions)
	cells := s.open(pl, decisions)
	if len(cells) == 0 {
		return nil, t
	}
	h := s.holdings[s.owners[p]]
	t.Principals++
	if s.owners[p] != "" {
		t.Mapped++
	}
	remains := s.plain(decisions, cells)
	if h != nil && len(h.live) > 0 {
		remains = s.subtract(p, h, cells)
	}
	for n, i := range cells {
		r := remains[n]
		if pl.cells[i].Doubt != "" && r.Coverage != rights.Uncovered {
			r.Coverage, r.Doubts = rights.UnknownCover, append(r.Doubts, pl.cells[i].Doubt)
		}
		if r.Coverage == rights.NothingToCover {
			continue
		}
		t.count(r.Coverage)
		if r.Coverage != rights.Covered {
			found = append(found, s.right(p, i, r))
		}
	}
	return found, t
}

// open are the cells that AWS allows, or may.
func (s *shadowing) open(pl *plan, decisions []rights.Decision) (cells []int) {
	for i, d := range decisions {
		if d.Can() {
			cells = append(cells, i)
		}
	}
	return cells
}

// plain is what remains where nothing is granted: all.
func (s *shadowing) plain(decisions []rights.Decision, cells []int) []rights.Remains {
	out := make([]rights.Remains, len(cells))
	for n, i := range cells {
		out[n] = rights.Remains{Coverage: rights.Uncovered, InAWS: decisions[i]}
	}
	return out
}

func (s *shadowing) right(p *estate.Principal, cell int, r rights.Remains) ShadowRight {
	out := ShadowRight{
		Principal: p, Identity: s.owners[p], Action: rights.InvokeActions[cell%len(rights.InvokeActions)], Target: s.targets[cell/len(rights.InvokeActions)],
		Coverage: r.Coverage, InAWS: r.InAWS, Condition: r.Condition, Remainder: r.Remainder, Witness: r.Witness, Doubts: r.Doubts,
	}
	if h := s.holdings[out.Identity]; h != nil {
		out.Grants = h.live
	}
	return out
}

// subtract reads all cells of one principal off one frame.
func (s *shadowing) subtract(p *estate.Principal, h *holding, cells []int) []rights.Remains {
	f := rights.NewFrame(s.universe())
	aws, granted := make([]*rights.Case, len(cells)), make([]*rights.Case, len(cells))
	for n, i := range cells {
		aws[n] = s.Case(p, s.plans[p.Principal.Account].cells[i].List, nil)
		granted[n] = rights.GrantedCase(aws[n], []*awsiam.Document{h.document(aws[n].Checks)}, s.fixed(p, h, i))
		f.Add(aws[n])
		f.Add(granted[n])
	}
	f.Close()
	out := make([]rights.Remains, len(cells))
	for n := range cells {
		out[n] = f.Subtract(aws[n], granted[n])
	}
	return out
}

// fixed are the writ: keys that a cell and the identity fix.
func (s *shadowing) fixed(p *estate.Principal, h *holding, cell int) awsiam.Context {
	t, action := s.targets[cell/len(rights.InvokeActions)], rights.InvokeActions[cell%len(rights.InvokeActions)]
	op, _ := operationOf(action)
	c := maps.Clone(h.known)
	c.Set(rights.Opaque("request", "streaming"), awsiam.One(fmt.Sprint(op.Streams())))
	legs, err := rights.Legs(rights.Invocation{Operation: op, ModelID: t.ID, Region: t.Region, Account: p.Principal.Account}, s.Catalogue)
	if err == nil {
		maps.Copy(c, rights.CallKeys(legs, t.Region))
	}
	return c
}

// Remains is what remains of one shadow right, in full: when, and a request
// that shows it.
func (x *Shadow) Remains(r ShadowRight) rights.Remains {
	s := x.asked
	h := s.holdings[r.Identity]
	if h == nil || len(h.live) == 0 {
		h = nothing()
	}
	target := slices.Index(s.targets, r.Target)
	action := slices.Index(rights.InvokeActions, r.Action)
	if target < 0 || action < 0 || s.plans[r.Principal.Principal.Account] == nil {
		return rights.Remains{Coverage: rights.UnknownCover, Doubts: []string{"the right is not one of this subtraction"}}
	}
	return s.subtract(r.Principal, h, []int{target*len(rights.InvokeActions) + action})[0]
}
