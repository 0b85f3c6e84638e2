package snapshot

import (
	"slices"

	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
)

// Ended says what a change took away, so that calls under way can be cut.
type Ended struct {
	Revision   int64
	Identities []string // deleted, quarantined or decommissioned, or epoch raised: every session ends
	Bindings   []string // deleted or changed, or their issuer: sessions minted through them are to be judged again
	Grants     []string // deleted, or narrowed in time, or moved to another identity or entitlement
	// Rules says that rules changed which are not of one grant — policies,
	// entitlements, models, validations, networks: any call may be affected.
	Rules bool
}

// Nothing reports whether nothing ended.
func (e Ended) Nothing() bool {
	return len(e.Identities) == 0 && len(e.Bindings) == 0 && len(e.Grants) == 0 && !e.Rules
}

// ended compares two snapshots at the resources that changed between them.
func ended(old, next *Snapshot, rows []store.Row) Ended {
	e := Ended{Revision: next.Revision}
	for _, row := range rows {
		switch row.Kind {
		case manifest.Identity:
			if identityEnded(old, next, row.Name) {
				e.Identities = append(e.Identities, row.Name)
			}
		case manifest.Binding:
			if _, had := old.Binding(row.Name); had {
				e.Bindings = append(e.Bindings, row.Name)
			}
		case manifest.Grant:
			if grantEnded(old, next, row.Name) {
				e.Grants = append(e.Grants, row.Name)
			}
		case manifest.Issuer:
			for _, b := range old.BindingsOf(row.Name) {
				e.Bindings = append(e.Bindings, b.ID)
			}
		default:
			e.Rules = true
		}
	}
	slices.Sort(e.Identities)
	slices.Sort(e.Bindings)
	slices.Sort(e.Grants)
	e.Bindings = slices.Compact(e.Bindings) // by itself and by its issuer
	return e
}

func identityEnded(old, next *Snapshot, name string) bool {
	was, had := old.Identity(name)
	now, has := next.Identity(name)
	return had && (!has || now.Current().Halted() || now.Epoch > was.Epoch)
}

func grantEnded(old, next *Snapshot, name string) bool {
	was, had := old.Grant(name)
	now, has := next.Grant(name)
	return had && (!has || narrower(now, was))
}

func narrower(now, was *rights.Grant) bool {
	return now.Identity != was.Identity || now.Entitlement != was.Entitlement ||
		now.NotAfter.Before(was.NotAfter) || now.NotBefore.After(was.NotBefore)
}
