package rights

import (
	"slices"

	"github.com/writ-project/writ/internal/bedrock"
)

// Reaches reports whether a call that the selector allows could end at a model:
// because it names the model, a group that the model or what it is made from is
// in, or a profile that routes to it.
func (s Selector) Reaches(m bedrock.Model, cat *bedrock.Catalogue) bool {
	switch s.Kind {
	case SelectModel:
		return s.ID == m.ID
	case SelectProfile:
		p, ok := cat.Profile(s.ID)
		return ok && (p.Model == m.ID || slices.Contains(p.Routes, m.ID))
	}
	return s.holds(m, cat)
}
