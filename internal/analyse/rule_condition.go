package analyse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/report"
	"github.com/writ-project/writ/internal/rights"
)

const (
	keysReference      = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html"
	operatorsReference = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"
)

// conditionRules are about limits that do not limit.
var conditionRules = []rule{
	{report.Rule{
		ID: "BR-COND-01", Title: "A long-term credential that may invoke from anywhere", Severity: report.Medium,
		Help: "The user holds a credential that does not end, and its right to invoke asks for no network: no VPC endpoint, no address, no organisation's network. " +
			"Whoever copies the key calls models from wherever they are, at your expense. " +
			"Replace the key by a role; until then deny invocation unless aws:SourceVpce or aws:SourceIp is one of yours.",
		Reference: []string{keysReference, "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#bp-workloads-use-roles"},
	}, conditionNetwork},
	{report.Rule{
		ID: "BR-COND-02", Title: "ForAllValues in an Allow, true when the key is absent", Severity: report.High,
		Help: "ForAllValues asks whether all values of a key match, and of no values all do: a request without the key passes. " +
			"In an Allow that turns a limit into a grant to everyone who leaves the key out. " +
			"Add a Null condition with false on the same key, or use ForAnyValue.",
		Reference: []string{multiReference},
	}, conditionForAll},
	{report.Rule{
		ID: "BR-COND-03", Title: "A statement about invocation that never has an effect", Severity: report.Low,
		Help: "The statement asks for something that no request has: a condition key that AWS does not set for the action, an action that does not exist, a resource that the action is not checked on, or conditions that exclude one another. " +
			"As a Deny it protects from nothing, and whoever reads it believes otherwise. " +
			"Converse and ConverseStream have no action of their own: name bedrock:InvokeModel and bedrock:InvokeModelWithResponseStream.",
		Reference: []string{actionsReference, keysReference},
	}, conditionDead},
	{report.Rule{
		ID: "BR-COND-04", Title: "A grant that has ended, has not begun, or does not end", Severity: report.Info,
		Help: "A dated grant that has ended is clutter, one that has not begun takes effect on its date without anybody doing anything. " +
			"Where rights must have an end, one without a date stays until somebody remembers it. " +
			"Remove what has ended, and put DateLessThan on aws:CurrentTime where an end is demanded.",
		Reference: []string{operatorsReference},
	}, conditionDated},
}

func conditionNetwork(s *scan, yield func(report.Finding)) string {
	if s.Estate.Credentials == nil {
		return "needs --credentials: which users hold long-term credentials"
	}
	var holders []*subject
	for _, x := range s.invokers(true) {
		if longTerm(s.Estate.Credentials, x.Principal) != "" {
			holders = append(holders, x)
		}
	}
	// What is found is of such a credential already: no step more severe for it.
	once := func(f report.Finding) {
		f.Severity, f.Detail = report.Medium, strings.Split(f.Detail, " One step more severe")[0]
		yield(f)
	}
	s.sweep(holders, report.Medium, once, func(x *subject) []hit {
		ans, ok := s.networkless(x)
		if !ok {
			return nil
		}
		return []hit{hit{title: "may invoke from any network with a long-term credential",
			detail: "Nothing in the policies asks where the call comes from."}.of(ans)}
	})
	return ""
}

// networkless is the first target that a subject can invoke whatever the
// network is.
func (s *scan) networkless(x *subject) (rights.Answer, bool) {
	free := func(ans rights.Answer) bool { return slices.Contains(ans.NotRequired, "network") }
	for i, action := range s.matrix.Actions {
		if !free(s.any(x.Principal, action, s.Layers(x.Principal), nil)) {
			continue
		}
		for t := range s.matrix.Targets {
			if !s.cell(x, t, i).Can() {
				continue
			}
			if ans := s.ask(x, t, i, nil); free(ans) {
				return ans, true
			}
		}
	}
	return rights.Answer{}, false
}

func conditionForAll(s *scan, yield func(report.Finding)) string {
	s.sweep(s.invokers(true), report.High, yield, func(x *subject) (hits []hit) {
		for _, d := range x.Identity {
			for i := range d.Statements {
				if h, ok := s.forAll(x, d, &d.Statements[i]); ok {
					hits = append(hits, h)
				}
			}
		}
		return hits
	})
	for _, x := range s.invokers(true) {
		s.forAllTrust(x, yield)
	}
	return ""
}

// hollowKeys are the keys that a statement asks about with ForAllValues and
// whose presence nothing else in it requires.
func hollowKeys(st *awsiam.Statement) (keys []string) {
	for i := range st.Conditions {
		c := &st.Conditions[i]
		if st.Effect == awsiam.Allow && c.Quantifier() == awsiam.ForAllValues && c.Doubt() == "" && !slices.Contains(keys, c.Name()) && !needs(st, c.Name()) {
			keys = append(keys, c.Name())
		}
	}
	return keys
}

// needs reports whether a condition of a statement is false when a key is
// absent.
func needs(st *awsiam.Statement, key string) bool {
	return slices.ContainsFunc(st.Conditions, func(c awsiam.Condition) bool {
		t, _ := c.Test(awsiam.Context{})
		return c.Name() == key && t == awsiam.False
	})
}

// forAll finds that a statement alone lets a model be invoked by a request that
// lacks the keys it asks about.
func (s *scan) forAll(x *subject, d *awsiam.Document, st *awsiam.Statement) (hit, bool) {
	keys := hollowKeys(st)
	if len(keys) == 0 {
		return hit{}, false
	}
	absent := awsiam.Context{}
	for _, k := range keys {
		if s.Facts.Key(k).When == awsiam.Always {
			return hit{}, false
		}
		absent.Set(k, awsiam.Value{})
	}
	for _, action := range s.matrix.Actions {
		if st.MatchAction(action) == awsiam.False {
			continue
		}
		ans := s.any(x.Principal, action, s.only(x.Principal, func(e *awsiam.Document, o *awsiam.Statement) bool { return e == d && o == st }), absent)
		if ans.Decision.Can() {
			return hit{resource: byStatement, title: "may invoke by a ForAllValues that is true of nothing", asked: absent,
				detail: "The Allow holds when " + strings.Join(keys, " and ") + " is absent from the request."}.of(ans), true
		}
	}
	return hit{}, false
}

// forAllTrust finds the same in the trust policy of a role that can invoke.
func (s *scan) forAllTrust(x *subject, yield func(report.Finding)) {
	if x.Trust == nil {
		return
	}
	for i := range x.Trust.Statements {
		st := &x.Trust.Statements[i]
		keys := hollowKeys(st)
		keys = slices.DeleteFunc(keys, func(k string) bool { return k == "aws:tagkeys" }) // limits the session's tags, not who comes
		if len(keys) == 0 {
			continue
		}
		h := hit{resource: fmt.Sprintf("trust#%d", st.Index), title: "can be assumed by a ForAllValues that is true of nothing",
			detail: "Its trust policy lets a caller in when " + strings.Join(keys, " and ") + " is absent, and the role may invoke models.",
			refs:   []awsiam.Ref{refTo(trustLayer, x.Trust, st)}}
		yield(s.finding(x.Principal, x.Principal, h, report.High))
	}
}

func conditionDated(s *scan, yield func(report.Finding)) string {
	s.sweep(s.subjects(), report.Info, yield, func(x *subject) (hits []hit) {
		for _, d := range x.Identity {
			for i := range d.Statements {
				if h, ok := s.dated(x, d, &d.Statements[i]); ok {
					hits = append(hits, h)
				}
			}
		}
		return hits
	})
	if s.opts.NeedsEnd {
		s.sweep(s.invokers(false), report.Info, yield, s.endless)
	}
	return ""
}

// dated finds an Allow that does nothing now and does at another time.
func (s *scan) dated(x *subject, d *awsiam.Document, st *awsiam.Statement) (hit, bool) {
	if st.Effect != awsiam.Allow || !aboutInvoking(st) || !limits(st, "aws:currenttime", "aws:epochtime") {
		return hit{}, false
	}
	for _, action := range s.matrix.Actions {
		if st.MatchAction(action) == awsiam.False {
			continue
		}
		c := s.Case(x.Principal, []rights.Check{{Action: action, Known: s.Facts.Absent(action)}}, nil)
		c.Layers = s.only(x.Principal, func(e *awsiam.Document, o *awsiam.Statement) bool { return e == d && o == st })
		now := rights.Solve(s.universe(), c)
		u := s.universe()
		u.Now = u.Now.AddDate(-1000, 0, 0)
		before := rights.Solve(u, c)
		h := hit{resource: byStatement, refs: []awsiam.Ref{refTo(awsiam.IdentityLayer, d, st)}}
		switch {
		case now.Decision.Can():
			return hit{}, false
		case !now.From.IsZero():
			h.title = "is granted invocation from " + stamp(now.From) + " on"
			h.detail = "The grant has not begun; on that day it takes effect by itself."
			return h, true
		case before.Decision.Can() || !before.From.IsZero():
			h.title, h.detail = "has a grant of invocation that has ended", "It allows nothing any more: "+dates(st)+"."
			return h, true
		}
	}
	return hit{}, false
}

// dates are a statement's conditions on the time, as it writes them.
func dates(st *awsiam.Statement) string {
	var out []string
	for i := range st.Conditions {
		if c := &st.Conditions[i]; c.Name() == "aws:currenttime" || c.Name() == "aws:epochtime" {
			out = append(out, c.String())
		}
	}
	return strings.Join(out, ", ")
}

// endless finds a right that has no end.
func (s *scan) endless(x *subject) []hit {
	for i, action := range s.matrix.Actions {
		if ans := s.any(x.Principal, action, s.Layers(x.Principal), nil); !ans.Decision.Can() || !ans.Until.IsZero() {
			continue
		}
		for t := range s.matrix.Targets {
			if !s.cell(x, t, i).Can() {
				continue
			}
			if ans := s.ask(x, t, i, nil); ans.Until.IsZero() {
				return []hit{hit{title: "may invoke without an end", detail: "Rights must have an end here, and no date ends this one."}.of(ans)}
			}
		}
	}
	return nil
}
