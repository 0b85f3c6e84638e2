package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Cast is the bundle where other identities exist. Grants of identities that do
// not any more must be gone from it: only who knows which identities went can
// tell.
func (b *Bundle) Cast(exists func(identity string) bool) *Bundle {
	next := *b
	next.exists = exists
	return &next
}

// Under is the bundle under other laws: those of src, whose Grants and
// Identities are not read. The grants stay as they are and are compiled anew
// when their identity next calls, so the cost is that of the laws and of
// looking over the grants once.
func (b *Bundle) Under(src Sources) (*Bundle, error) {
	src.Grants, src.Identities = nil, nil
	next, err := NewBundle(src)
	if err != nil {
		return nil, err
	}
	next.exists = b.exists
	if next.roster, err = b.roster.under(next.stamper); err != nil {
		return nil, fmt.Errorf("building bundle: %w", err)
	}
	next.seal()
	return next, nil
}

// under hands the grants to other laws. Which of an entitlement's grants are
// still valid is not looked at here, only that it is there.
func (r *roster) under(deps *stamper) (*roster, error) {
	next := &roster{}
	missing := map[string]bool{}
	for i, p := range r.parts {
		if p == nil {
			continue
		}
		holders := make(map[string]*holder, len(p.holders))
		for identity, h := range p.holders {
			holders[identity] = &holder{grants: h.grants, sum: h.sum, deps: deps}
			for _, g := range h.grants {
				if deps.templates[g.Entitlement] == nil {
					missing[g.Entitlement] = true
				}
			}
		}
		next.parts[i] = &part{holders: holders, sum: p.sum}
	}
	return next, missed(missing)
}

func missed(entitlements map[string]bool) error {
	var errs []error
	for name := range entitlements {
		errs = append(errs, fmt.Errorf("entitlement %q does not exist, and there are grants of it", name))
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}
