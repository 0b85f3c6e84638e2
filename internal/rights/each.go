package rights

import (
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
)

// CompareEach is Compare for policies that allow too many resources to tell all
// patterns apart at once: it goes through what next allows, resource by resource.
// That is exact where both write resources as WritePolicy's callers do: literal,
// but for the region and account of a name, and for a beginning that ends in a
// star.
func CompareEach(u Universe, base, next Policies, actions []string) Comparison {
	c := Comparison{Verdict: NoNewAccess}
	seen := map[string]bool{}
	for _, resource := range concreteResources(base, next) {
		for _, action := range actions {
			look := appearance(action, resource, base, next)
			if seen[look] {
				continue
			}
			seen[look] = true
			c = c.or(func() Comparison { return compareAt(u, base, next, action, resource) })
		}
	}
	return c
}

func compareAt(u Universe, base, next Policies, action, resource string) Comparison {
	check := []Check{{Action: action, Resource: resource}}
	old := Case{Layers: base.Layers, Known: base.Known, Checks: check}
	fresh := Case{Layers: next.Layers, Known: next.Known, Checks: check}
	f := NewFrame(u)
	f.Add(&old)
	f.Add(&fresh)
	f.Close()
	return f.Compare(&old, &fresh)
}

// appearance is what statements are about an action on a resource: where that is
// the same, so is the answer.
func appearance(action, resource string, all ...Policies) string {
	look := action
	for i := range all {
		for _, d := range documents(all[i].Layers) {
			for j := range d.Statements {
				s := &d.Statements[j]
				about := s.MatchAction(action) != awsiam.False && s.MatchResource(resource, awsiam.Context{}) != awsiam.False
				look += map[bool]string{true: "1", false: "0"}[about]
			}
		}
		look += "|"
	}
	return look
}

// concreteResources are one resource for each pattern that next allows.
func concreteResources(base, next Policies) []string {
	var starts []string
	for _, p := range []Policies{base, next} {
		for _, d := range documents(p.Layers) {
			for i := range d.Statements {
				for _, r := range d.Statements[i].Resources {
					starts = append(starts, plainText(r.Source))
				}
			}
		}
	}
	var out []string
	for _, d := range documents(next.Layers) {
		for i := range d.Statements {
			for _, r := range d.Statements[i].Resources {
				if d.Statements[i].Effect == awsiam.Allow {
					out = append(out, concreteOf(r.Source, starts))
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// concreteOf is a resource that a pattern matches, and, where the pattern is a
// beginning, no longer beginning in starts does.
func concreteOf(pattern string, starts []string) string {
	start, open := strings.CutSuffix(pattern, "*")
	open = open && !strings.HasSuffix(pattern, "${*}")
	if !open {
		start = pattern
	}
	parts := strings.SplitN(start, ":", 6)
	if len(parts) == 6 {
		for i, any := range map[int]string{3: "us-east-1", 4: "111122223333"} {
			if parts[i] == "*" {
				parts[i] = any
			}
		}
	}
	name := plainText(strings.Join(parts, ":"))
	if !open {
		return name
	}
	begun := plainText(start)
	for _, next := range "xqzkjvwy0123456789~!()abcdefghilmnoprstu" {
		if !slices.ContainsFunc(starts, func(s string) bool { return strings.HasPrefix(s, begun+string(next)) }) {
			return name + string(next)
		}
	}
	return name + "\u2026"
}

// plainText undoes LiteralPattern.
func plainText(s string) string { return literalPatterns.Replace(s) }

var literalPatterns = strings.NewReplacer("${*}", "*", "${?}", "?", "${$}", "$")
