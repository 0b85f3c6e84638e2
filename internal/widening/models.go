package widening

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
)

// judgeModels counts what the algebra does not see of models: what a call costs,
// which validations stand before it, and where it runs.
func (w *widening) judgeModels(c *class) error {
	for _, cause := range c.causes {
		kind, name, _ := strings.Cut(cause, "/")
		switch manifest.Kind(kind) {
		case manifest.Model:
			w.judgeModel(c, cause, name)
		case manifest.Profile:
			w.judgeProfile(c, cause, name)
		}
	}
	return nil
}

func (w *widening) judgeModel(c *class, cause, name string) {
	was, had := w.before.Catalogue.Model(name)
	now, has := w.after.Catalogue.Model(name)
	if !had || !has {
		return // that it is there now, the algebra has found
	}
	if why := w.cheaper(name, ""); why != "" {
		w.note(c, cause, topicPrice, why, nil)
	}
	for _, kind := range was.Requires {
		if !slices.Contains(now.Requires, kind) {
			w.note(c, cause, topicVetted, fmt.Sprintf("model %s does not require the validation %s any more", name, kind), nil)
		}
	}
	if more := moreThan(now.Regions, was.Regions); len(more) > 0 {
		w.note(c, cause, topicRegion, fmt.Sprintf("model %s may run in %s too", name, strings.Join(more, ", ")), nil)
	}
	if was.Base != now.Base {
		w.note(c, cause, topicRegion, fmt.Sprintf("model %s is made from %s, which was %s", name, short(now.Base), short(was.Base)), nil)
	}
}

func (w *widening) judgeProfile(c *class, cause, name string) {
	was, had := w.before.Catalogue.Profile(name)
	now, has := w.after.Catalogue.Profile(name)
	if !had || !has {
		return
	}
	for _, m := range append([]string{now.Model}, now.Routes...) {
		if why := w.cheaper(m, name); why != "" {
			w.note(c, cause, topicPrice, why, nil)
		}
	}
	if was.Model != now.Model || len(moreThan(now.Routes, was.Routes)) > 0 {
		w.note(c, cause, topicRegion, fmt.Sprintf("profile %s leads to other models", name), nil)
	}
	// Fewer destinations can meet a condition on regions that more did not.
	if was.Global != now.Global || !maps.EqualFunc(was.Destinations, now.Destinations, sameSet) {
		w.note(c, cause, topicRegion, fmt.Sprintf("calls through profile %s run in other regions", name), nil)
	}
}

func sameSet(a, b []string) bool { return len(moreThan(a, b)) == 0 && len(moreThan(b, a)) == 0 }

// moreThan lists what is in a and not in b.
func moreThan(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// cheaper says by which figure a call became cheaper, or its price unknown, now
// or from a day on: limits of money then allow more calls.
func (w *widening) cheaper(model, profile string) string {
	was, had := w.before.Catalogue.Listing(model, profile)
	now, has := w.after.Catalogue.Listing(model, profile)
	what := "model " + model
	if profile != "" {
		what += " through profile " + profile
	}
	switch {
	case had && !has:
		return "the price of " + what + " is not known any more"
	case !had:
		return ""
	}
	for _, day := range days(was, now) {
		if why := less(was.At(day), now.At(day), what); why != "" {
			return why
		}
	}
	return ""
}

// days are those from which on one of two listings says something else; the
// zero time is before all of them.
func days(listings ...bedrock.Listing) []time.Time {
	out := []time.Time{{}}
	for _, l := range listings {
		for _, d := range l.Later {
			if day, err := time.Parse(time.DateOnly, d.From); err == nil {
				out = append(out, day)
			}
		}
	}
	return out
}

// less says which figure of a price fell, or is not known any more.
func less(was, now bedrock.Price, what string) string {
	before, after := was.Figures(), now.Figures()
	for i, f := range before {
		if g := after[i].USD; f.USD != nil && (g == nil || *g < *f.USD) {
			return fmt.Sprintf("the price of %s for %s falls from %v to %s", f.Name, what, *f.USD, figure(g))
		}
	}
	for i, l := range longContexts(was) {
		if m := longContexts(now)[i]; l != nil && m != nil && m.Over > l.Over {
			return fmt.Sprintf("calls of %s are charged as long from %d tokens on, and were from %d", what, m.Over, l.Over)
		}
	}
	return ""
}

// longContexts are what a price says of long calls, of each tier.
func longContexts(p bedrock.Price) []*bedrock.LongContext {
	out := []*bedrock.LongContext{p.LongContext}
	for _, t := range []*bedrock.TierPrice{p.Priority, p.Flex, p.Batch, p.Reserved, p.Optimized} {
		if t == nil {
			t = &bedrock.TierPrice{}
		}
		out = append(out, t.LongContext)
	}
	return out
}

func figure(f *float64) string {
	if f == nil {
		return "unknown"
	}
	return fmt.Sprint(*f)
}

// judgeHolds counts answers and calls of tools that were held for a human and are
// not any more.
func (w *widening) judgeHolds(c *class) error {
	grant, ok := w.after.Grant(c.first.ID)
	if !ok || len(c.causes) == 0 {
		return nil
	}
	was, gave := effective(w.before, c.first)
	now, gives := effective(w.after, grant)
	if !gave || !gives {
		return nil
	}
	cause := resourceID(manifest.Entitlement, c.first.Entitlement)
	if !slices.Contains(c.causes, cause) {
		cause = resourceID(manifest.Grant, c.first.ID)
	}
	if was.Conditions.HoldAnswer && !now.Conditions.HoldAnswer {
		w.note(c, cause, topicHold, "answers are not held for a human any more", nil)
	}
	if was.Conditions.Data.Answer().Redact && !now.Conditions.Data.Answer().Redact {
		w.note(c, cause, topicHold, "answers are not redacted any more", nil)
	}
	if field := now.Conditions.Hold.Looser(was.Conditions.Hold); field != "" {
		w.note(c, cause, topicHold, fmt.Sprintf("what is held is released more easily: conditions.hold.%s", field), nil)
	}
	for _, tool := range released(was.Conditions.Tools, now.Conditions.Tools) {
		w.note(c, cause, topicHold, fmt.Sprintf("calls of tool %s are not held for a human any more", tool), nil)
	}
	return nil
}

// effective is what a grant gives of its entitlement.
func effective(s *snapshot.Snapshot, g *rights.Grant) (rights.Entitlement, bool) {
	e, ok := s.Entitlement(g.Entitlement)
	if !ok {
		return rights.Entitlement{}, false
	}
	return e.Under(g.Narrow)
}

// released lists the tools that are offered freely now, and whose calls were held.
func released(was, now rights.Tools) []string {
	return slices.DeleteFunc(slices.Clone(now.Read), func(tool string) bool {
		name, _, _ := strings.Cut(tool, "@")
		if slices.Contains(was.Read, tool) || slices.Contains(was.Read, name) {
			return true
		}
		held := func(t string) bool { n, _, _ := strings.Cut(t, "@"); return n == name }
		return !was.Any && !slices.ContainsFunc(was.Write, held)
	})
}

// judgeGrant counts changes of a grant itself that the algebra does not see: it
// compares what grants give, over all time.
func (w *widening) judgeGrant(c *class) error {
	cause := resourceID(manifest.Grant, c.first.ID)
	now, ok := w.after.Grant(c.first.ID)
	if !ok || !slices.Contains(c.causes, cause) {
		return nil
	}
	was := c.first
	switch {
	case now.Identity != was.Identity:
		w.note(c, cause, topicTime, fmt.Sprintf("the grant is identity %s's, and was %s's", now.Identity, was.Identity), nil)
	case now.NotAfter.After(was.NotAfter) || now.NotBefore.Before(was.NotBefore):
		w.note(c, cause, topicTime, w.difference(cause), nil)
	case was.State == rights.GrantScheduled && now.State.Confers() && w.now.Before(was.NotBefore):
		w.note(c, cause, topicTime, "the grant is in force before its time", nil)
	}
	return nil
}
