package analyse

import (
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/rights"
)

// classer tells which checks of a subject come to the same function of the free
// keys: those that every statement treats alike, in what it names and in its
// conditions on keys that the checks fix.
type classer struct {
	stmts []*awsiam.Statement
	bound bool // something else binds a check by its resource
}

func (s *scan) classer(x *subject) *classer {
	c := &classer{bound: len(x.Account.Resource) > 0 || x.Account.RCPs != nil}
	l := s.Layers(x.Principal)
	all := slices.Concat(l.Identity, l.Sessions)
	for _, level := range l.SCPs {
		all = append(all, level...)
	}
	for _, d := range []*awsiam.Document{l.Boundary, l.Endpoint} {
		if d != nil {
			all = append(all, d)
		}
	}
	for _, d := range all {
		for i := range d.Statements {
			if st := &d.Statements[i]; aboutInvoking(st) {
				c.stmts = append(c.stmts, st)
			}
		}
	}
	return c
}

// class is equal for lists of checks that come to the same. Saying a check twice
// changes nothing, so each class of checks stands once.
func (c *classer) class(checks []rights.Check) string {
	parts := make([]string, len(checks))
	for i := range checks {
		parts[i] = c.check(&checks[i])
	}
	slices.Sort(parts)
	return strings.Join(slices.Compact(parts), "\n")
}

func (c *classer) check(k *rights.Check) string {
	if c.bound {
		return k.Action + " " + k.Resource + " " + fixed(k)
	}
	var b strings.Builder
	for _, st := range c.stmts {
		t := st.MatchAction(k.Action)
		for i := range st.Resources {
			if _, plain := st.Resources[i].Fixed(); !plain {
				b.WriteString(k.Resource)
			}
		}
		t = t.And(st.MatchResource(k.Resource, k.Known))
		b.WriteByte('0' + byte(t))
		for i := range st.Conditions {
			if t != awsiam.False {
				c.condition(&b, &st.Conditions[i], k)
			}
		}
	}
	return b.String()
}

// condition writes what a condition makes of the keys that a check fixes.
func (c *classer) condition(b *strings.Builder, cond *awsiam.Condition, k *rights.Check) {
	if len(cond.Texts()) > 0 {
		b.WriteString(fixed(k))
		return
	}
	_, known := k.Known[cond.Name()]
	if family, _, member := strings.Cut(cond.Name(), "/"); !known && member {
		_, known = k.Known[family+"/*"]
	}
	if !known {
		b.WriteByte('-')
		return
	}
	t, _ := cond.Test(k.Known)
	b.WriteByte('a' + byte(t))
}

// fixed writes the keys that a check fixes and that differ between checks.
func fixed(k *rights.Check) string {
	var b strings.Builder
	for _, key := range []string{"aws:requestedregion", "bedrock:inferenceprofilearn", "aws:resourceaccount"} {
		b.WriteString(key + "=" + strings.Join(k.Known[key].Items, ",") + ";")
	}
	return b.String()
}
