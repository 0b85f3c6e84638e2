package analyse

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// AccountDifference is how the inference rights of one principal differ between
// two estates, over every action of Analysis.Inference, every resource, and
// every value of every condition key.
type AccountDifference struct {
	Account   string   `json:"account"`
	Principal string   `json:"principal"`
	Added     bool     `json:"added,omitempty"` // it is not in the base
	Gone      bool     `json:"gone,omitempty"`  // it is not in the candidate
	New       Evidence `json:"new"`             // what the candidate allows and the base does not
	Lost      Evidence `json:"lost"`            // the opposite
}

// CompareAccounts compares every principal of the estate, the candidate, with
// the one of the same ARN in a base. Those whose rights are the same are left
// out. Of one that the base does not have, every right is new.
func (a *Analysis) CompareAccounts(ctx context.Context, base *Analysis) ([]AccountDifference, error) {
	type pair struct{ old, next *estate.Principal }
	var pairs []pair
	for _, p := range a.Principals() {
		pairs = append(pairs, pair{base.Estate.Principal(p.ARN), p})
	}
	for _, p := range base.Principals() {
		if a.Estate.Principal(p.ARN) == nil {
			pairs = append(pairs, pair{p, nil})
		}
	}
	world := a.atlas()
	memo := &fingerprints{of: map[*awsiam.Document]string{}}
	out := make([]AccountDifference, len(pairs))
	err := inParallel(ctx, len(pairs), func(i int) { out[i] = a.difference(base, world, pairs[i].old, pairs[i].next, memo) })
	if err != nil {
		return nil, err
	}
	out = slices.DeleteFunc(out, func(d AccountDifference) bool { return d.New.Proven() && d.Lost.Proven() })
	slices.SortFunc(out, func(x, y AccountDifference) int { return strings.Compare(x.Principal, y.Principal) })
	return out, nil
}

// difference compares one principal; the policies of one that is not there allow
// nothing.
func (a *Analysis) difference(base *Analysis, world *atlas, old, next *estate.Principal, memo *fingerprints) AccountDifference {
	p := next
	if p == nil {
		p = old
	}
	d := AccountDifference{Account: p.Principal.Account, Principal: p.ARN, Added: old == nil, Gone: next == nil, New: a.evidence(), Lost: a.evidence()}
	was, is := base.sideOf(old, p), a.sideOf(next, p)
	if old != nil && next != nil && memo.side(&was) == memo.side(&is) {
		return d
	}
	c := contest{atlas: world, who: p, old: was, next: is, both: true}
	d.New, d.Lost = c.run(a.Inference())
	return d
}

// sideOf is what binds a principal in an estate; of one that is not in it,
// nothing allows.
func (a *Analysis) sideOf(p, stand *estate.Principal) side {
	if p == nil {
		return side{awsiam.Layers{Identity: []*awsiam.Document{}}, a.Known(stand), a, &estate.Account{ID: stand.Principal.Account, Partition: stand.Account.Partition}}
	}
	return side{a.Layers(p), a.Known(p), a, p.Account}
}

// fingerprints tells documents apart by what they say.
type fingerprints struct {
	mu sync.Mutex
	of map[*awsiam.Document]string
}

// side is equal for sides that allow the same for the same reasons.
func (f *fingerprints) side(s *side) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var b strings.Builder
	l := s.layers
	for _, group := range slices.Concat([][]*awsiam.Document{l.Identity, l.Sessions, {l.Boundary}, {l.Endpoint}}, l.SCPs, l.RCPs) {
		fmt.Fprintf(&b, "|%t", group == nil)
		for _, d := range group {
			b.WriteString(f.document(d))
		}
	}
	fmt.Fprintf(&b, "|%d %d", len(l.SCPs), len(l.RCPs))
	for _, acct := range s.on.Estate.Accounts {
		for _, arn := range slices.Sorted(maps.Keys(acct.Resource)) {
			b.WriteString("|" + arn + f.document(acct.Resource[arn]))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.known)) {
		fmt.Fprintf(&b, "|%s=%+v", key, s.known[key])
	}
	return b.String()
}

// document writes what a document says, however it is laid out.
func (f *fingerprints) document(d *awsiam.Document) string {
	if d == nil {
		return "-"
	}
	if s, ok := f.of[d]; ok {
		return s
	}
	var b strings.Builder
	fmt.Fprintf(&b, "{%s %q", d.Version, d.Doubt)
	for i := range d.Statements {
		s := &d.Statements[i]
		fmt.Fprintf(&b, "[%d %t %t %q %+v", s.Effect, s.NotAction, s.NotResource, s.Doubts, s.Principal)
		for _, x := range s.Actions {
			fmt.Fprintf(&b, " %q", x.Source)
		}
		for _, x := range s.Resources {
			fmt.Fprintf(&b, ",%q", x.Source)
		}
		for j := range s.Conditions {
			fmt.Fprintf(&b, ";%q %q %q", s.Conditions[j].Operator, s.Conditions[j].Key, s.Conditions[j].Values)
		}
	}
	f.of[d] = b.String()
	return f.of[d]
}

// Verdict is whether a principal has inference rights that it did not have.
func (d AccountDifference) Verdict() rights.Verdict { return d.New.Verdict }
