package snapshot

import (
	"reflect"
	"slices"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
)

// Ended says what a change took away, so that calls under way can be cut.
type Ended struct {
	Revision   int64
	Identities []string // deleted, quarantined or decommissioned, or epoch raised: every session ends
	Bindings   []string // deleted or changed, or their issuer: sessions minted through them are to be judged again
	// Grants that were deleted, confer no more, or give less: for a shorter time,
	// to another identity, of another entitlement or under another narrowing.
	Grants      []string
	Quarantines []string // new or changed: what they name is stopped
	// Changed are identities that differ in what rules or quarantines read of them.
	Changed []string
	// Rules says that rules changed which are not of one grant — policies,
	// entitlements, models, validations, networks: any call may be affected.
	Rules bool
}

// Nothing reports whether nothing ended.
func (e Ended) Nothing() bool {
	return len(e.Identities) == 0 && len(e.Bindings) == 0 && len(e.Grants) == 0 &&
		len(e.Quarantines) == 0 && len(e.Changed) == 0 && !e.Rules
}

// ended compares two snapshots at the resources that changed between them.
func ended(old, next *Snapshot, rows []store.Row) Ended {
	e := Ended{Revision: next.Revision}
	for _, row := range rows {
		e.note(old, next, row.Kind, row.Name)
	}
	for _, list := range []*[]string{&e.Identities, &e.Bindings, &e.Grants, &e.Quarantines, &e.Changed} {
		slices.Sort(*list)
		*list = slices.Compact(*list) // bindings come by themselves and by their issuer
	}
	return e
}

func (e *Ended) note(old, next *Snapshot, kind manifest.Kind, name string) {
	switch kind {
	case manifest.Identity:
		e.noteIdentity(old, next, name)
	case manifest.Binding:
		if _, had := old.Binding(name); had {
			e.Bindings = append(e.Bindings, name)
		}
	case manifest.Grant:
		if grantEnded(old, next, name) {
			e.Grants = append(e.Grants, name)
		}
	case manifest.Issuer:
		for _, b := range old.BindingsOf(name) {
			e.Bindings = append(e.Bindings, b.ID)
		}
	case manifest.Quarantine:
		if _, stops := next.Quarantine(name); stops {
			e.Quarantines = append(e.Quarantines, name)
		}
	default:
		// Operators, their tokens and duties give and end no right to call.
		e.Rules = e.Rules || slices.Contains(laws, kind)
	}
}

// noteIdentity also tells of changes that rules or quarantines may read.
func (e *Ended) noteIdentity(old, next *Snapshot, name string) {
	was, had := old.Identity(name)
	now, has := next.Identity(name)
	switch {
	case !had:
	case !has, now.Current().Halted(), now.Epoch > was.Epoch:
		e.Identities = append(e.Identities, name)
	case !readAlike(was, now):
		e.Changed = append(e.Changed, name)
	}
}

// readAlike reports whether rules and quarantines read the same of two identities.
func readAlike(a, b *identity.Identity) bool {
	return a.Kind == b.Kind && a.Environment == b.Environment && a.Team == b.Team && a.Sponsor == b.Sponsor &&
		a.Shared == b.Shared && a.State == b.State && slices.Equal(a.Purposes, b.Purposes) && slices.Equal(a.Tags, b.Tags)
}

func grantEnded(old, next *Snapshot, name string) bool {
	was, had := old.Grant(name)
	now, has := next.Grant(name)
	return had && was.State.Confers() && (!has || narrower(now, was))
}

func narrower(now, was *rights.Grant) bool {
	return !now.State.Confers() || now.Identity != was.Identity || now.Entitlement != was.Entitlement ||
		now.NotAfter.Before(was.NotAfter) || now.NotBefore.After(was.NotBefore) ||
		!reflect.DeepEqual(now.Narrow, was.Narrow)
}
