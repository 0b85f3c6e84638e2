package widening

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// The ways of widening: what is of one way, by one change, is told once.
const (
	topicRight  = "right"
	topicLaw    = "law"
	topicProof  = "proof"
	topicPrice  = "price"
	topicVetted = "vetted"
	topicRegion = "region"
	topicProxy  = "proxy"
	topicHold   = "hold"
	topicLabel  = "label"
	topicBudget = "budget"
	topicTime   = "time"
	topicState  = "state"
)

// judgeRight compares what the grants of a class give by themselves.
func (w *widening) judgeRight(c *class) error {
	if len(c.causes) == 0 {
		return nil
	}
	found := w.rightAfter(c, w.after)
	if found.Verdict == rights.NoNewAccess {
		return nil
	}
	causes := c.causes
	if len(causes) > 1 {
		causes = w.alone(c)
	}
	for _, cause := range causes {
		w.note(c, cause, topicRight, w.words(cause, found), found.Witness)
	}
	return nil
}

// rightAfter compares a class's right now with that in another state.
func (w *widening) rightAfter(c *class, after *snapshot.Snapshot) rights.Comparison {
	now, ok := after.Grant(c.first.ID)
	who, known := after.Identity(c.first.Identity)
	if !ok || !known {
		return rights.Comparison{Verdict: rights.NoNewAccess}
	}
	base, err := w.before.Bundle.Alone(*c.first, w.place)
	if err != nil {
		return undecided(err)
	}
	next, err := after.Bundle.Alone(*now, w.place)
	if err != nil {
		return undecided(err)
	}
	knownBase, knownNext := holding(policy.IdentityKeys(c.was)), holding(policy.IdentityKeys(who))
	key := string(base.Text) + "\x00" + string(next.Text) + "\x00" + fmt.Sprint(knownBase, knownNext)
	if had, ok := w.compared[key]; ok {
		return had
	}
	found := rights.Comparison{Verdict: rights.NoNewAccess}
	if string(base.Text) != string(next.Text) || fmt.Sprint(knownBase) != fmt.Sprint(knownNext) {
		found = w.compare(documentsOf(base), documentsOf(next), knownBase, knownNext)
	}
	w.compared[key] = found
	return found
}

func undecided(err error) rights.Comparison {
	return rights.Comparison{Verdict: rights.Undecided, Reason: err.Error()}
}

func documentsOf(p rights.GrantedPolicy) []*awsiam.Document { return []*awsiam.Document{p.Document} }

// holding adds that what must be held back is: that it need not be any more is
// judged by rule, since a call that offers no tools has nothing to hold.
func holding(keys awsiam.Context) awsiam.Context {
	for _, name := range []string{policy.ObligeHold, policy.ObligeHoldAnswer} {
		rights.SetText(keys, rights.Opaque("oblige", name), "true")
	}
	return keys
}

// alone lists the causes that widen by themselves; all, if none does.
func (w *widening) alone(c *class) []string {
	var out []string
	for _, cause := range c.causes {
		after, err := w.before.With([]store.Change{w.changeOf(cause)}, w.now)
		if err == nil && w.rightAfter(c, after).Verdict != rights.NoNewAccess {
			out = append(out, cause)
		}
	}
	if len(out) == 0 {
		return c.causes
	}
	return out
}

// changeOf is the change of one resource, by its Kind/name.
func (w *widening) changeOf(cause string) store.Change {
	kind, name, _ := strings.Cut(cause, "/")
	c := store.Change{Op: manifest.Delete, Kind: manifest.Kind(kind), Name: name}
	if r, ok := w.after.Resource(c.Kind, name); ok {
		c.Op = manifest.Update
		c.Spec, _ = r.Encode() // it was decoded from such text
	}
	return c
}

// words say what a change does and what becomes possible by it.
func (w *widening) words(cause string, found rights.Comparison) string {
	text := w.difference(cause)
	if found.Verdict == rights.Undecided {
		return text + "; that it widens the grant cannot be excluded: " + found.Reason
	}
	if x := found.Witness; x != nil {
		return fmt.Sprintf("%s; %s on %s becomes possible", text, x.Action, x.Resource)
	}
	return text
}

// maxDifferences is how many changed fields are told of one resource.
const maxDifferences = 6

// difference says in what a resource changed, field by field.
func (w *widening) difference(cause string) string {
	kind, name, _ := strings.Cut(cause, "/")
	was, now := flatSpec(w.before, manifest.Kind(kind), name), flatSpec(w.after, manifest.Kind(kind), name)
	var out []string
	fields := maps.Clone(was)
	maps.Copy(fields, now)
	for _, f := range slices.Sorted(maps.Keys(fields)) {
		if was[f] != now[f] {
			out = append(out, f+" "+turned(was[f], now[f]))
		}
	}
	if more := len(out) - maxDifferences; more > 0 {
		out = append(out[:maxDifferences], fmt.Sprintf("and %d more fields", more))
	}
	if len(out) == 0 {
		return cause + " is unchanged"
	}
	return cause + ": " + strings.Join(out, ", ")
}

// turned says what became of a value, which is JSON: of a list, what came and went.
func turned(was, now string) string {
	var a, b []string
	if json.Unmarshal([]byte(was), &a) != nil || json.Unmarshal([]byte(now), &b) != nil {
		return short(was) + " → " + short(now)
	}
	var parts []string
	if gone := moreThan(a, b); len(gone) > 0 {
		parts = append(parts, "without "+short(strings.Join(gone, ", ")))
	}
	if come := moreThan(b, a); len(come) > 0 {
		parts = append(parts, "with "+short(strings.Join(come, ", ")))
	}
	return strings.Join(parts, " and ")
}

// short is a value as people are shown it.
func short(value string) string {
	const longest = 160
	if value == "" {
		return "none"
	}
	if runes := []rune(value); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return value
}

// flatSpec is a resource's fields, by dotted path, as JSON.
func flatSpec(s *snapshot.Snapshot, kind manifest.Kind, name string) map[string]string {
	out := map[string]string{}
	r, ok := s.Resource(kind, name)
	if !ok {
		return out
	}
	text, err := r.Encode()
	var spec map[string]any
	if err != nil || json.Unmarshal(text, &spec) != nil {
		return out
	}
	flatten(out, "", spec)
	return out
}

func flatten(out map[string]string, path string, fields map[string]any) {
	for name, v := range fields {
		if inner, ok := v.(map[string]any); ok {
			flatten(out, path+name+".", inner)
			continue
		}
		text, _ := json.Marshal(v) // it was read from JSON
		out[path+name] = string(text)
	}
}
