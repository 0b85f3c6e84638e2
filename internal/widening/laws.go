package widening

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
)

// lawChange is what became of the rules that no grant stands behind.
type lawChange struct {
	was, now map[string]policy.Law // by rule and effect
	text     string                // of all policies, before and after
	mentions map[string]bool       // what was asked of the text
	gone     []policy.Law          // forbids and obligations that are not there any more, or say something else
	fresh    []policy.Law          // permits that were not there, or said something else
}

func lawsChanged(before, after *snapshot.Snapshot) lawChange {
	c := lawChange{was: lawsOf(before), now: lawsOf(after), mentions: map[string]bool{}}
	for _, s := range []*snapshot.Snapshot{before, after} {
		for _, p := range s.Policies() {
			c.text += p.Text + "\n"
		}
	}
	for key, l := range c.was {
		if l.Effect != policy.EffectPermit && c.now[key].Text != l.Text {
			c.gone = append(c.gone, l)
		}
	}
	for key, l := range c.now {
		if l.Effect == policy.EffectPermit && c.was[key].Text != l.Text {
			c.fresh = append(c.fresh, l)
		}
	}
	byRule := func(a, b policy.Law) int { return strings.Compare(a.Rule, b.Rule) }
	slices.SortFunc(c.gone, byRule)
	slices.SortFunc(c.fresh, byRule)
	return c
}

func lawsOf(s *snapshot.Snapshot) map[string]policy.Law {
	out := map[string]policy.Law{}
	for _, l := range s.Bundle.Laws() {
		out[lawKey(l.Rule, l.Effect)] = l
	}
	return out
}

func lawKey(rule, effect string) string { return effect + " " + rule }

// loosened reports whether something is not forbidden any more, not demanded any
// more, or newly permitted, by the wording of policies.
func (c *lawChange) loosened() bool { return len(c.gone) > 0 || len(c.fresh) > 0 }

// mention reports whether any policy speaks of something, if only in a comment.
func (c *lawChange) mention(what string) bool {
	is, asked := c.mentions[what]
	if !asked {
		is = strings.Contains(c.text, what)
		c.mentions[what] = is
	}
	return is
}

// cast is the laws as they are for identities that are alike.
type cast struct {
	was, now *policy.Permits
	gone     []string // rules whose forbids are not what they were, as far as policies express them
}

// castOf converts the forbids among some rules for a class's identities.
func (w *widening) castOf(c *class, rules []string) (*cast, error) {
	key := c.cast + "\x00" + strings.Join(rules, "\x00")
	if had := w.casts[key]; had != nil {
		return had, nil
	}
	k := &cast{}
	var err error
	if k.was, err = w.before.Bundle.Forbids(c.was, w.place, rules); err != nil {
		return nil, err
	}
	if k.now, err = w.after.Bundle.Forbids(c.now, w.place, rules); err != nil {
		return nil, err
	}
	for _, f := range k.was.Forbids {
		if textOf(k.now, f.Rule) != string(f.Text) {
			k.gone = append(k.gone, f.Rule)
		}
	}
	w.casts[key] = k
	return k, nil
}

// shaken lists the forbids that may forbid less to a class: those worded otherwise,
// and those that speak of a fact that is not what it was.
func (w *widening) shaken(c *class) []string {
	facts := w.factsChanged(c)
	var out []string
	for key, l := range w.laws.was {
		if l.Effect != policy.EffectForbid || l.Rule == vettingRule || !l.For(c.was.ID) {
			continue
		}
		speaks := false
		for word := range facts {
			speaks = speaks || strings.Contains(l.Text, word)
		}
		if speaks || w.laws.now[key].Text != l.Text {
			out = append(out, l.Rule)
		}
	}
	slices.Sort(out)
	return out
}

// vettingRule is the built-in rule on validations: what models require is judged
// by rule, and that an attestation meets it widens nothing.
const vettingRule = "builtin/validation"

func textOf(p *policy.Permits, rule string) string {
	for _, f := range p.Forbids {
		if f.Rule == rule {
			return string(f.Text)
		}
	}
	return ""
}

// judgeLaws compares what the laws keep from the grants of a class.
func (w *widening) judgeLaws(c *class) error {
	if !w.laws.loosened() && len(w.factsChanged(c)) == 0 {
		return nil
	}
	w.judgeObligations(c)
	w.judgeOthers(c)
	rules := w.shaken(c)
	if len(rules) == 0 {
		return nil
	}
	k, err := w.castOf(c, rules)
	if err != nil {
		return err
	}
	w.judgeInexact(c, k)
	if len(k.gone) == 0 {
		return nil
	}
	given, err := w.after.Bundle.Alone(*c.first, w.place)
	if err != nil {
		return err
	}
	if found := w.without(c, k, given, k.gone); found.Verdict == rights.NoNewAccess {
		return nil
	}
	w.blame(c, k, given)
	return nil
}

// factsChanged lists what changed of the facts that laws can speak of, in the words
// by which they do.
func (w *widening) factsChanged(c *class) map[string]string {
	out := map[string]string{}
	for _, cause := range c.causes {
		switch kind, name, _ := strings.Cut(cause, "/"); manifest.Kind(kind) {
		case manifest.Identity:
			if !sameToRules(c.was, c.now) {
				out["principal."] = cause
			}
		case manifest.Model, manifest.Profile:
			if !w.sameModel(name) {
				out["resource"], out["request.model"] = cause, cause
			}
		}
	}
	for _, n := range w.changed[manifest.Network] {
		if w.laws.mention("network") {
			out["network"] = resourceID(manifest.Network, n)
		}
	}
	return out
}

// sameToRules reports whether rules can tell two states of an identity apart.
func sameToRules(a, b *identity.Identity) bool {
	return a.Kind == b.Kind && a.Environment == b.Environment && a.Team == b.Team && a.Shared == b.Shared &&
		a.Current() == b.Current() && a.Sponsor == b.Sponsor && slices.Equal(a.Purposes, b.Purposes)
}

// sameModel reports whether rules can tell two states of a model or profile apart,
// but by its validations.
func (w *widening) sameModel(name string) bool {
	is := func(s *snapshot.Snapshot) string {
		m, _ := s.Catalogue.Model(name)
		p, _ := s.Catalogue.Profile(name)
		m.Requires, m.Price, p.Price, m.Owner = nil, bedrock.Price{}, bedrock.Price{}, ""
		return fmt.Sprintf("%+v %+v", m, p)
	}
	return is(w.before) == is(w.after)
}

// without compares what a right comes to under some rules as they were, and as
// they are.
func (w *widening) without(c *class, k *cast, given rights.GrantedPolicy, rules []string) rights.Comparison {
	under := func(p *policy.Permits) (docs []*awsiam.Document, text string) {
		docs = documentsOf(given)
		for _, f := range p.Forbids {
			if slices.Contains(rules, f.Rule) {
				docs, text = append(docs, f.Document), text+string(f.Text)
			}
		}
		return docs, text
	}
	base, textBase := under(k.was)
	next, textNext := under(k.now)
	known := holding(policy.IdentityKeys(c.now))
	key := string(given.Text) + "\x00" + textBase + "\x00" + textNext + fmt.Sprint(known)
	if had, ok := w.compared[key]; ok {
		return had
	}
	u := rights.Universe{Facts: awsiam.EmbeddedFacts()}
	found := rights.CompareEach(u, rights.Policies{Layers: awsiam.Layers{Identity: base}, Known: known}, rights.Policies{Layers: awsiam.Layers{Identity: next}, Known: known}, checkedActions)
	w.compared[key] = found
	return found
}

// blame finds the rules by whose change something becomes possible.
func (w *widening) blame(c *class, k *cast, given rights.GrantedPolicy) {
	for _, rule := range k.gone {
		found := w.without(c, k, given, []string{rule})
		if found.Verdict == rights.NoNewAccess {
			continue
		}
		w.note(c, w.causeOf(c, rule), topicLaw, lawWords(rule, found), found.Witness)
	}
}

// causeOf is the change behind a rule's: that of its policy, or of a fact that it
// speaks of.
func (w *widening) causeOf(c *class, rule string) string {
	document, _, _ := strings.Cut(rule, "/")
	if slices.Contains(w.changed[manifest.PolicyKind], document) {
		return resourceID(manifest.PolicyKind, document)
	}
	facts := w.factsChanged(c)
	for _, word := range []string{"principal.", "resource", "network"} {
		if cause := facts[word]; cause != "" {
			return cause
		}
	}
	return resourceID(manifest.PolicyKind, document)
}

func lawWords(rule string, found rights.Comparison) string {
	if found.Verdict == rights.Undecided {
		return fmt.Sprintf("rule %s forbids something else than before; that it forbids less cannot be excluded: %s", rule, found.Reason)
	}
	return fmt.Sprintf("rule %s does not forbid %s on %s any more", rule, found.Witness.Action, found.Witness.Resource)
}

// judgeInexact counts forbids that policies cannot express, where their wording, or
// a fact that they speak of, is not what it was.
func (w *widening) judgeInexact(c *class, k *cast) {
	facts := w.factsChanged(c)
	for _, u := range slices.Concat(k.was.Unconverted, k.now.Unconverted) {
		key := lawKey(u.Rule, policy.EffectForbid)
		was, had := w.laws.was[key]
		if u.Effect != policy.EffectForbid || !had || !was.For(c.was.ID) {
			continue
		}
		now, has := w.laws.now[key]
		switch {
		case !has: // that it is gone, the algebra has found
		case was.Text != now.Text:
			w.note(c, w.causeOf(c, u.Rule), topicLaw, fmt.Sprintf("rule %s has another wording; that it forbids less cannot be excluded: %s", u.Rule, u.Reason), nil)
		default:
			for word, cause := range facts {
				if strings.Contains(was.Text, word) {
					w.note(c, cause, topicLaw, fmt.Sprintf("rule %s may forbid less by this change, which cannot be excluded: %s", u.Rule, u.Reason), nil)
				}
			}
		}
	}
}

// judgeObligations counts obligations that are gone, or worded otherwise: what was
// held, redacted or guarded may not be any more.
func (w *widening) judgeObligations(c *class) {
	for _, l := range w.laws.gone {
		if l.Effect == policy.EffectOblige && l.For(c.was.ID) {
			w.note(c, resourceID(manifest.PolicyKind, l.Document), topicHold, fmt.Sprintf("rule %s, an obligation, is gone or has another wording; that it demands less cannot be excluded", l.Rule), nil)
		}
	}
	for _, l := range w.laws.fresh {
		if l.For(c.now.ID) {
			w.note(c, resourceID(manifest.PolicyKind, l.Document), topicLaw, fmt.Sprintf("rule %s permits what no grant stands behind", l.Rule), nil)
		}
	}
}

// judgeOthers counts obligations and permits whose wording is what it was, and that
// speak of a fact that is not: the one may demand less, the other permit more.
func (w *widening) judgeOthers(c *class) {
	facts := w.factsChanged(c)
	for key, l := range w.laws.was {
		if l.Effect == policy.EffectForbid || len(facts) == 0 || !l.For(c.was.ID) || w.laws.now[key].Text != l.Text {
			continue
		}
		for word, cause := range facts {
			if strings.Contains(l.Text, word) {
				w.note(c, cause, topicHold, fmt.Sprintf("rule %s speaks of what this changes; that it demands less, or permits more, cannot be excluded", l.Rule), nil)
			}
		}
	}
}

// judgePermits reports permits without a grant that no live grant is reported for.
func (w *widening) judgePermits() {
	for _, l := range w.laws.fresh {
		cause := resourceID(manifest.PolicyKind, l.Document)
		told := false
		for key := range w.tallies {
			told = told || key.cause == cause
		}
		if !told {
			w.tallies[tallyKey{cause: cause, topic: topicLaw}] = &tally{
				Widens: request.Widens{Cause: cause, Text: fmt.Sprintf("rule %s permits what no grant stands behind", l.Rule)}, n: 1,
			}
		}
	}
}
