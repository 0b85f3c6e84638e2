package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/rights"
)

// Alone is what one grant of the bundle's entitlements gives, apart from every
// other grant and from every law, over all time: what changes of other things are
// held against. The grant need not be in the bundle, nor in force.
func (b *Bundle) Alone(g rights.Grant, place rights.Place) (rights.GrantedPolicy, error) {
	t := b.stamper.templates[g.Entitlement]
	if t == nil {
		return rights.GrantedPolicy{}, fmt.Errorf("entitlement %q does not exist", g.Entitlement)
	}
	ent, left := t.ent.Under(g.Narrow)
	g.State, g.Narrow, g.NotBefore, g.NotAfter = "", nil, time.Time{}, forever
	if !left {
		g.State = rights.GrantEnded
	}
	return b.at(place).Granted(ent.Alone(), g)
}

// Law is a rule that no grant stands behind.
type Law struct {
	Document string // builtin, or the organisation's document
	Rule     string
	Effect   string // permit, forbid or oblige
	Text     string // in Cedar, in one spelling
	head     head
}

// EffectOblige is the effect of an obligation.
const EffectOblige = "oblige"

// For reports whether the law may be about an identity.
func (l *Law) For(name string) bool {
	u := newUID(identityType, name)
	return l.head.principal.matches(u, []uid{u})
}

// Laws lists the rules that no grant stands behind, by name; the obligations
// follow the others.
func (b *Bundle) Laws() []Law {
	var out []Law
	for _, r := range b.decide.rules() {
		out = append(out, lawOf(r, r.effect()))
	}
	for _, r := range b.oblige.rules() {
		out = append(out, lawOf(r, EffectOblige))
	}
	return out
}

// documentOf is the document of a rule by its name: documents are named without
// a slash.
func documentOf(rule string) string {
	name, _, _ := strings.Cut(rule, "/")
	return name
}

func lawOf(r *rule, effect string) Law {
	text := cedarText(r.tree)
	if r.bound > 0 { // the one annotation that is a part of what a rule demands
		text = boundText(r.bound) + "\n" + text
	}
	return Law{Document: documentOf(r.id), Rule: r.id, Effect: effect, Text: text, head: r.head}
}

// Actions lists the IAM actions of everything that rules can permit, sorted.
func Actions() []string {
	var out []string
	for _, a := range askedActions {
		out = append(out, a.iam...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
