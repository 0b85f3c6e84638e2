package widening

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
)

// The pins that stand for more than one resource.
const (
	pinPolicies = "Policy/*" // every policy
	// pinReach is everything the catalogue says of the models and profiles that
	// the entitlement reaches, the tables that come with Writ included: another
	// model in a family, or another region behind a profile, is another right.
	pinReach = "Catalogue/reached"
)

// absent is the pin of what is not there.
const absent = "0000000000000000000000000000000000000000000000000000000000000000"

// Pins are the digests of everything that what is asked for refers to, by
// Kind/name, as they stand in a snapshot (security S18): hex of the resource's
// digest. Whoever decides agrees to these and no others. Attestations of a model
// are not among them; which of them a model requires is.
func Pins(s *snapshot.Snapshot, ask request.Ask) (map[string]string, error) {
	p := &pinning{state: s, pins: map[string]string{}}
	switch {
	case ask.Grant != nil:
		p.grant(ask.Grant)
	case ask.Change != nil:
		p.change(ask.Change)
	case ask.Lift != nil:
		p.must(manifest.Quarantine, ask.Lift.Quarantine)
	case ask.Waiver != nil:
		p.may(manifest.SoDRule, ask.Waiver.Rule) // the built-in ones are part of the program
	case ask.Review != nil:
		p.may(manifest.Grant, ask.Review.Grant) // it may have ended
	default:
		return nil, errors.New("pinning: nothing is asked for")
	}
	if err := errors.Join(p.errs...); err != nil {
		return nil, fmt.Errorf("pinning what is asked for: %w", err)
	}
	return p.pins, nil
}

// PinDigest is one digest over pins, hex: SHA-256 over a fixed label, and then
// each name and digest in the order of names, each preceded by its length as
// eight bytes, big-endian.
func PinDigest(pins map[string]string) string {
	parts := []string{"writ pins v1"}
	for _, name := range slices.Sorted(maps.Keys(pins)) {
		parts = append(parts, name, pins[name])
	}
	return pinOf(parts)
}

func pinOf(parts []string) string {
	h := sha256.New()
	for _, part := range parts {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write([]byte(part))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// pinning collects pins.
type pinning struct {
	state *snapshot.Snapshot
	pins  map[string]string
	errs  []error
}

// may pins a resource, there or not, and reports whether it is.
func (p *pinning) may(kind manifest.Kind, name string) bool {
	id := string(kind) + "/" + name
	r, ok := p.state.Resource(kind, name)
	if !ok {
		p.pins[id] = absent
		return false
	}
	d := r.Digest()
	p.pins[id] = hex.EncodeToString(d[:])
	return true
}

// must pins a resource that has to be there.
func (p *pinning) must(kind manifest.Kind, name string) {
	if !p.may(kind, name) {
		p.errs = append(p.errs, fmt.Errorf("%s/%s does not exist", kind, name))
	}
}

func (p *pinning) grant(a *request.GrantAsk) {
	p.must(manifest.Entitlement, a.Entitlement)
	p.must(manifest.Identity, a.Identity)
	if e, ok := p.state.Entitlement(a.Entitlement); ok {
		p.networks(e.Conditions.Networks)
		p.reached(e)
	}
	if a.Narrow != nil {
		p.networks(a.Narrow.Networks)
	}
	for _, b := range p.state.BindingsOfIdentity(a.Identity) {
		p.binding(b)
	}
	p.policies()
	if a.Replaces != "" {
		p.may(manifest.Grant, a.Replaces) // it may have ended meanwhile
	}
}

func (p *pinning) binding(b *identity.Binding) {
	p.must(manifest.Binding, b.ID)
	p.must(manifest.Issuer, b.Issuer)
	p.networks(b.Networks)
}

func (p *pinning) networks(names []string) {
	for _, n := range names {
		p.must(manifest.Network, n)
	}
}

// policies pins all policies as one: any of them may be about the grant.
func (p *pinning) policies() {
	parts := []string{"writ policies v1"}
	for _, d := range p.state.Policies() {
		sum := (manifest.Resource{Kind: manifest.PolicyKind, Name: d.ID, Spec: d}).Digest()
		parts = append(parts, d.ID, hex.EncodeToString(sum[:]))
	}
	p.pins[pinPolicies] = pinOf(parts)
}

// reached pins what the catalogue says of whatever an entitlement reaches: the
// organisation's own entries one by one, and all of it together.
func (p *pinning) reached(e *rights.Entitlement) {
	parts := []string{"writ reach v1"}
	add := func(kind manifest.Kind, id string, entry any) {
		text, err := json.Marshal(entry)
		if err != nil {
			p.errs = append(p.errs, fmt.Errorf("%s %q: %w", kind, id, err))
		}
		parts = append(parts, string(kind), id, string(text))
		if _, own := p.state.Resource(kind, id); own {
			p.must(kind, id)
		}
	}
	models, profiles := reachOf(p.state.Catalogue, e)
	for _, m := range models {
		add(manifest.Model, m.ID, m)
	}
	for _, f := range profiles {
		add(manifest.Profile, f.ID, f)
	}
	p.pins[pinReach] = pinOf(parts)
}

// change pins what would be replaced, and the rights that it would widen.
func (p *pinning) change(a *request.ChangeAsk) {
	for _, c := range a.Changes {
		p.may(manifest.Kind(c.Kind), c.Name)
	}
	for _, w := range a.Widens {
		if g, ok := p.state.Grant(w.Grant); ok {
			p.may(manifest.Entitlement, g.Entitlement)
		}
	}
}

// reachOf lists the models and profiles that an entitlement's selectors reach, by
// id: those named, those of families and providers named, and those behind a
// profile, or an account's own model, that is reached.
func reachOf(cat *bedrock.Catalogue, e *rights.Entitlement) (models []bedrock.Model, profiles []bedrock.Profile) {
	leads := leadsOf(cat)
	named := func(id string) bool {
		return slices.ContainsFunc(selectorsOf(cat, leads, id), func(s string) bool { return slices.Contains(e.Models, s) })
	}
	for _, m := range cat.Models() {
		if named(m.ID) {
			models = append(models, m)
		}
	}
	for _, f := range cat.Profiles() {
		if named(f.ID) {
			profiles = append(profiles, f)
		}
	}
	return models, profiles
}

// leadsOf lists the profiles that lead to each model.
func leadsOf(cat *bedrock.Catalogue) map[string][]string {
	leads := map[string][]string{}
	for _, p := range cat.Profiles() {
		for _, m := range append([]string{p.Model}, p.Routes...) {
			leads[m] = append(leads[m], p.ID)
		}
	}
	return leads
}

// selectorsOf lists the selectors by which an entitlement reaches a model or
// profile: its own id, its families and providers, those of what it is made of,
// and the profiles that lead to it.
func selectorsOf(cat *bedrock.Catalogue, leads map[string][]string, id string) []string {
	out := append([]string{id}, leads[id]...)
	for _, name := range madeOf(cat, id) {
		if m, ok := cat.Model(name); ok {
			out = append(out, string(rights.SelectFamily)+":"+m.Family, string(rights.SelectProvider)+":"+m.Provider)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// madeOf lists a model with what it is based on, or the models behind a profile
// with what they are based on.
func madeOf(cat *bedrock.Catalogue, id string) []string {
	out := []string{id}
	if p, ok := cat.Profile(id); ok {
		out = append([]string{p.Model}, p.Routes...)
	}
	for i := 0; i < len(out); i++ {
		if m, ok := cat.Model(out[i]); ok && m.Base != "" && !slices.Contains(out, m.Base) {
			out = append(out, m.Base)
		}
	}
	return out
}
