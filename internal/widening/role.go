package widening

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// Roles says which operators a set of changes would let do more, or act by
// another hand: more roles or wider ones, teams and addresses by which they are
// named, another way to sign in, another person behind the account, an account in
// use again. A new account always counts: its address may be an owner's.
func Roles(before, after *snapshot.Snapshot, changes []store.Change) []request.Widens {
	var out []request.Widens
	for _, c := range changes {
		now, ok := after.Operator(c.Name)
		if c.Kind != manifest.Operator || !ok || now.Disabled {
			continue
		}
		was, had := before.Operator(c.Name)
		if !had {
			was = nil
		}
		if why := OfOperator(was, now); len(why) > 0 {
			out = append(out, request.Widens{Operator: now.ID, Cause: resourceID(manifest.Operator, now.ID), Text: strings.Join(why, "; ")})
		}
	}
	slices.SortFunc(out, func(a, b request.Widens) int { return strings.Compare(a.Cause, b.Cause) })
	return out
}

// OfOperator lists in what an operator may do more than before; was is nil for
// a new account.
func OfOperator(was, now *operator.Operator) (why []string) {
	if was == nil {
		why = append(why, "the account is new")
		was = &operator.Operator{ID: now.ID, Kind: now.Kind, Email: now.Email, Person: now.Person}
	}
	add := func(wider bool, format string, args ...any) {
		if wider {
			why = append(why, fmt.Sprintf(format, args...))
		}
	}
	add(was.Disabled, "the account is in use again")
	for _, h := range now.Roles {
		wider := !slices.ContainsFunc(was.Roles, func(old operator.Held) bool { return heldWithin(&h, &old) })
		add(wider, "holds the role %s%s", h.Role, scopeOf(&h))
	}
	for _, t := range moreThan(now.Teams, was.Teams) {
		add(true, "is in team %s", t)
	}
	add(now.Login != nil && (was.Login == nil || *now.Login != *was.Login), "signs in by another login")
	add(now.Behind() != was.Behind(), "the person behind the account is %s, and was %s", now.Behind(), was.Behind())
	add(now.Email != was.Email, "is named by %s, and was by %s", now.Email, was.Email)
	add(was.Kind == operator.Automation && now.Kind != operator.Automation, "counts as a human")
	add(now.Epoch < was.Epoch, "sign-ins that were voided count again")
	return why
}

// heldWithin reports whether a role is held over nothing that another holding of
// it is not over.
func heldWithin(now, was *operator.Held) bool {
	within := func(now, was []string) bool {
		return len(was) == 0 || len(now) > 0 && len(moreThan(now, was)) == 0
	}
	return now.Role == was.Role && within(now.Tiers, was.Tiers) && within(now.Teams, was.Teams) &&
		within(now.Entitlements, was.Entitlements) && within(now.Models, was.Models)
}

// scopeOf is what a role is held over, in words.
func scopeOf(h *operator.Held) string {
	var parts []string
	for _, s := range []struct {
		what  string
		names []string
	}{{"tiers", h.Tiers}, {"teams", h.Teams}, {"entitlements", h.Entitlements}, {"models", h.Models}} {
		if len(s.names) > 0 {
			parts = append(parts, s.what+" "+strings.Join(s.names, ", "))
		}
	}
	if len(parts) == 0 {
		return " over everything"
	}
	return " over " + strings.Join(parts, " and ")
}
