package analyse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/report"
)

// notMeasurable is the value of a measure whose input is missing. It is never
// zero: what is not known is not little.
const notMeasurable = "not measurable"

// measures reports the yardstick: reach and excess, each with its definition. A
// right is an action of a principal on a model or profile, as called in one of
// the regions that were looked at; the catalogue is pinned, since a model that
// AWS adds makes every wildcard wider.
func (s *scan) measures(h report.Handler) error {
	m := measuring{scan: s, h: h, pinned: "Catalogue " + s.Catalogue.Version()}
	m.rights()
	m.reach()
	m.excess()
	m.standing()
	m.isolation()
	m.static()
	m.say(report.Measure{Name: "Governance", Value: notMeasurable,
		Definition: "Share of rights traced to an approved, unexpired grant; of identities with a confirmed owner; of reviews done in time; how long grants last, and how fast they end",
		Note:       "needs Writ's records of grants and reviews, which files of AWS do not hold"})
	if m.err != nil || s.opts.NoRights {
		return m.err
	}
	return s.rights(h)
}

// measuring reports measures, up to the first error.
type measuring struct {
	*scan
	h      report.Handler
	pinned string
	err    error
}

func (m *measuring) say(x report.Measure) {
	if m.err == nil {
		m.err = m.h.Measure(x)
	}
}

// unmeasured reports that the input of a measure is missing.
func (m *measuring) unmeasured(name, definition, why string) {
	m.say(report.Measure{Name: name, Value: notMeasurable, Definition: definition, Note: why})
}

// rights counts them.
func (m *measuring) rights() {
	sure, open := 0, 0
	for _, c := range m.matrix.cells {
		switch c {
		case CellUndetermined:
			open++
		case CellAllowed, CellConditional:
			sure++
		}
	}
	m.say(report.Measure{Name: "Rights", Value: fmt.Sprint(sure), Unit: "rights",
		Definition: "Principals × models and profiles, as called in the regions looked at × actions, that are allowed after every policy, perhaps under a condition",
		Note:       fmt.Sprintf("%d more are undetermined. %s", open, m.pinned)})
}

// reach says how many can invoke, and how much.
func (m *measuring) reach() {
	var widths []int
	for i := range m.matrix.Principals {
		if m.matrix.Any(i) {
			widths = append(widths, m.width(i))
		}
	}
	slices.Sort(widths)
	m.say(report.Measure{Name: "Reach", Value: fmt.Sprintf("%d of %d", len(widths), len(m.matrix.Principals)), Unit: "principals",
		Definition: "Users and roles that can invoke at least one model themselves, or of which it cannot be excluded"})
	if len(widths) > 0 {
		m.say(report.Measure{Name: "Models per invoker", Value: fmt.Sprintf("median %d, most %d", widths[len(widths)/2], widths[len(widths)-1]), Unit: "models",
			Definition: "Different foundation models that an invoker can reach directly or through profiles", Note: m.pinned})
	}
	n := 0
	for _, h := range m.chained() {
		if len(h.Path) > 0 {
			n++
		}
	}
	m.say(report.Measure{Name: "Indirect reach", Value: fmt.Sprint(n), Unit: "principals",
		Definition: fmt.Sprintf("Users and roles that can invoke nothing themselves, and can assume a role that can, in at most %d steps", reachHops), Note: "other ways than sts:AssumeRole are in the findings of BR-PATH"})
}

// width is how many models a row reaches.
func (m *measuring) width(row int) int {
	seen := map[string]bool{}
	for t := range m.matrix.Targets {
		for a := range m.matrix.Actions {
			if m.matrix.At(row, t, a).Can() {
				seen[m.matrix.Targets[t].Model] = true
			}
		}
	}
	return len(seen)
}

// The words of environment tags that this tree of measures reads.
var (
	environmentTags = []string{"env", "environment", "stage"}
	productive      = []string{"prod", "production", "prd", "live"}
)

// environment is the environment that a principal's tags name; empty: none do.
func environment(p *estate.Principal) string {
	for k, v := range p.Tags {
		if slices.Contains(environmentTags, strings.ToLower(k)) {
			return strings.ToLower(v)
		}
	}
	return ""
}

// isolation counts the steps from other environments into the productive one.
func (m *measuring) isolation() {
	const name, definition = "Isolation breaches", "Pairs of a principal tagged as of another environment and a role tagged as productive that can invoke, which the principal may assume"
	var from, to []*estate.Principal
	production := false
	for i, p := range m.matrix.Principals {
		env := environment(p)
		if is := slices.Contains(productive, env); is {
			production = true
			if p.Kind == estate.Role && m.matrix.Any(i) {
				to = append(to, p)
			}
		} else if env != "" {
			from = append(from, p)
		}
	}
	if len(from) == 0 || !production {
		m.unmeasured(name, definition, "needs principals of production and of other environments, told apart by a tag "+strings.Join(environmentTags, ", "))
		return
	}
	n := m.crossings(from, to)
	m.say(report.Measure{Name: name, Value: fmt.Sprint(n), Unit: "rights", Definition: definition,
		Note: fmt.Sprintf("principals without such a tag count on neither side; %d of other environments, %d productive roles", len(from), len(to))})
}

func (m *measuring) crossings(from, to []*estate.Principal) int {
	holders := make([]Holder, len(from))
	for i, p := range from {
		holders[i].Principal = p
	}
	callers := m.assumers(holders)
	counts := make([]int, len(from))
	_ = inParallel(m.ctx, len(from), func(i int) {
		for _, role := range to {
			if !mayAssume(from[i], role, callers[from[i]]) {
				continue
			}
			if _, ok := m.assume(from[i], role); ok {
				counts[i]++
			}
		}
	})
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}

// static is how many calls were made by users, whose credentials do not end.
func (m *measuring) static() {
	const name, definition = "Static share", "Invocations by users, whose credentials do not end, of all invocations"
	if m.Estate.Used == nil {
		m.unmeasured(name, definition, "needs --used")
		return
	}
	var users, all int64
	for _, p := range m.matrix.Principals {
		for _, u := range m.Estate.Used.Of(p.ARN) {
			if !slices.Contains(m.matrix.Actions, permission(u.Action)) {
				continue
			}
			if all += u.Count; p.Kind == estate.User {
				users += u.Count
			}
		}
	}
	if all == 0 {
		m.unmeasured(name, definition, "--used holds no invocation of a principal of the input")
		return
	}
	m.say(report.Measure{Name: name, Value: ratio(float64(users), float64(all)), Definition: definition,
		Note: fmt.Sprintf("of %d invocations seen; a user's temporary sessions count as the user's", all)})
}

// ratio writes a share with three digits.
func ratio(part, whole float64) string { return fmt.Sprintf("%.3f", part/whole) }
