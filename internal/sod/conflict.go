package sod

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Conflict is two duties that meet in one hand.
type Conflict struct {
	Rule     string `json:"rule"`
	Title    string `json:"title"`
	Severity string `json:"severity"`
	Subject  string `json:"subject"` // Identity/name or Operator/name
	Left     Held   `json:"left"`
	Right    Held   `json:"right"`
	Prevent  bool   `json:"prevent"`
	Waiver   string `json:"waiver,omitempty"` // the waiver that excuses it
}

// Held is a duty of a hand, and where it comes from.
type Held struct {
	Duty   Duty   `json:"duty"`
	Object string `json:"object,omitempty"` // Identity/name, Entitlement/name, Model/name; empty: everything
	Source string `json:"source,omitempty"` // Grant/name, Request/id, role administrator
}

// Conflicts finds every two duties that meet in one hand against a rule, waived
// ones too, ordered by subject, rule and duties. Rules that are off find nothing;
// see NotEvaluable for those that could not be judged.
func Conflicts(rules []Rule, f Facts, waivers []Waiver, now time.Time) []Conflict {
	var out []Conflict
	for _, h := range f.hands() {
		for i := range rules {
			if rules[i].Hand == h.kind && !rules[i].Off {
				out = append(out, h.against(&rules[i], waivers, now)...)
			}
		}
	}
	slices.SortFunc(out, compare)
	return out
}

// Would is what Conflicts would find if duties were added, and does not find now.
// Of the facts it needs those of the hands that are added to, and Behind of every
// account.
func Would(rules []Rule, f Facts, added []Hand, waivers []Waiver, now time.Time) []Conflict {
	f = f.about(added)
	found := make(map[Conflict]bool)
	for _, c := range Conflicts(rules, f, waivers, now) {
		found[c] = true
	}
	return slices.DeleteFunc(Conflicts(rules, f.with(added), waivers, now), func(c Conflict) bool { return found[c] })
}

// Preventing picks the conflicts that stand in the way: those of rules that
// prevent, without a waiver.
func Preventing(all []Conflict) []Conflict {
	var out []Conflict
	for _, c := range all {
		if c.Prevent && c.Waiver == "" {
			out = append(out, c)
		}
	}
	return out
}

// against finds what meets in a hand against a rule.
func (h *hand) against(r *Rule, waivers []Waiver, now time.Time) []Conflict {
	var out []Conflict
	var waiver string
	for _, left := range h.held {
		if !slices.Contains(r.Left, left.Duty) {
			continue
		}
		for _, right := range h.held {
			if !r.meet(left, right) {
				continue
			}
			if out == nil {
				waiver = h.excuse(r.ID, waivers, now)
			}
			out = append(out, Conflict{
				Rule: r.ID, Title: r.Title, Severity: r.Severity, Subject: h.subject, Left: left, Right: right, Prevent: r.Prevent, Waiver: waiver,
			})
		}
	}
	return out
}

// meet reports whether a right duty conflicts with one that is left. Where a rule
// has both on both sides, the pair is found once.
func (r *Rule) meet(left, right Held) bool {
	if left == right || !slices.Contains(r.Right, right.Duty) {
		return false
	}
	if r.SameObject && left.Object != "" && right.Object != "" && left.Object != right.Object {
		return false
	}
	mirrored := slices.Contains(r.Left, right.Duty) && slices.Contains(r.Right, left.Duty)
	return !mirrored || compareHeld(left, right) < 0
}

// excuse names the waiver that excuses a hand from a rule at a time, by the first
// name where several do. A waiver that somebody approved for themselves is none.
func (h *hand) excuse(rule string, waivers []Waiver, now time.Time) string {
	name := ""
	for i := range waivers {
		w := &waivers[i]
		if w.Rule == rule && w.During(now) && h.named(w.Subject) && !slices.ContainsFunc(w.Approvers, h.has) && (name == "" || w.ID < name) {
			name = w.ID
		}
	}
	return name
}

func compare(a, b Conflict) int {
	return cmp.Or(strings.Compare(a.Subject, b.Subject), strings.Compare(a.Rule, b.Rule), compareHeld(a.Left, b.Left), compareHeld(a.Right, b.Right))
}

func compareHeld(a, b Held) int {
	return cmp.Or(cmp.Compare(a.Duty, b.Duty), strings.Compare(a.Object, b.Object), strings.Compare(a.Source, b.Source))
}
