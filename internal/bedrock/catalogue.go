package bedrock

import (
	"cmp"
	"maps"
	"slices"
)

// The modalities of a model. An entry that states none is of text.
const (
	ModalityText      = "text"
	ModalityEmbedding = "embedding"
	ModalityImage     = "image"
	ModalityVideo     = "video"
	ModalitySpeech    = "speech"
	ModalityRerank    = "rerank"
)

// Modalities lists them, for validation and help texts.
var Modalities = []string{ModalityEmbedding, ModalityImage, ModalityRerank, ModalitySpeech, ModalityText, ModalityVideo}

// Catalogue says which models and inference profiles exist and what is known
// of them: family, price, limits, data handling, and where a profile's calls
// may run. What it does not list cannot be invoked through Writ.
//
// A Catalogue is immutable and safe for concurrent use; the slices and maps of
// what it returns are shared and must not be changed.
type Catalogue struct {
	under    *Catalogue // the layer this one lies on; nil for the embedded one
	models   map[string]Model
	profiles map[string]Profile
	unpriced map[string]bool // profiles whose price is unknown although their model's is not
	version  string
	// priceVersion is the part of the version that prices make; guardrail is what
	// the lowest layer says guardrails cost.
	priceVersion string
	guardrail    *float64
}

// Model returns the model listed under a catalogue id: a foundation model's
// bare id, or the ARN of an account's own model. An ARN's provider, family and
// base are filled in, so that rules on families reach it.
func (c *Catalogue) Model(id string) (Model, bool) {
	for l := c; l != nil; l = l.under {
		if m, ok := l.models[id]; ok {
			return m, true
		}
	}
	return Model{}, false
}

// Profile returns the inference profile listed under a catalogue id: a
// system-defined one's bare id, or the ARN of an application profile or router.
func (c *Catalogue) Profile(id string) (Profile, bool) {
	for l := c; l != nil; l = l.under {
		if p, ok := l.profiles[id]; ok {
			return p, true
		}
	}
	return Profile{}, false
}

// Models returns every model, sorted by id.
func (c *Catalogue) Models() []Model {
	all := map[string]Model{}
	c.eachLayer(func(l *Catalogue) { maps.Copy(all, l.models) })
	return slices.SortedFunc(maps.Values(all), func(a, b Model) int { return cmp.Compare(a.ID, b.ID) })
}

// Profiles returns every inference profile, sorted by id.
func (c *Catalogue) Profiles() []Profile {
	all := map[string]Profile{}
	c.eachLayer(func(l *Catalogue) { maps.Copy(all, l.profiles) })
	return slices.SortedFunc(maps.Values(all), func(a, b Profile) int { return cmp.Compare(a.ID, b.ID) })
}

// eachLayer visits the layers from the lowest up.
func (c *Catalogue) eachLayer(visit func(*Catalogue)) {
	if c.under != nil {
		c.under.eachLayer(visit)
	}
	visit(c)
}

// Version names what the catalogue says, prices included: the month of the embedded tables and
// a digest over them and every entry laid over them. Records carry it.
func (c *Catalogue) Version() string { return c.version }

// isUnpriced reports whether the tables hold a profile's price for unknown.
func (c *Catalogue) isUnpriced(profileID string) bool {
	for l := c; l != nil; l = l.under {
		if l.unpriced[profileID] {
			return true
		}
	}
	return false
}

// Families returns every family, sorted.
func (c *Catalogue) Families() []string {
	return c.distinct(func(m Model) string { return m.Family })
}

// Providers returns every provider, sorted.
func (c *Catalogue) Providers() []string {
	return c.distinct(func(m Model) string { return m.Provider })
}

// distinct collects one field of every model.
func (c *Catalogue) distinct(field func(Model) string) []string {
	var all []string
	c.eachLayer(func(l *Catalogue) {
		for _, m := range l.models {
			all = append(all, field(m))
		}
	})
	slices.Sort(all)
	return slices.Compact(all)
}
