package analyse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/report"
	"github.com/writ-project/writ/internal/rights"
)

// conditionDead looks at every document once, whoever has it.
func conditionDead(s *scan, yield func(report.Finding)) string {
	actions := s.actions()
	seen := map[*awsiam.Document]bool{}
	verdicts := map[string]string{} // of a statement, by its text
	each := func(layer awsiam.Layer, x *subject, d *awsiam.Document) {
		if seen[d] {
			return
		}
		seen[d] = true
		for i := range d.Statements {
			st := &d.Statements[i]
			text := string(statementText(st))
			dead, known := verdicts[text]
			if !known {
				dead = s.dead(st, actions)
				verdicts[text] = dead
			}
			if dead == "" && layer == awsiam.IdentityLayer {
				dead = s.overridden(x, d, st)
			}
			if dead != "" {
				yield(s.lifeless(layer, x, d, st, dead))
			}
		}
	}
	for _, x := range s.subjects() {
		l := s.Layers(x.Principal)
		for _, d := range l.Identity {
			each(awsiam.IdentityLayer, x, d)
		}
		if l.Boundary != nil {
			each(awsiam.BoundaryLayer, x, l.Boundary)
		}
		for _, d := range slices.Concat(l.SCPs...) {
			each(awsiam.SCPLayer, x, d)
		}
	}
	return ""
}

// lifeless is the finding about a statement: of the principal if the policy is
// its own, and otherwise of the policy.
func (s *scan) lifeless(layer awsiam.Layer, x *subject, d *awsiam.Document, st *awsiam.Statement, why string) report.Finding {
	f := report.Finding{Account: x.Account.ID, Resource: statementName(d.Name, st.Index),
		Title: "a statement that never " + map[awsiam.Effect]string{awsiam.Allow: "allows", awsiam.Deny: "denies"}[st.Effect] + " anything", Detail: why,
		Statements: []report.Statement{statementOf(d, string(layer), st.Index)}, Position: reportPosition(st.Position)}
	if layer == awsiam.IdentityLayer && !shared(x.Principal, d) {
		f.Principal = x.ARN
	}
	return f
}

// shared reports whether a document is a managed policy.
func shared(p *estate.Principal, d *awsiam.Document) bool {
	for _, arn := range p.Attached {
		if p.Account.Policies[arn] == d {
			return true
		}
	}
	return false
}

// dead says why a statement never has an effect on invocation, or on what is
// near; empty if it may have one.
func (s *scan) dead(st *awsiam.Statement, actions []string) string {
	if st.Effect == awsiam.NoEffect || st.Doubts.First() != "" {
		return ""
	}
	if why := unnamed(st, actions); why != "" {
		return why
	}
	matched := slices.DeleteFunc(slices.Clone(actions), func(a string) bool { return st.MatchAction(a) == awsiam.False })
	if len(matched) == 0 || !near(st) {
		return ""
	}
	if why := s.keyless(st, matched); why != "" {
		return why
	}
	if why := s.offResource(st, matched); why != "" {
		return why
	}
	if len(st.Conditions) > 0 && !s.alive(st, matched) {
		return "Its conditions exclude one another, or the resources it names: " + conditionsOf(st) + "."
	}
	return ""
}

func conditionsOf(st *awsiam.Statement) string {
	var out []string
	for i := range st.Conditions {
		out = append(out, st.Conditions[i].String())
	}
	return strings.Join(out, "; ")
}

// unnamed finds operations that have no action of their own among the actions.
func unnamed(st *awsiam.Statement, actions []string) string {
	if st.NotAction || len(st.Actions) == 0 {
		return ""
	}
	var names []string
	for _, a := range st.Actions {
		is := false
		for _, o := range bedrock.Operations() {
			own := "bedrock:" + string(o)
			is = is || a.Match(own) && !strings.EqualFold(own, o.Permission()) && own != "bedrock:ListAsyncInvokes"
		}
		if !is || slices.ContainsFunc(actions, a.Match) {
			return ""
		}
		names = append(names, a.Source)
	}
	return strings.Join(names, " and ") + " is no action: AWS checks Converse, StartAsyncInvoke and chat completions as bedrock:InvokeModel, and their streaming forms as bedrock:InvokeModelWithResponseStream."
}

// near reports whether a statement is about Bedrock's namespaces only: of others
// not enough is known to call it dead.
func near(st *awsiam.Statement) bool {
	if st.NotAction {
		return false
	}
	return !slices.ContainsFunc(st.Actions, func(a awsiam.Action) bool {
		service, _, _ := strings.Cut(strings.ToLower(a.Source), ":")
		return !strings.HasPrefix(service, "bedrock")
	})
}

// keyless finds a condition that no check of the statement's actions can meet,
// because none has its key.
func (s *scan) keyless(st *awsiam.Statement, matched []string) string {
	for i := range st.Conditions {
		c := &st.Conditions[i]
		if t, _ := c.Test(awsiam.Context{}); t != awsiam.False {
			continue
		}
		service, _, _ := strings.Cut(c.Name(), ":")
		fact := s.Facts.Key(c.Name())
		switch {
		case fact.Unknown && (service == "aws" || strings.HasPrefix(service, "bedrock")):
			return fmt.Sprintf("%s is no condition key that AWS documents (as of %s), so %s on it never holds.", c.Key, s.Facts.Date(), c.Operator)
		case !fact.Unknown && strings.HasPrefix(service, "bedrock") && !slices.ContainsFunc(matched, func(a string) bool { return s.mayHave(a, c.Name()) }):
			return fmt.Sprintf("No check of %s has %s, so %s on it never holds.", listed(matched, 3), c.Key, c.Operator)
		}
	}
	return ""
}

func (s *scan) mayHave(action, key string) bool {
	a, ok := s.Facts.Action(action)
	return !ok || a.Has(key)
}

// offResource finds actions that are checked on no resource, in a statement that
// names resources.
func (s *scan) offResource(st *awsiam.Statement, matched []string) string {
	if st.MatchResource("*", nil) != awsiam.False || strings.Contains(resourcesOf(st), "${") {
		return ""
	}
	for _, a := range st.Actions {
		if strings.ContainsAny(a.Source, "*?") {
			return "" // it may mean actions that are not listed
		}
	}
	for _, name := range matched {
		if a, ok := s.Facts.Action(name); !ok || len(a.Resources) > 0 {
			return ""
		}
	}
	if len(matched) < len(st.Actions) {
		return ""
	}
	return fmt.Sprintf("%s is checked on no resource: only \"*\" meets it, and the statement names %s.", strings.Join(matched, " and "), resourcesOf(st))
}

func resourcesOf(st *awsiam.Statement) string {
	var out []string
	for i := range st.Resources {
		out = append(out, st.Resources[i].Source)
	}
	return listed(out, 3)
}

// alive reports whether some request meets a statement, all on its own. What it
// names is tried as what it may be: by itself, with something in the place of
// its wildcards.
func (s *scan) alive(st *awsiam.Statement, matched []string) bool {
	if st.NotResource || strings.Contains(resourcesOf(st), "${") {
		return true
	}
	allow := *st
	allow.Effect = awsiam.Allow
	doc := &awsiam.Document{Name: "statement", Version: "2012-10-17", Statements: []awsiam.Statement{allow}}
	for _, r := range st.Resources {
		resource := r.Source
		if resource != "*" {
			if resource = concrete(r.Source, "111122223333"); resource == "" {
				return true
			}
		}
		for _, action := range matched {
			if s.meets(doc, action, resource, r.Source) {
				return true
			}
		}
	}
	return len(st.Resources) == 0
}

// meets asks whether a document allows an action on a resource to somebody, at
// some time. The region is the ARN's where the pattern spells it out.
func (s *scan) meets(doc *awsiam.Document, action, resource, pattern string) bool {
	k := rights.Check{Action: action, Resource: resource, Known: s.Facts.Absent(action)}
	if region := regionIn(pattern); region != "" && !strings.ContainsAny(region, "*?") {
		k.Known.Set("aws:RequestedRegion", awsiam.One(region))
	}
	ans := rights.Solve(s.timeless(), &rights.Case{Layers: awsiam.Layers{Identity: []*awsiam.Document{doc}}, Checks: []rights.Check{k}})
	return ans.Decision.Can()
}

// overridden finds an Allow with conditions whose whole effect the principal's
// own denies take away.
func (s *scan) overridden(x *subject, d *awsiam.Document, st *awsiam.Statement) string {
	if st.Effect != awsiam.Allow || len(st.Conditions) == 0 || !aboutInvoking(st) {
		return ""
	}
	l := awsiam.Layers{Identity: s.only(x.Principal, func(e *awsiam.Document, o *awsiam.Statement) bool { return e == d && o == st }).Identity}
	alone := awsiam.Layers{Identity: []*awsiam.Document{{Name: d.Name, Version: d.Version, Statements: []awsiam.Statement{*st}}}}
	could := false
	for _, action := range s.matrix.Actions {
		if st.MatchAction(action) == awsiam.False {
			continue
		}
		if s.any(x.Principal, action, l, nil).Decision.Can() {
			return ""
		}
		could = could || s.any(x.Principal, action, alone, nil).Decision.Can()
	}
	if !could {
		return ""
	}
	return "The Deny statements beside it refuse every request that it allows: its conditions (" + conditionsOf(st) + ") and theirs exclude one another."
}
