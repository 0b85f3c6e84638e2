package grant

import (
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/rights"
)

// Drifted is the standing of a grant that a replica's snapshot knows otherwise
// than the store.
const Drifted = "drifted"

// Standing is what a grant's state comes to at a time, in one word: a state of
// rights, the reason of its end, or Drifted. While a step spreads (activating,
// revoking), or failed to, a difference is no news, and the step is what is shown;
// revoked is never shown before the grant has ended (rule R8).
func Standing(g rights.Grant, now time.Time, drifted bool) string {
	switch g.State {
	case rights.GrantRevoking, rights.GrantRevokeFailed:
		return Word(g.State)
	case rights.GrantActivating:
		drifted = false
	}
	switch {
	case drifted:
		return Drifted
	case g.State == rights.GrantEnded:
		return string(g.End)
	case over(g, now):
		return string(rights.EndExpired)
	case g.State.Confers() && now.Before(g.NotBefore):
		return Word(rights.GrantScheduled)
	}
	return Word(g.State)
}

// Overlaps lists, by name, the other grants that give g's identity its entitlement
// at a time: what ending g does not take away (rule R6). A narrowed one gives part
// of it.
func Overlaps(grants []rights.Grant, g rights.Grant, now time.Time) []rights.Grant {
	var out []rights.Grant
	for _, other := range grants {
		if other.ID != g.ID && other.Identity == g.Identity && other.Entitlement == g.Entitlement && Live(other, now) {
			out = append(out, other)
		}
	}
	slices.SortFunc(out, func(a, b rights.Grant) int { return strings.Compare(a.ID, b.ID) })
	return out
}
