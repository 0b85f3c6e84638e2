// Package widening says what a change gives beyond what was approved (security
// S18): which live grants it widens, with a witness, and whose roles; and it pins,
// by digest, what an approval is given for.
//
// The package decides nothing and changes nothing: it compares two states. It
// trusts that the state before is one that the audit log vouches for; of what a
// store says by itself it must not be asked.
package widening

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// Find says which live grants a set of changes would give more than was
// approved (security S18): before is the state as it is, after what the changes
// make of it. A grant lives that is in force, or approved for later, and has not
// ended. What entitlements, networks, models, policies and what rules read of
// identities come to is compared by the algebra, over every request; how an
// identity proves itself, what a call costs and what is held back is judged by
// rule, and so are budgets, and what an organisation's own labels are found by.
// What cannot be decided counts, and says so.
//
// Grants that a change touches alike are reported once, by the first of them:
// there is one entry for each entitlement, change and way of widening. A permit
// that no grant stands behind, for identities without any, names no grant.
//
// Attestations of a model widen nothing here: they meet a condition that the
// approvers knew of. Nor does the end of a quarantine, which has its own road.
func Find(before, after *snapshot.Snapshot, changes []store.Change, place rights.Place, now time.Time) ([]request.Widens, error) {
	if !slices.ContainsFunc(changes, func(c store.Change) bool { return slices.Contains(wideningKinds, c.Kind) }) {
		return nil, nil
	}
	return newWidening(before, after, changes, place, now).judge()
}

// wideningKinds are the kinds of resource that a live grant comes to something by.
var wideningKinds = []manifest.Kind{
	manifest.Issuer, manifest.Network, manifest.Model, manifest.Profile, manifest.Identity, manifest.Binding, manifest.Entitlement, manifest.Grant, manifest.PolicyKind,
	manifest.DataLabel, manifest.Budget,
}

// widening is one comparison of two states.
type widening struct {
	before, after *snapshot.Snapshot
	place         rights.Place
	now           time.Time
	changed       map[manifest.Kind][]string // names

	anyone     bool                // the changes may touch every grant there is
	castKeys   map[string]string   // by identity
	made       map[string][]string // what changed of what an entitlement is made of
	identities map[string]bool     // whose grants are touched, whatever they are of
	touching   map[string][]string // changed networks and models (Kind/name) by network name or model selector
	laws       lawChange
	proxies    proxyChange
	labels     []labelChange

	tallies  map[tallyKey]*tally
	casts    map[string]*cast
	compared map[string]rights.Comparison
}

func newWidening(before, after *snapshot.Snapshot, changes []store.Change, place rights.Place, now time.Time) *widening {
	w := &widening{
		before: before, after: after, place: place, now: now, changed: map[manifest.Kind][]string{},
		identities: map[string]bool{}, touching: map[string][]string{}, castKeys: map[string]string{}, made: map[string][]string{},
		tallies: map[tallyKey]*tally{}, casts: map[string]*cast{}, compared: map[string]rights.Comparison{},
	}
	for _, c := range changes {
		w.changed[c.Kind] = append(w.changed[c.Kind], c.Name)
	}
	w.look()
	return w
}

// judge holds every class against everything that could widen it.
func (w *widening) judge() ([]request.Widens, error) {
	for _, c := range w.classes() {
		for _, judge := range []func(*class) error{w.judgeRight, w.judgeLaws, w.judgeModels, w.judgeProofs, w.judgeProxies, w.judgeHolds, w.judgeLabels, w.judgeLimits, w.judgeGrant} {
			if err := judge(c); err != nil {
				return nil, fmt.Errorf("comparing grant %q before and after: %w", c.first.ID, err)
			}
		}
	}
	w.judgeBudgets()
	w.judgePermits()
	return w.told(), nil
}

// class is live grants that no change can tell apart: of one entitlement, under
// one narrowing, of identities that are alike in what rules read.
type class struct {
	first    *rights.Grant // by name
	n        int
	was, now *identity.Identity
	cast     string
	causes   []string // changed resources that the right is made of
}

// tallyKey tells what is reported once.
type tallyKey struct{ entitlement, cause, topic string }

type tally struct {
	request.Widens
	n int
}

// look finds what the changes touch.
func (w *widening) look() {
	w.laws = lawsChanged(w.before, w.after)
	w.proxies = w.proxiesChanged()
	w.labels = w.labelsChanged()
	w.anyone = w.labelsTouch() || w.laws.loosened() || w.proxies.changed() || len(w.changed[manifest.Network]) > 0 && w.laws.mention("network")
	for _, n := range w.changed[manifest.Network] {
		w.touching[networkKey(n)] = append(w.touching[networkKey(n)], resourceID(manifest.Network, n))
	}
	for _, kind := range []manifest.Kind{manifest.Model, manifest.Profile} {
		for _, name := range w.changed[kind] {
			for _, s := range w.selectors(name) {
				w.touching[s] = append(w.touching[s], resourceID(kind, name))
			}
		}
	}
	for _, n := range w.changed[manifest.Identity] {
		w.identities[n] = true
	}
	for _, n := range w.changed[manifest.Grant] {
		if g, ok := w.before.Grant(n); ok {
			w.identities[g.Identity] = true
		}
	}
	w.lookAtProofs()
}

func resourceID(kind manifest.Kind, name string) string { return string(kind) + "/" + name }

// networkKey keeps names of networks from being taken for models.
func networkKey(name string) string { return "network " + name }

// selectors are those that reach a model or profile before or after.
func (w *widening) selectors(name string) []string {
	var out []string
	for _, s := range []*snapshot.Snapshot{w.before, w.after} {
		out = append(out, selectorsOf(s.Catalogue, leadsOf(s.Catalogue), name)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// everywhere reports whether the changes may touch grants of any identity.
func (w *widening) everywhere() bool {
	return len(w.touching) > 0 || len(w.changed[manifest.Entitlement]) > 0 || w.anyone
}

// classes gathers the live grants that the changes may touch.
func (w *widening) classes() []*class {
	found := map[classKey]*class{}
	if w.everywhere() {
		for g := range w.before.EachGrant() {
			w.gather(found, g)
		}
	} else {
		for name := range w.identities {
			for _, g := range w.before.GrantsOf(name) {
				w.gather(found, g)
			}
		}
	}
	out := slices.Collect(maps.Values(found))
	slices.SortFunc(out, func(a, b *class) int { return strings.Compare(a.first.ID, b.first.ID) })
	return out
}

// classKey is what tells classes apart.
type classKey struct {
	entitlement, narrow, cast string
	grant                     string // of one that is changed itself
}

func (w *widening) gather(found map[classKey]*class, g *rights.Grant) {
	causes := w.causes(g)
	special := w.identities[g.Identity]
	if len(causes) == 0 && !special && !w.anyone || !w.lives(g) {
		return
	}
	was, okWas := w.before.Identity(g.Identity)
	now, okNow := w.after.Identity(g.Identity)
	if !okWas || !okNow {
		return
	}
	key := classKey{entitlement: g.Entitlement, cast: w.castKey(was, special)}
	if !g.Narrow.Empty() {
		narrow, _ := json.Marshal(g.Narrow) // strings, numbers and flags: it cannot fail
		key.narrow = string(narrow)
	}
	if slices.Contains(w.changed[manifest.Grant], g.ID) {
		key.grant = g.ID
	}
	c := found[key]
	if c == nil {
		c = &class{first: g, was: was, now: now, cast: key.cast, causes: causes}
		found[key] = c
	}
	if g.ID < c.first.ID {
		c.first, c.was, c.now = g, was, now
	}
	c.n++
}

// lives reports whether a grant gives its right, or was promised to, and still
// would after the changes.
func (w *widening) lives(g *rights.Grant) bool {
	promised := func(g *rights.Grant) bool {
		return (g.State.Confers() || g.State == rights.GrantScheduled) && w.now.Before(g.NotAfter)
	}
	now, ok := w.after.Grant(g.ID)
	return ok && promised(g) && promised(now)
}

// castKey names what rules can read of an identity: who is alike in that, is alike
// to every rule.
func (w *widening) castKey(i *identity.Identity, special bool) string {
	if key, had := w.castKeys[i.ID]; had {
		return key
	}
	parts := []string{i.Environment, strings.Join(i.Purposes, "\x01"), fmt.Sprint(i.Current().Halted())}
	for _, attribute := range []struct{ name, value string }{
		{"kind", string(i.Kind)}, {"team", i.Team}, {"shared", fmt.Sprint(i.Shared)}, {"state", string(i.Current())}, {"sponsor", i.Sponsor},
	} {
		if w.laws.mention(attribute.name) {
			parts = append(parts, attribute.value)
		}
	}
	if special || w.laws.mention("Writ::Identity") || w.proxies.changed() {
		parts = append(parts, i.ID)
	}
	w.castKeys[i.ID] = strings.Join(parts, "\x00")
	return w.castKeys[i.ID]
}

// causes lists the changed resources that a grant's right is made of, apart from
// policies and from what the identity proves itself by.
func (w *widening) causes(g *rights.Grant) []string {
	ofRight, had := w.made[g.Entitlement]
	if !had {
		ofRight = w.causesOf(g.Entitlement)
		w.made[g.Entitlement] = ofRight
	}
	out := ofRight
	if w.own(g) {
		out = slices.Clone(out)
		if slices.Contains(w.changed[manifest.Grant], g.ID) {
			out = append(out, resourceID(manifest.Grant, g.ID))
		}
		for _, n := range narrowNetworks(g) {
			out = append(out, w.touching[networkKey(n)]...)
		}
		if slices.Contains(w.changed[manifest.Identity], g.Identity) {
			out = append(out, resourceID(manifest.Identity, g.Identity))
		}
		slices.Sort(out)
		out = slices.Compact(out)
	}
	return out
}

// own reports whether changes may touch a grant by more than its entitlement.
func (w *widening) own(g *rights.Grant) bool {
	return w.identities[g.Identity] || len(narrowNetworks(g)) > 0 && len(w.changed[manifest.Network]) > 0
}

// causesOf lists the changed resources that an entitlement is made of.
func (w *widening) causesOf(entitlement string) (out []string) {
	if slices.Contains(w.changed[manifest.Entitlement], entitlement) {
		out = append(out, resourceID(manifest.Entitlement, entitlement))
	}
	for _, s := range []*snapshot.Snapshot{w.before, w.after} {
		e, ok := s.Entitlement(entitlement)
		if !ok {
			continue
		}
		for _, m := range e.Models {
			out = append(out, w.touching[m]...)
		}
		for _, n := range e.Conditions.Networks {
			out = append(out, w.touching[networkKey(n)]...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func narrowNetworks(g *rights.Grant) []string {
	if g.Narrow == nil {
		return nil
	}
	return g.Narrow.Networks
}

// note keeps what was found of a class.
func (w *widening) note(c *class, cause, topic, text string, witness *rights.Witness) {
	key := tallyKey{c.first.Entitlement, cause, topic}
	t := w.tallies[key]
	if t == nil {
		t = &tally{Widens: request.Widens{Grant: c.first.ID, Cause: cause, Text: text}}
		if witness != nil {
			t.Witness, _ = json.Marshal(witness) // strings and lists: it cannot fail
		}
		w.tallies[key] = t
	}
	t.n += c.n
}

// told is what was found, in order, with how many grants each is about.
func (w *widening) told() []request.Widens {
	var out []request.Widens
	for key, t := range w.tallies {
		if t.n > 1 {
			t.Text += fmt.Sprintf(" (this and %d more grants of entitlement %s)", t.n-1, key.entitlement)
		}
		out = append(out, t.Widens)
	}
	slices.SortFunc(out, func(a, b request.Widens) int {
		return strings.Compare(a.Cause+"\x00"+a.Grant+"\x00"+a.Text, b.Cause+"\x00"+b.Grant+"\x00"+b.Text)
	})
	return out
}

// checkedActions are those that IAM checks for anything a grant can give.
var checkedActions = policy.Actions()

// compare asks the algebra what one pair of policies allows beyond another.
func (w *widening) compare(base, next []*awsiam.Document, knownBase, knownNext awsiam.Context) rights.Comparison {
	side := func(docs []*awsiam.Document, known awsiam.Context) rights.Policies {
		return rights.Policies{Layers: awsiam.Layers{Identity: docs}, Known: known}
	}
	u := rights.Universe{Facts: awsiam.EmbeddedFacts()}
	b, n := side(base, knownBase), side(next, knownNext)
	if c := rights.Compare(u, b, n, checkedActions); c.Verdict != rights.Undecided {
		return c
	}
	return rights.CompareEach(u, b, n, checkedActions)
}
