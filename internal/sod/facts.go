package sod

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Facts are who does what, as far as it is known.
type Facts struct {
	Persons    map[string][]Held // by account
	Behind     map[string]string // the person behind an account; an account that is not there is a person of its own
	Identities map[string][]Held // by name
	Unknown    map[Duty]string   // duties that are not, or not wholly, known, and why
}

// Hand is a duty of one hand.
type Hand struct {
	Kind string // HandPerson or HandIdentity
	Name string // the account or the identity
	Held Held
}

// Gap is a duty of a rule that is not wholly known: that the rule finds nothing
// does not mean that there is nothing.
type Gap struct {
	Rule   string `json:"rule"`
	Title  string `json:"title"`
	Duty   Duty   `json:"duty"`
	Reason string `json:"reason"`
	Whole  bool   `json:"whole"` // of one side of the rule nothing is known: it can find nothing
}

// NotEvaluable lists what cannot be judged, by rule and duty.
func NotEvaluable(rules []Rule, f Facts) []Gap {
	asserted := map[string]map[Duty]bool{HandPerson: duties(f.Persons), HandIdentity: duties(f.Identities)}
	var out []Gap
	for _, r := range rules {
		if r.Off {
			continue
		}
		blind := func(d Duty) bool { return f.Unknown[d] != "" && !asserted[r.Hand][d] }
		whole := all(r.Left, blind) || all(r.Right, blind)
		concerned := slices.Concat(r.Left, r.Right)
		slices.Sort(concerned)
		for _, d := range slices.Compact(concerned) {
			if reason := f.Unknown[d]; reason != "" {
				out = append(out, Gap{Rule: r.ID, Title: r.Title, Duty: d, Reason: reason, Whole: whole})
			}
		}
	}
	slices.SortFunc(out, func(a, b Gap) int { return cmp.Or(strings.Compare(a.Rule, b.Rule), cmp.Compare(a.Duty, b.Duty)) })
	return out
}

func all(list []Duty, ok func(Duty) bool) bool {
	return !slices.ContainsFunc(list, func(d Duty) bool { return !ok(d) })
}

// duties are those that somebody has.
func duties(by map[string][]Held) map[Duty]bool {
	out := make(map[Duty]bool)
	for _, list := range by {
		for _, h := range list {
			out[h.Duty] = true
		}
	}
	return out
}

// hand is a person with all accounts, or an identity.
type hand struct {
	kind    string
	subject string   // Operator/ and the first of the accounts, or Identity/name
	names   []string // accounts, or the identity
	held    []Held   // each once, in order
}

// hands joins the accounts of each person.
func (f *Facts) hands() []hand {
	persons := make(map[string]*hand)
	for _, account := range f.accounts() {
		who := f.behind(account)
		if persons[who] == nil {
			persons[who] = &hand{kind: HandPerson, subject: "Operator/" + account}
		}
		persons[who].names = append(persons[who].names, account)
		persons[who].held = append(persons[who].held, f.Persons[account]...)
	}
	var out []hand
	for _, h := range persons {
		out = append(out, *h)
	}
	for name, held := range f.Identities {
		out = append(out, hand{kind: HandIdentity, subject: "Identity/" + name, names: []string{name}, held: slices.Clone(held)})
	}
	for i := range out {
		slices.SortFunc(out[i].held, compareHeld)
		out[i].held = slices.Compact(out[i].held)
	}
	return out
}

// accounts lists every account there is, in order.
func (f *Facts) accounts() []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(f.Persons)), maps.Keys(f.Behind))
	slices.Sort(names)
	return slices.Compact(names)
}

func (f *Facts) behind(account string) string {
	return strings.ToLower(cmp.Or(f.Behind[account], account))
}

// has reports whether an account is the hand's.
func (h *hand) has(account string) bool {
	return h.kind == HandPerson && slices.Contains(h.names, account)
}

// named reports whether a subject, Operator/name or Identity/name, means the hand.
func (h *hand) named(subject string) bool {
	kind, name, _ := strings.Cut(subject, "/")
	of := "Identity"
	if h.kind == HandPerson {
		of = "Operator"
	}
	return kind == of && slices.Contains(h.names, name)
}

// about are the facts of the hands that something is added to.
func (f Facts) about(added []Hand) Facts {
	who, what := make(map[string]bool), make(map[string]bool)
	for _, a := range added {
		if a.Kind == HandIdentity {
			what[a.Name] = true
		} else {
			who[f.behind(a.Name)] = true
		}
	}
	out := Facts{Persons: make(map[string][]Held), Behind: make(map[string]string), Identities: make(map[string][]Held), Unknown: f.Unknown}
	for _, account := range f.accounts() {
		if who[f.behind(account)] {
			out.Persons[account] = f.Persons[account]
			out.Behind[account] = f.behind(account)
		}
	}
	for name := range what {
		out.Identities[name] = f.Identities[name]
	}
	return out
}

// with are the facts with duties added.
func (f Facts) with(added []Hand) Facts {
	f.Persons, f.Identities = maps.Clone(f.Persons), maps.Clone(f.Identities)
	for _, a := range added {
		by := f.Persons
		if a.Kind == HandIdentity {
			by = f.Identities
		}
		by[a.Name] = append(slices.Clip(by[a.Name]), a.Held)
	}
	return f
}
