package analyse

import (
	"context"
	"slices"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// Hop is one step by which a principal comes to another's rights.
type Hop struct {
	From       string          `json:"from"`
	To         string          `json:"to"`
	By         string          `json:"by"` // the action that takes it
	Decision   rights.Decision `json:"decision"`
	Condition  string          `json:"condition,omitempty"`
	Statements []awsiam.Ref    `json:"statements,omitempty"`
	Edge       Edge            `json:"edge,omitempty"`
	Doubt      string          `json:"doubt,omitempty"` // why it is undetermined
}

const assumeRole = "sts:AssumeRole"

// assumption is the check of assuming a role. Its region is left open: which of
// STS's endpoints is called is the caller's choice.
func assumption(action string, role *estate.Principal) rights.Check {
	trust := role.Trust
	if trust == nil {
		trust = &awsiam.Document{Name: "trust policy of role/" + role.Name, Doubt: "it is not in the input"}
	}
	return rights.Check{Action: action, Resource: role.ARN, Account: role.Principal.Account, Policy: trust, Trust: true, RCPs: role.Account.RCPs}
}

// chain finds, for those that cannot themselves, the shortest chain of roles to
// one that can. It fills in their path and the answer at its end.
func (a *Analysis) chain(ctx context.Context, holders []Holder, hops int) error {
	reached := map[*estate.Principal]*Holder{}
	var front []*Holder
	for i := range holders {
		if h := &holders[i]; h.Answer.Decision.Can() {
			reached[h.Principal] = h
			if assumable(h.Principal) {
				front = append(front, h)
			}
		}
	}
	callers := a.assumers(holders)
	for ; hops > 0 && len(front) > 0 && ctx.Err() == nil; hops-- {
		front = a.before(ctx, front, holders, callers, reached)
	}
	return ctx.Err()
}

// assumers are the principals whose own policies may let them assume some role,
// by account.
func (a *Analysis) assumers(holders []Holder) map[*estate.Principal]bool {
	out := map[*estate.Principal]bool{}
	docs := map[*awsiam.Document]bool{}
	for i := range holders {
		p := holders[i].Principal
		for _, d := range p.Identity {
			is, seen := docs[d]
			if !seen {
				is = mentions(d, assumeRole)
				docs[d] = is
			}
			if is {
				out[p] = true
			}
		}
	}
	return out
}

// before is one step back: everyone who may assume a role of the front and is
// not there yet, by the most certain of the ways there are.
func (a *Analysis) before(ctx context.Context, front []*Holder, holders []Holder, callers map[*estate.Principal]bool, reached map[*estate.Principal]*Holder) (next []*Holder) {
	found := make([]*Hop, len(holders))
	via := make([]*Holder, len(holders))
	_ = inParallel(ctx, len(holders), func(i int) {
		h := &holders[i]
		if reached[h.Principal] != nil || h.Principal.ServiceLinked {
			return
		}
		for _, target := range front {
			if !mayAssume(h.Principal, target.Principal, callers[h.Principal]) {
				continue
			}
			hop, ok := a.assume(h.Principal, target.Principal)
			if !ok || found[i] != nil && certainty(along(hop, target.Answer).Decision) <= certainty(along(*found[i], via[i].Answer).Decision) {
				continue
			}
			found[i], via[i] = &hop, target
			if along(hop, target.Answer).Decision == rights.Allowed {
				return
			}
		}
	})
	for i, hop := range found {
		if hop == nil {
			continue
		}
		h := &holders[i]
		h.Path = append([]Hop{*hop}, via[i].Path...)
		h.Answer = along(*hop, via[i].Answer)
		reached[h.Principal] = h
		if assumable(h.Principal) {
			next = append(next, h)
		}
	}
	return next
}

// assumable reports whether a principal is a role that its trust policy may let
// another user or role assume.
func assumable(p *estate.Principal) bool {
	if p.Kind != estate.Role || p.ServiceLinked {
		return false
	}
	if p.Trust == nil || p.Trust.Doubt != "" {
		return true
	}
	return slices.ContainsFunc(p.Trust.Statements, func(s awsiam.Statement) bool {
		who := s.Principal
		return s.Effect != awsiam.Deny && (s.Doubts.Principal != "" || who == nil || (who.Not || who.Anyone || len(who.AWS) > 0))
	})
}

// mayAssume rules out at a glance who a trust policy does not name, and who it
// leaves to policies that do not speak of it.
func mayAssume(p, role *estate.Principal, caller bool) bool {
	if p == role {
		return false
	}
	if role.Trust == nil || role.Trust.Doubt != "" {
		return caller
	}
	best := awsiam.NotNamed
	for i := range role.Trust.Statements {
		s := &role.Trust.Statements[i]
		if s.Effect == awsiam.Deny {
			continue
		}
		if named, form := s.MatchPrincipal(p.Principal); named != awsiam.False {
			best = max(best, form)
		}
	}
	switch {
	case best == awsiam.NotNamed:
		return false
	case best == awsiam.ByAccount || p.Principal.Account != role.Principal.Account:
		return caller
	}
	return true
}

// assume decides one hop.
func (a *Analysis) assume(p, role *estate.Principal) (Hop, bool) {
	ans := a.may(p, a.becoming(role, nil))
	return Hop{From: p.ARN, To: role.ARN, By: assumeRole, Decision: ans.Decision, Condition: rights.Terms(ans.Condition), Statements: ans.Statements}, ans.Decision.Can()
}

// along is an answer at the end of a chain, as certain as its weakest hop.
func along(hop Hop, end rights.Answer) rights.Answer {
	switch {
	case hop.Decision == rights.Undetermined:
		end.Decision = rights.Undetermined
	case hop.Decision == rights.Conditional && end.Decision == rights.Allowed:
		end.Decision = rights.Conditional
	}
	return end
}
