package hold

import (
	"cmp"
	"slices"
	"time"

	"github.com/writ-project/writ/internal/rights"
)

// Terms are how something waits: the strictest of every right that says how.
type Terms struct {
	Mode       string
	Wait       time.Duration
	Expires    time.Duration
	Receipt    time.Duration
	Needed     int
	Panels     []Panel
	Thresholds []rights.Threshold
	Unknown    string
}

// Source is one grant that a call stands on, with what its entitlement says of
// holds.
type Source struct {
	Grant, Entitlement string
	Terms              rights.Hold
}

// Strictest joins terms (security S8): the shortest times, the most people, every
// threshold, and everybody who has to agree. Without a source it is what holds
// where nothing is said. Calls wait where every source lets them, and otherwise are
// answered at once.
func Strictest(sources []Source) Terms {
	if len(sources) == 0 {
		sources = []Source{{}}
	}
	t := Terms{Mode: rights.HoldWait, Wait: rights.MaxHoldWait, Expires: rights.MaxHoldExpiry, Receipt: rights.MaxReceiptLife, Needed: 1, Unknown: rights.UnknownHold}
	for _, s := range sources {
		t.join(s)
	}
	return t
}

func (t *Terms) join(s Source) {
	h := s.Terms
	if h.Mode != rights.HoldWait {
		t.Mode = rights.HoldPending
	}
	if h.Unknown == rights.UnknownRefuse {
		t.Unknown = rights.UnknownRefuse
	}
	t.Wait = min(t.Wait, cmp.Or(time.Duration(h.Wait), rights.DefaultHoldWait))
	t.Expires = min(t.Expires, cmp.Or(time.Duration(h.Expires), rights.DefaultHoldExpiry))
	t.Receipt = min(t.Receipt, cmp.Or(time.Duration(h.Receipt), rights.DefaultReceiptLife))
	t.Needed = max(t.Needed, h.Needed)
	for _, threshold := range h.Thresholds {
		if !slices.Contains(t.Thresholds, threshold) {
			t.Thresholds = append(t.Thresholds, threshold)
		}
	}
	approvers := h.Approvers
	if len(approvers) == 0 {
		approvers = []string{defaultApprovers}
	}
	panel := Panel{Grant: s.Grant, Entitlement: s.Entitlement, Approvers: approvers}
	if !slices.ContainsFunc(t.Panels, panel.same) {
		t.Panels = append(t.Panels, panel)
	}
}

func (p Panel) same(q Panel) bool {
	return p.Grant == q.Grant && p.Entitlement == q.Entitlement && slices.Equal(p.Approvers, q.Approvers)
}

const defaultApprovers = "role:approver"
