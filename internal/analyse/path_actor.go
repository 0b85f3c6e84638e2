package analyse

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/glob"
	"github.com/writ-project/writ/internal/rights"
)

// maxClasses bounds how many kinds of resource are tried for one call.
var maxClasses = glob.Limit{States: 20_000, Atoms: 256}

// actor is a principal that looks for ways. One goroutine at a time has it.
type actor struct {
	p       *estate.Principal
	own     *rights.Answer
	acts    leadSet // of the actions that lead on, those its policies may allow
	assumes bool    // they may allow it to assume some role
	runs    map[*recipe]*run
	open    map[*service][]*run
	endings []ending
	ended   bool
}

// leadSet is a set of the actions that lead on.
type leadSet [4]uint64

func (s *leadSet) add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s *leadSet) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

func (s *leadSet) join(t leadSet) {
	for i := range s {
		s[i] |= t[i]
	}
}

// meet keeps what is in both sets, drop what is not in the other.
func (s *leadSet) meet(t leadSet) {
	for i := range s {
		s[i] &= t[i]
	}
}

func (s *leadSet) drop(t leadSet) {
	for i := range s {
		s[i] &^= t[i]
	}
}

// leads numbers the actions by which somebody comes to rights of others.
var leads = sync.OnceValue(func() map[string]int {
	numbers := map[string]int{}
	for _, list := range leadingActions() {
		for _, action := range list {
			if _, ok := numbers[action]; !ok {
				numbers[action] = len(numbers)
			}
		}
	}
	return numbers
})

// actorsOf are principals with what they may perhaps do: an action that one of
// their own policies speaks of, that boundary and SCPs speak of too, and that
// nothing denies altogether.
func (a *Analysis) actorsOf(principals []*estate.Principal) []*actor {
	m := memory{}
	all := make([]*actor, len(principals))
	for i, p := range principals {
		act, l := &actor{p: p}, a.Layers(p)
		act.acts = m.any(l.Identity).allows
		if l.Boundary != nil {
			act.acts.meet(m.any([]*awsiam.Document{l.Boundary}).allows)
		}
		for _, level := range l.SCPs {
			act.acts.meet(m.any(level).allows)
		}
		for _, docs := range append([][]*awsiam.Document{l.Identity, {l.Boundary}}, l.SCPs...) {
			act.acts.drop(m.any(docs).denies)
		}
		act.assumes = act.may(assumeRole)
		all[i] = act
	}
	return all
}

// memory keeps what documents say of the actions that lead on.
type memory map[*awsiam.Document]leadings

// leadings are the actions that a document may allow, and those that it denies
// whatever the resource and the conditions are.
type leadings struct{ allows, denies leadSet }

func (m memory) any(docs []*awsiam.Document) (all leadings) {
	for _, d := range docs {
		if d == nil {
			continue
		}
		x, ok := m[d]
		if !ok {
			x = leadingsOf(d)
			m[d] = x
		}
		all.allows.join(x.allows)
		all.denies.join(x.denies)
	}
	return all
}

func leadingsOf(d *awsiam.Document) (x leadings) {
	for action, i := range leads() {
		if mentions(d, action) {
			x.allows.add(i)
		}
		if d.Doubt == "" && slices.ContainsFunc(d.Statements, func(s awsiam.Statement) bool { return forbids(&s, action) }) {
			x.denies.add(i)
		}
	}
	return x
}

// forbids reports whether a statement denies an action whatever else is so.
func forbids(s *awsiam.Statement, action string) bool {
	return s.Effect == awsiam.Deny && len(s.Conditions) == 0 && s.Doubts == (awsiam.Doubts{}) && !s.NotResource && s.MatchAction(action) == awsiam.True &&
		slices.ContainsFunc(s.Resources, func(r awsiam.Text) bool { return r.Source == "*" })
}

// may reports whether a principal may perhaps use an action on something.
func (act *actor) may(action string) bool { return act.acts.has(leads()[action]) }

// mayAny reports it for one of several; of none, true.
func (act *actor) mayAny(actions []string) bool {
	for _, action := range actions {
		if act.may(action) {
			return true
		}
	}
	return len(actions) == 0
}

// touches reports whether a principal's own policies may allow an action on a
// resource, before conditions and other layers.
func (act *actor) touches(action, resource string) bool {
	if !act.may(action) {
		return false
	}
	for _, d := range act.p.Identity {
		if d.Doubt != "" {
			return true
		}
		for i := range d.Statements {
			s := &d.Statements[i]
			if s.Effect != awsiam.Deny && s.MatchAction(action) != awsiam.False && mayMatch(s, resource) {
				return true
			}
		}
	}
	return false
}

// mayMatch reports whether a statement may be about a resource, whatever its
// variables stand for.
func mayMatch(s *awsiam.Statement, resource string) bool {
	for i := range s.Resources {
		if _, fixed := s.Resources[i].Fixed(); !fixed {
			return true
		}
	}
	return s.MatchResource(resource, nil) != awsiam.False
}

// fits lists resources of a form that the policies of a principal tell apart
// for some actions, one of each class. The form is an ARN with wildcards and
// {partition}, {account}, {region}; a form without wildcards is itself.
func (f *pathfinder) fits(p *estate.Principal, actions []string, form string, regions []string) []string {
	var within []glob.Pattern
	plain := ""
	for _, region := range regions {
		arn := f.filled(form, p.Account, region)
		if !strings.ContainsAny(arn, "*?") || arn == "*" {
			return []string{arn}
		}
		within = append(within, oneName(arn))
		plain = cmp.Or(plain, strings.ReplaceAll(strings.ReplaceAll(arn, "?", "a"), "*", ""))
		if !strings.Contains(form, "{region}") {
			break
		}
	}
	return f.places.of(f.patternsOf(p, actions), within, plain)
}

// places keeps the classes of resources that lists of patterns tell apart: many
// principals have the same.
type places struct{ sync.Map }

func (m *places) of(patterns, within []glob.Pattern, plain string) []string {
	var key strings.Builder
	for _, list := range [][]glob.Pattern{within, patterns} {
		for _, p := range list {
			key.WriteString(p.Key() + "\xff")
		}
		key.WriteString("\xff")
	}
	if arns, ok := m.Load(key.String()); ok {
		return arns.([]string)
	}
	arns := []string{plain} // when there are too many to tell apart, any one will do
	if classes, err := glob.Atoms(patterns, within, maxClasses); err == nil {
		arns = nil
		for _, c := range classes {
			arns = append(arns, c.Witness)
		}
	}
	m.Store(key.String(), arns)
	return arns
}

func (f *pathfinder) filled(form string, acct *estate.Account, region string) string {
	if form == noResource {
		return form
	}
	arn := strings.ReplaceAll(strings.ReplaceAll(form, "{partition}", acct.Partition), "{account}", acct.ID)
	return strings.ReplaceAll(strings.ReplaceAll(arn, "{region}", region), "{model}", f.modelPattern())
}

// oneName is a form in which wildcards do not reach into another segment, except
// for a model, whose id has colons.
func oneName(arn string) glob.Pattern {
	if strings.Contains(arn, "foundation-model/") {
		return glob.Parse(arn)
	}
	return narrowly(arn)
}

func (f *pathfinder) modelPattern() string {
	if f.goal.model != "" {
		return f.goal.model
	}
	return "?*.?*"
}

// patternsOf are the patterns by which the policies that bind a principal tell
// resources and regions apart for some actions.
func (f *pathfinder) patternsOf(p *estate.Principal, actions []string) (out []glob.Pattern) {
	l, known := f.Layers(p), f.Known(p)
	docs := append([]*awsiam.Document{}, l.Identity...)
	docs = append(docs, l.Sessions...)
	if l.Boundary != nil {
		docs = append(docs, l.Boundary)
	}
	for _, level := range l.SCPs {
		docs = append(docs, level...)
	}
	for _, d := range docs {
		for i := range d.Statements {
			if s := &d.Statements[i]; speaksOf(s, actions) {
				out = appendPatterns(out, s, known)
			}
		}
	}
	return out
}

func speaksOf(s *awsiam.Statement, actions []string) bool {
	for _, action := range actions {
		if s.MatchAction(action) != awsiam.False {
			return true
		}
	}
	return false
}

func appendPatterns(out []glob.Pattern, s *awsiam.Statement, known awsiam.Context) []glob.Pattern {
	for i := range s.Resources {
		if p, ok := s.Resources[i].Resolve(known); ok == awsiam.True {
			out = append(out, p)
		}
	}
	for i := range s.Conditions {
		c := &s.Conditions[i]
		if c.Name() != "aws:requestedregion" {
			continue
		}
		for _, v := range c.Values {
			if p, ok := glob.SegmentWise("arn:*:*:" + strings.ReplaceAll(v, ":", "?") + ":*:*"); ok {
				out = append(out, p)
			}
		}
	}
	return out
}
