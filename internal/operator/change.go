package operator

import (
	"fmt"
	"slices"
)

// Reserved are accounts that no resource stands for: the local administrator, and
// Writ itself.
var Reserved = []string{"local-admin", "writ"}

// Widens says in which ways an account could do more after a change than before,
// or could be taken for somebody else; nil before is a new account, which is such
// a way by itself. What only takes away is none.
func Widens(before, after *Operator) []string {
	if before == nil {
		return []string{"a new account"}
	}
	var out []string
	for _, h := range after.Roles {
		if !slices.ContainsFunc(before.Roles, h.within) {
			out = append(out, fmt.Sprintf("the role %s%s", h.Role, h.over()))
		}
	}
	for _, team := range after.Teams {
		if !slices.Contains(before.Teams, team) {
			out = append(out, "the team "+team)
		}
	}
	for _, c := range []struct {
		what string
		is   bool
	}{
		{"it is enabled again", before.Disabled && !after.Disabled},
		{"it answers to another address", before.Email != after.Email},
		{"another person is behind it", before.Behind() != after.Behind()},
		{"somebody else signs in as it", after.Login != nil && (before.Login == nil || *before.Login != *after.Login)},
		{"a program counts as a human", before.Kind == Automation && after.Kind != Automation},
		{"sign-ins that were void count again", after.Epoch < before.Epoch},
	} {
		if c.is {
			out = append(out, c.what)
		}
	}
	return out
}

// within reports whether a role is held over no more than another is.
func (h Held) within(other Held) bool {
	return h.Role == other.Role && narrower(h.Tiers, other.Tiers) && narrower(h.Teams, other.Teams) &&
		narrower(h.Entitlements, other.Entitlements) && narrower(h.Models, other.Models)
}

// narrower compares lists of which an empty one means everything.
func narrower(list, other []string) bool {
	return len(other) == 0 || len(list) > 0 && !slices.ContainsFunc(list, func(s string) bool { return !slices.Contains(other, s) })
}

// over words what a role is held over.
func (h Held) over() string {
	text := ""
	for _, part := range []struct {
		name string
		list []string
	}{{"tiers", h.Tiers}, {"teams", h.Teams}, {"entitlements", h.Entitlements}, {"models", h.Models}} {
		if len(part.list) > 0 {
			text += fmt.Sprintf(", %s %v", part.name, part.list)
		}
	}
	return text
}

// Succeed is an operator as it follows another of the same name: no epoch falls,
// and what ends sign-ins raises it.
func Succeed(before, after *Operator) *Operator {
	next := *after
	next.Epoch = max(after.Epoch, before.Epoch)
	other := before.Login != nil && (after.Login == nil || *before.Login != *after.Login)
	if next.Epoch == before.Epoch && (other || after.Disabled && !before.Disabled) {
		next.Epoch++
	}
	return &next
}
