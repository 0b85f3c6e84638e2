package awsiam

import (
	"strings"

	"github.com/writ-project/writ/internal/glob"
)

// MatchResource reports whether a statement is about a resource. A pattern is
// matched against the whole ARN, so that a * may cross colons. A pattern with a
// variable that has no value matches nothing; what that means in NotResource,
// AWS does not say clearly enough to rely on.
func (s *Statement) MatchResource(resource string, ctx Context) Truth {
	if len(s.Resources) == 0 && s.Doubts.Resource == "" {
		return True // a trust policy: the role it hangs on
	}
	t := False
	for i := range s.Resources {
		if t = t.Or(s.matchOne(&s.Resources[i], resource, ctx)); t == True {
			break
		}
	}
	if s.Doubts.Resource != "" {
		t = t.Or(Unknown)
	}
	if s.NotResource {
		t = t.Not()
	}
	return t
}

func (s *Statement) matchOne(r *Text, resource string, ctx Context) Truth {
	if r.fixed {
		return Of(r.match(resource))
	}
	p, known := r.Resolve(ctx)
	switch {
	case known == True:
		return Of(p.Match(resource))
	case s.NotResource:
		return Unknown
	}
	return known
}

// SegmentsDiffer reports whether reading the statement's patterns segment by
// segment, as some tools do, gives another answer for a resource than matching
// the whole ARN.
func (s *Statement) SegmentsDiffer(resource string) bool {
	whole, segments := false, false
	for i := range s.Resources {
		r := &s.Resources[i]
		if !r.fixed || r.Source == "*" {
			return false
		}
		whole = whole || r.match(resource)
		p, _ := r.Fixed()
		p, ok := p.SegmentWise()
		segments = segments || ok && p.Match(resource) || !ok && shortMatch(r, resource)
	}
	return whole != segments
}

// shortMatch reads a pattern of fewer than six segments: those that are missing
// are taken to be *.
func shortMatch(r *Text, resource string) bool {
	missing := 5 - strings.Count(r.Source, ":")
	p, ok := glob.SegmentWise(r.Source + strings.Repeat(":*", missing))
	return ok && p.Match(resource)
}

// AccountOf is the account that an ARN names, empty if none.
func AccountOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 && isAccount(parts[4]) {
		return parts[4]
	}
	return ""
}
