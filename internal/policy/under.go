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
// when their identity next calls, and of the entitlements those are compiled
// that changed: the cost is that of the laws, however many grants there are.
func (b *Bundle) Under(src Sources) (*Bundle, error) {
	src.Grants, src.Identities = nil, nil
	next, err := newBundle(src, b.stamper)
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
	var errs []error
	for name := range r.of {
		if deps.templates[name] == nil {
			errs = append(errs, fmt.Errorf("entitlement %q does not exist, and there are grants of it", name))
		}
	}
	if len(errs) > 0 {
		slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
		return nil, errors.Join(errs...)
	}
	for _, p := range r.parts {
		p.release()
	}
	next := *r
	next.deps = deps
	return &next, nil
}

// release lets go of what was compiled under laws that are being replaced, which
// identities that call no more would keep for good. Who still asks under them
// compiles again.
func (p *part) release() {
	if p == nil {
		return
	}
	for _, h := range p.holdings {
		if h.made.Load() != nil {
			h.made.Store(nil)
		}
	}
}
