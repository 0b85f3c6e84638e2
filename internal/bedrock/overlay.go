package bedrock

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// With returns a catalogue with an organisation's own entries laid over c,
// whose tables it shares.
//
// An entry for a listed model or profile changes what it states and leaves the
// rest; it cannot move a model to another family. An entry for a new
// foundation model names its family. An ARN's entry names its base, from which
// it takes provider, family, modality, limits and required validations, so
// that what holds for the base holds for what was made of it; its price, data
// handling and impact are its own. Models may refer to each other in any order;
// two entries for one id are an error.
func (c *Catalogue) With(models []Model, profiles []Profile) (*Catalogue, error) {
	if len(models)+len(profiles) == 0 {
		return c, nil
	}
	o := &Catalogue{under: c, models: map[string]Model{}, profiles: map[string]Profile{}}
	if c.under != nil { // lay both over the tables, so that layers never pile up
		o.under, o.models, o.profiles = c.under, maps.Clone(c.models), maps.Clone(c.profiles)
	}
	errs := repeated(models, profiles)
	for _, custom := range []bool{false, true} {
		for _, m := range models {
			if m.Custom() == custom {
				errs = append(errs, o.layModel(m))
			}
		}
	}
	for _, p := range profiles {
		errs = append(errs, o.layProfile(p))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	o.version, o.priceVersion = o.overlayVersion(), o.digestPrices(o.under.priceVersion)
	return o, nil
}

// repeated reports ids that have more than one entry.
func repeated(models []Model, profiles []Profile) (errs []error) {
	seen := make(map[string]bool, len(models)+len(profiles))
	check := func(id string) {
		if seen[id] {
			errs = append(errs, fmt.Errorf("%q has two entries", id))
		}
		seen[id] = true
	}
	for _, m := range models {
		check(m.ID)
	}
	for _, p := range profiles {
		check(p.ID)
	}
	return errs
}

// layModel adds a model to the top layer.
func (c *Catalogue) layModel(m Model) error {
	full, err := c.complete(m)
	if err == nil {
		err = full.Validate()
	}
	if err != nil {
		return fmt.Errorf("model %q: %w", m.ID, err)
	}
	c.models[m.ID] = full
	return nil
}

// complete fills in what an entry leaves to its base or to the entry below it.
func (c *Catalogue) complete(m Model) (Model, error) {
	if m.Custom() {
		return c.completeCustom(m)
	}
	below, known := c.Model(m.ID)
	if !known {
		below = Model{Kind: FoundationModel, Provider: ProviderOf(m.ID), Family: m.Family, Modality: ModalityText}
	}
	if err := sameOrigin(m, below); err != nil {
		return Model{}, err
	}
	if m.Base != "" || len(m.Regions) > 0 || m.Kind != "" && m.Kind != FoundationModel {
		return Model{}, errors.New("base, regions and kinds other than foundation_model are for ARNs only")
	}
	m.Kind, m.Provider, m.Family = below.Kind, below.Provider, below.Family
	m.Modality = either(m.Modality, below.Modality)
	m.DataHandling = either(m.DataHandling, below.DataHandling)
	m.Impact = either(m.Impact, below.Impact)
	l := m.listing().over(below.listing())
	m.Price, m.Prices = l.Price, l.Later
	m.MaxInput, m.MaxOutput = either(m.MaxInput, below.MaxInput), either(m.MaxOutput, below.MaxOutput)
	if m.Requires == nil {
		m.Requires = below.Requires
	}
	return m, nil
}

// completeCustom fills in what an ARN takes from its base.
func (c *Catalogue) completeCustom(m Model) (Model, error) {
	ref, err := ParseModelID(m.ID)
	if err != nil {
		return Model{}, err
	}
	kind, ok := customKinds[ref.Kind]
	if !ok {
		return Model{}, fmt.Errorf("a %s cannot be listed as a model", ref.Kind)
	}
	if m.Kind != "" && m.Kind != kind {
		return Model{}, fmt.Errorf("kind %q: the ARN is of a %s", m.Kind, kind)
	}
	base, ok := c.Model(m.Base)
	if !ok || base.Custom() {
		return Model{}, fmt.Errorf("base %q is not a listed foundation model%s", m.Base, c.Suggest(m.Base))
	}
	if err := sameOrigin(m, base); err != nil {
		return Model{}, err
	}
	m.Kind, m.Provider, m.Family = kind, base.Provider, base.Family
	m.Modality = either(m.Modality, base.Modality)
	m.MaxInput, m.MaxOutput = either(m.MaxInput, base.MaxInput), either(m.MaxOutput, base.MaxOutput)
	m.Requires = slices.Concat(m.Requires, base.Requires)
	slices.Sort(m.Requires)
	m.Requires = slices.Compact(m.Requires)
	return m, nil
}

// sameOrigin refuses an entry that names another provider or family than the
// model has: rules on families would no longer reach it.
func sameOrigin(m, known Model) error {
	if m.Provider != "" && m.Provider != known.Provider {
		return fmt.Errorf("provider %q: it is %q", m.Provider, known.Provider)
	}
	if m.Family != "" && m.Family != known.Family {
		return fmt.Errorf("family %q: it is %q", m.Family, known.Family)
	}
	return nil
}

// layProfile adds a profile to the top layer.
func (c *Catalogue) layProfile(p Profile) error {
	if below, known := c.Profile(p.ID); known {
		if p.Model != "" && p.Model != below.Model {
			return fmt.Errorf("profile %q: model %q: it is %q", p.ID, p.Model, below.Model)
		}
		p.Model = below.Model
		p.Global = p.Global || below.Global
		l := p.listing().over(below.listing())
		p.Price, p.Prices = l.Price, l.Later
		if p.Destinations == nil {
			p.Destinations = below.Destinations
		}
		if p.Routes == nil {
			p.Routes = below.Routes
		}
	}
	if err := p.Validate(); err != nil {
		return fmt.Errorf("profile %q: %w", p.ID, err)
	}
	for _, id := range append([]string{p.Model}, p.Routes...) {
		if m, ok := c.Model(id); !ok || m.Custom() {
			return fmt.Errorf("profile %q: model %q is not a listed foundation model%s", p.ID, id, c.Suggest(id))
		}
	}
	c.profiles[p.ID] = p
	return nil
}

// overlayVersion extends the lower layer's version by the entries above it.
func (c *Catalogue) overlayVersion() string {
	sum := sha256.New()
	sum.Write([]byte(c.under.version))
	for _, id := range slices.Sorted(maps.Keys(c.models)) {
		writeEntry(sum, id, c.models[id])
	}
	for _, id := range slices.Sorted(maps.Keys(c.profiles)) {
		writeEntry(sum, id, c.profiles[id])
	}
	asOf, _, _ := strings.Cut(c.under.version, "+")
	return asOf + "+" + hex.EncodeToString(sum.Sum(nil)[:8])
}

// writeEntry adds an entry to a digest; a validated one always encodes.
func writeEntry(sum io.Writer, id string, entry any) {
	if err := json.NewEncoder(sum).Encode([2]any{id, entry}); err != nil {
		panic(fmt.Sprintf("encoding catalogue entry %q: %v", id, err))
	}
}

// either is a unless it is zero.
func either[T comparable](a, b T) T {
	var zero T
	if a == zero {
		return b
	}
	return a
}
