package rights

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/identity"
)

var (
	grantStates = []GrantState{"", GrantScheduled, GrantActivating, GrantActive, GrantActivationFailed, GrantRevoking, GrantRevokeFailed, GrantEnded}
	endReasons  = []EndReason{EndExpired, EndRevoked, EndSuperseded, EndOffboarded}
	origins     = []string{"", OriginBootstrap, OriginRequested, OriginBreakGlass}
)

// maxReason is the longest reason of a grant, in bytes: it goes into a record.
const maxReason = 2048

// Validate reports everything that is wrong with a grant of an entitlement,
// or nil. A grant ends, and where the entitlement limits its length it says
// when it begins. One that was asked for was measured when it was approved: an
// entitlement that has become shorter since leaves it as it is.
func (g Grant) Validate(of Entitlement) error {
	var errs problems
	if !identity.ValidName(g.ID) {
		errs.add("name %q: want 1–64 of a–z 0–9 . _ -", g.ID)
	}
	if !identity.ValidName(g.Identity) {
		errs.add("identity %q is not a name", g.Identity)
	}
	if g.Entitlement == "" || g.Entitlement != of.ID {
		errs.add("entitlement %q: the one given is %q", g.Entitlement, of.ID)
	}
	if len(g.Reason) > maxReason || len(g.Detail) > maxReason {
		errs.add("reason or detail: %d bytes, want at most %d", max(len(g.Reason), len(g.Detail)), maxReason)
	}
	longest := of.Longest(false)
	if g.From != nil {
		longest = 0
	}
	errs = append(errs, g.validatePeriod(longest)...)
	return errors.Join(append(errs, g.validateLife()...)...)
}

// Longest is how long a grant of the entitlement may last: until its next
// recertification where it is standing, and as an emergency where there is such
// a thing, which zero denies. Otherwise zero is no limit.
func (e *Entitlement) Longest(emergency bool) time.Duration {
	switch {
	case emergency:
		return time.Duration(e.Access.BreakGlass)
	case e.Access.Standing:
		return time.Duration(e.Access.Recertify)
	}
	return time.Duration(e.MaxDuration)
}

// validatePeriod checks a grant's period against the longest one allowed; zero
// is no limit.
func (g Grant) validatePeriod(longest time.Duration) problems {
	var errs problems
	switch {
	case g.NotAfter.IsZero():
		errs.add("notAfter is required: there are no grants for ever")
	case !g.NotAfter.After(g.NotBefore):
		errs.add("notAfter %s is not after notBefore", g.NotAfter.Format(time.RFC3339))
	case longest > 0 && g.NotBefore.IsZero():
		errs.add("notBefore is required: the entitlement limits a grant to %v", longest)
	case longest > 0 && g.NotAfter.After(g.NotBefore.Add(longest)):
		errs.add("notAfter is %v after notBefore: the entitlement allows %v", g.NotAfter.Sub(g.NotBefore), longest)
	}
	return errs
}

// validateLife checks what the people's road wrote.
func (g Grant) validateLife() problems {
	var errs problems
	ending := g.State == GrantRevoking || g.State == GrantRevokeFailed || g.State == GrantEnded
	if !slices.Contains(grantStates, g.State) {
		errs.add("state %q: want one of %v", g.State, grantStates[1:])
	}
	if !slices.Contains(origins, g.Origin) {
		errs.add("origin %q: want one of %v", g.Origin, origins[1:])
	}
	switch {
	case g.End != "" && !slices.Contains(endReasons, g.End):
		errs.add("end %q: want one of %v", g.End, endReasons)
	case (g.End != "") != ending:
		errs.add("end %q: a grant that ends says why, and no other does", g.End)
	}
	if g.Duration < 0 {
		errs.add("duration %v: want 0 or more", g.Duration)
	}
	if g.From != nil && (g.From.Request == "" || g.From.Requester == "") {
		errs.add("from: request and requester are required")
	}
	if g.Narrow != nil {
		if err := g.Narrow.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("narrow: %w", err))
		}
	}
	return errs
}

// MaxSpendUSD is the most that a month's spend is stated as, in whole USD.
const MaxSpendUSD = 1_000_000_000

// Held is the grant as budgets know it.
func (g *Grant) Held() budget.Held {
	held := budget.Held{Grant: g.ID, Entitlement: g.Entitlement}
	if g.Narrow != nil && g.Narrow.SpendUSD != nil {
		monthly := budget.Money(*g.Narrow.SpendUSD) * budget.Dollar
		held.Monthly = &monthly
	}
	return held
}
