package rights

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/bedrock"
)

// SelectorKind says what a selector in Entitlement.Models names.
type SelectorKind string

// The kinds of selector.
const (
	SelectModel    SelectorKind = "model"    // one model, invoked directly: bare id, or the ARN of an account's own
	SelectProfile  SelectorKind = "profile"  // one profile, and its models when reached through it
	SelectFamily   SelectorKind = "family"   // every model of a family, and every profile of one
	SelectProvider SelectorKind = "provider" // every model of a provider, and every profile of one
)

// Selector is one entry of Entitlement.Models, resolved.
type Selector struct {
	Kind SelectorKind
	ID   string // catalogue id of a model or profile, or the family's or provider's id
}

// String is the selector as an entitlement writes it.
func (s Selector) String() string {
	if s.Kind == SelectFamily || s.Kind == SelectProvider {
		return string(s.Kind) + ":" + s.ID
	}
	return s.ID
}

// ParseSelector reads "family:<id>", "provider:<id>", a bare model or profile
// id, or an ARN. What the catalogue does not list is an error that names a
// near miss: a right to something that does not exist is a slip of the pen.
func ParseSelector(s string, cat *bedrock.Catalogue) (Selector, error) {
	if kind, id, ok := strings.Cut(s, ":"); ok {
		switch SelectorKind(kind) {
		case SelectFamily:
			return oneOf(SelectFamily, id, cat.Families())
		case SelectProvider:
			return oneOf(SelectProvider, id, cat.Providers())
		}
	}
	ref, err := bedrock.ParseModelID(s)
	if err != nil {
		return Selector{}, err
	}
	id := ref.CatalogueID()
	if id != s {
		return Selector{}, fmt.Errorf("model %q: write it as %q, which holds in every region", s, id)
	}
	if _, ok := cat.Model(id); ok {
		return Selector{Kind: SelectModel, ID: id}, nil
	}
	if _, ok := cat.Profile(id); ok {
		return Selector{Kind: SelectProfile, ID: id}, nil
	}
	return Selector{}, fmt.Errorf("model %q is not in the catalogue%s", s, cat.Suggest(id))
}

func oneOf(kind SelectorKind, id string, known []string) (Selector, error) {
	if _, ok := slices.BinarySearch(known, id); !ok {
		return Selector{}, fmt.Errorf("%s %q is not in the catalogue: want one of %s", kind, id, strings.Join(known, ", "))
	}
	return Selector{Kind: kind, ID: id}, nil
}
