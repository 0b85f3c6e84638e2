package analyse

import (
	"fmt"
	"slices"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/report"
)

// limit is one policy that takes rights away from principals: an SCP of their
// account, or their boundary.
type limit struct {
	layer   awsiam.Layer
	level   int
	doc     *awsiam.Document
	account *estate.Account
	bound   []*subject // whom it binds
}

func controlRemoved(s *scan, yield func(report.Finding)) string {
	if !s.limited() {
		return "needs --org or --scp, or principals with a permissions boundary"
	}
	for _, l := range s.limits() {
		if s.ctx.Err() == nil {
			yield(s.removed(l))
		}
	}
	return ""
}

// limited reports whether the input says what limits principals: that nothing
// does, too.
func (s *scan) limited() bool {
	return slices.ContainsFunc(s.Estate.Accounts, func(a *estate.Account) bool { return a.Known || a.SCPs != nil }) ||
		slices.ContainsFunc(s.subjects(), func(x *subject) bool { return x.Boundary != nil })
}

// limits are the SCPs and boundaries in force, but for those that allow
// everything, which take nothing away.
func (s *scan) limits() (out []*limit) {
	for _, acct := range s.Estate.Accounts {
		for level, docs := range acct.SCPs {
			for _, d := range docs {
				if !boundless(d) {
					out = append(out, &limit{layer: awsiam.SCPLayer, level: level, doc: d, account: acct})
				}
			}
		}
	}
	at := map[*awsiam.Document]*limit{}
	for _, x := range s.subjects() {
		for _, l := range out {
			if l.layer == awsiam.SCPLayer && l.account == x.Account && !x.ServiceLinked {
				l.bound = append(l.bound, x)
			}
		}
		d := x.Boundary
		if d == nil || boundless(d) {
			continue
		}
		if at[d] == nil {
			at[d] = &limit{layer: awsiam.BoundaryLayer, doc: d, account: x.Account}
			out = append(out, at[d])
		}
		at[d].bound = append(at[d].bound, x)
	}
	return out
}

// boundless reports whether a document allows everything and denies nothing.
func boundless(d *awsiam.Document) bool {
	if d.Doubt != "" {
		return false
	}
	all := false
	for i := range d.Statements {
		st := &d.Statements[i]
		if st.Effect != awsiam.Allow {
			return false
		}
		all = all || len(st.Conditions) == 0 && st.MatchAction(someAction) == awsiam.True && len(st.Resources) == 1 && st.Resources[0].Source == "*" && !st.NotAction && !st.NotResource
	}
	return all
}

// without is a principal whom a limit does not bind.
func (l *limit) without(p *estate.Principal) *estate.Principal {
	q := *p
	if l.layer == awsiam.BoundaryLayer {
		q.Boundary = nil
		return &q
	}
	acct := *p.Account
	acct.SCPs = slices.Clone(acct.SCPs)
	level := slices.DeleteFunc(slices.Clone(acct.SCPs[l.level]), func(d *awsiam.Document) bool { return d == l.doc })
	if acct.SCPs[l.level] = level; len(level) == 0 { // AWS leaves no level empty
		acct.SCPs = slices.Delete(acct.SCPs, l.level, l.level+1)
	}
	q.Account = &acct
	return &q
}

// removed counts the rights that a limit takes away. Subjects that are alike are
// asked once.
func (s *scan) removed(l *limit) report.Finding {
	counts := map[string]int{}
	var asked []*subject
	var freed []*estate.Principal
	share := l.without(l.bound0())
	for _, x := range l.bound {
		if counts[x.like]++; counts[x.like] == 1 {
			q := l.without(x.Principal)
			if l.layer == awsiam.SCPLayer {
				q.Account = share.Account
			}
			asked, freed = append(asked, x), append(freed, q)
		}
	}
	cells := s.rowOf(freed...)
	rights, principals, example, at := 0, 0, -1, -1
	for i, x := range asked {
		n := 0
		for j, before := range x.row {
			if !before.Can() && cells[i*len(x.row)+j].Can() {
				n++
				if example < 0 {
					example, at = i, j
				}
			}
		}
		if n > 0 {
			rights, principals = rights+n*counts[x.like], principals+counts[x.like]
		}
	}
	f := l.finding(rights, principals)
	if example >= 0 {
		s.example(&f, freed[example], at)
	}
	return f
}

// bound0 is anybody whom a limit binds.
func (l *limit) bound0() *estate.Principal {
	if len(l.bound) == 0 {
		return &estate.Principal{Account: l.account}
	}
	return l.bound[0].Principal
}

func (l *limit) finding(rights, principals int) report.Finding {
	what := "SCP"
	if l.layer == awsiam.BoundaryLayer {
		what = "boundary"
	}
	f := report.Finding{Account: l.account.ID, Resource: fmt.Sprintf("%s %d %s", l.layer, l.level, l.doc.Name)}
	if rights == 0 {
		f.Title = fmt.Sprintf("the %s %s takes no right to invoke away", what, l.doc.Name)
		f.Detail = fmt.Sprintf("It binds %s, and none of them could invoke more without it.", plural(len(l.bound), "principal"))
	} else {
		f.Title = fmt.Sprintf("the %s %s takes %s to invoke away", what, l.doc.Name, plural(rights, "right"))
		f.Detail = fmt.Sprintf("Detaching it would let %s of %d invoke what they cannot now; a right is an action on a model or profile, as called in a region.", plural(principals, "principal"), len(l.bound))
	}
	for i := range l.doc.Statements {
		if st := &l.doc.Statements[i]; aboutInvoking(st) {
			f.Statements = append(f.Statements, statementOf(l.doc, string(l.layer), st.Index))
		}
	}
	if len(l.doc.Statements) > 0 {
		f.Position = reportPosition(l.doc.Statements[0].Position)
	}
	return f
}

// example adds a request that would be allowed without the limit.
func (s *scan) example(f *report.Finding, freed *estate.Principal, cell int) {
	n := len(s.matrix.Actions)
	ans := s.ask(&subject{Principal: freed}, cell/n, cell%n, nil)
	if ans.Witness != nil {
		f.Witness = asJSON(ans.Witness)
		f.Detail += fmt.Sprintf(" For example %s, which could then call %s.", freed.ARN, s.matrix.Targets[cell/n].ID)
	}
}
