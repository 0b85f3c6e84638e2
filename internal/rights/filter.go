package rights

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
)

// Tier is the entitlement's risk tier; one that states none counts as medium.
func (e *Entitlement) Tier() string { return cmp.Or(e.RiskTier, "medium") }

// FilterFacts is what a filter knows of a request. What is asked for is the
// entitlement under the narrowing that the requester stated.
type FilterFacts struct {
	Tier        string
	Environment string
	Kind        string // of the identity
	Level       string // highest level of data, in or out; "restricted" where there is no limit
	Regulated   bool   // in or out
	Duration    time.Duration
	SpendUSD    *int64 // a month; nil: unstated
	Emergency   bool
}

// FactsOf are the facts of a request for an entitlement, as it is under the
// request's narrowing, by an identity.
func FactsOf(asked *Entitlement, by *identity.Identity) FilterFacts {
	in := asked.Conditions.Data
	out := in.Answer()
	return FilterFacts{
		Tier: asked.Tier(), Environment: by.Environment, Kind: string(by.Kind), Regulated: in.Regulated || out.Regulated,
		Level: max(levelOf(in.MaxLevel), levelOf(out.MaxLevel)).String(),
	}
}

// levelOf is a limit on levels; where there is none, the highest.
func levelOf(limit string) dataclass.Level {
	if l, err := dataclass.ParseLevel(limit); err == nil {
		return l
	}
	return dataclass.Restricted
}

// Matches reports whether a filter picks a request: whether every field that is
// set matches. The zero filter picks all.
func (f *Filter) Matches(facts FilterFacts) bool {
	among := func(list []string, s string) bool { return len(list) == 0 || slices.Contains(list, s) }
	alike := func(want *bool, is bool) bool { return want == nil || *want == is }
	return among(f.Tiers, facts.Tier) && among(f.Environments, facts.Environment) && among(f.Kinds, facts.Kind) &&
		among(f.Levels, facts.Level) && alike(f.Regulated, facts.Regulated) && alike(f.Emergency, facts.Emergency) &&
		(f.Longer == 0 || facts.Duration > time.Duration(f.Longer)) &&
		(f.SpendOver == nil || facts.SpendUSD == nil || *facts.SpendUSD > *f.SpendOver)
}

func (f *Filter) validate(of string) problems {
	var errs problems
	errs.among(of+": tiers", f.Tiers, []string{"low", "medium", "high"})
	errs.among(of+": kinds", f.Kinds, kindNames())
	for _, l := range f.Levels {
		if _, err := dataclass.ParseLevel(l); err != nil {
			errs = append(errs, fmt.Errorf("%s: levels: %w", of, err))
		}
	}
	errs.unique(of+": environments", f.Environments)
	if f.Longer < 0 || f.SpendOver != nil && *f.SpendOver < 0 {
		errs.add("%s: longer and spendOver must not be negative", of)
	}
	return errs
}

func kindNames() (out []string) {
	for _, k := range identity.Kinds {
		out = append(out, string(k))
	}
	return out
}

// The verdicts of an automatic rule.
const (
	VerdictApprove = "approve"
	VerdictDeny    = "deny"
)

// Validate reports everything that is wrong with how an entitlement is asked
// for, or nil. longest is the entitlement's maxDuration; zero is no limit.
func (a *Access) Validate(longest identity.Duration) error {
	var errs problems
	errs = append(errs, people("access.requesters", a.Requesters)...)
	names := map[string]bool{}
	for i := range a.Stages {
		errs = append(errs, a.Stages[i].validate(names)...)
	}
	for i := range a.Automatic {
		errs = append(errs, a.Automatic[i].validate(names)...)
	}
	switch {
	case a.Recertify < 0 || a.BreakGlass < 0 || a.Waits < 0:
		errs.add("access: recertify, breakGlass and waits must not be negative")
	case a.Standing && a.Recertify == 0:
		errs.add("access.standing: recertify is required: a standing grant ends unless it is confirmed")
	case !a.Standing && a.Recertify > 0:
		errs.add("access.recertify: only standing grants are recertified")
	case longest > 0 && (a.Recertify > longest || a.BreakGlass > longest):
		errs.add("access: recertify and breakGlass must not be longer than maxDuration %v", longest)
	}
	return errors.Join(errs...)
}

func (s *Stage) validate(names map[string]bool) problems {
	var errs problems
	of := fmt.Sprintf("access.stages: %q", s.Name)
	errs.name(of, s.Name, names)
	if len(s.Approvers) == 0 {
		errs.add("%s: approvers is required", of)
	}
	errs = append(errs, people(of+": approvers", s.Approvers)...)
	errs = append(errs, people(of+": escalate", s.Escalate)...)
	switch {
	case s.Needed < 0 || s.Denials < 0 || s.Timeout < 0:
		errs.add("%s: needed, denials and timeout must not be negative", of)
	case len(s.Escalate) > 0 && s.Timeout == 0:
		errs.add("%s: timeout is required with escalate", of)
	}
	return append(errs, s.When.validate(of)...)
}

func (a *Automatic) validate(names map[string]bool) problems {
	var errs problems
	of := fmt.Sprintf("access.automatic: %q", a.Name)
	errs.name(of, a.Name, names)
	if a.Verdict != VerdictApprove && a.Verdict != VerdictDeny {
		errs.add("%s: verdict %q: want %s or %s", of, a.Verdict, VerdictApprove, VerdictDeny)
	}
	return append(errs, a.When.validate(of)...)
}

// name checks the name of a stage or an automatic rule: decisions name them.
func (p *problems) name(of, name string, taken map[string]bool) {
	switch {
	case !identity.ValidName(name):
		p.add("%s: name: want 1–64 of a–z 0–9 . _ -", of)
	case taken[name]:
		p.add("%s: the name is taken", of)
	}
	taken[name] = true
}

func people(field string, selectors []string) problems {
	var errs problems
	for _, s := range selectors {
		if _, err := ParsePeople(s); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", field, err))
		}
	}
	return errs
}
