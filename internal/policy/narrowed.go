package policy

import (
	"encoding/json"
	"fmt"

	"github.com/writ-project/writ/internal/rights"
)

// of is what a grant gives, compiled: its entitlement under its narrowing. It is
// nil when the grant gives nothing, be it that its state does not confer the
// right, or that nothing is left of it. Grants of one entitlement under the same
// narrowing share what is compiled, and stay rows.
func (s *stamper) of(g *rights.Grant) *template {
	t := s.templates[g.Entitlement]
	narrow := g.Narrow.Ruled()
	switch {
	case t == nil || !g.State.Confers():
		return nil
	case narrow.Empty():
		return t
	}
	key, err := json.Marshal(narrow)
	if err != nil {
		return nil
	}
	id := g.Entitlement + "\x00" + string(key)
	if known, ok := s.narrowed.Load(id); ok {
		return known.(*template)
	}
	made, _ := s.narrowed.LoadOrStore(id, s.narrow(t, narrow))
	return made.(*template)
}

// narrow compiles an entitlement under a narrowing. One that means nothing any
// more, since a network it names is gone, gives nothing.
func (s *stamper) narrow(t *template, n *rights.Narrowing) *template {
	ent, left := t.ent.Under(n)
	if !left {
		return nil
	}
	less, err := newTemplate(ent, s.catalogue, s.networks)
	if err != nil {
		return nil
	}
	less.note = ", narrowed"
	return less
}

// checkNarrowing refuses a grant whose narrowing means nothing.
func (b *Bundle) checkNarrowing(g *rights.Grant) error {
	if g.Narrow == nil {
		return nil
	}
	err := g.Narrow.Validate()
	if err == nil && len(g.Narrow.Networks) > 0 {
		err = checkNetworks(g.Narrow.Networks, b.networks)
	}
	if err != nil {
		return fmt.Errorf("grant %q: narrow: %w", g.ID, err)
	}
	return nil
}
