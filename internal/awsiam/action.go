package awsiam

import (
	"fmt"
	"strings"

	"github.com/writ-project/writ/internal/glob"
)

// Action is a pattern of action names: service:name, where only the name may
// hold wildcards, or * for all. Both parts are blind to case.
type Action struct {
	Source  string
	service string       // as spelled; empty: every service
	literal string       // the name as spelled, when it has no wildcard
	name    glob.Pattern // lower case, when it has
}

// ParseAction reads a pattern. "*:*" is not one that AWS documents, but it is
// found in the wild and can only mean all: it is read so, with a remark.
func ParseAction(s string) (a Action, remark string, err error) {
	a.Source = s
	switch s {
	case "*":
		return a, "", nil
	case "*:*":
		return a, `"*:*" is read as "*"`, nil
	}
	service, name, ok := strings.Cut(s, ":")
	switch {
	case !ok || service == "" || name == "":
		return a, "", fmt.Errorf("action %.80q is not service:name", s)
	case strings.ContainsAny(service, "*?"):
		return a, "", fmt.Errorf("action %.80q has a wildcard in its service, which AWS refuses", s)
	case !actionBytes(service, "-") || !actionBytes(name, "*?"):
		return a, "", fmt.Errorf("action %.80q holds characters that no action has", s)
	}
	a.service = service
	if strings.ContainsAny(name, "*?") {
		a.name = glob.Parse(strings.ToLower(name))
	} else {
		a.literal = name
	}
	return a, "", nil
}

// actionBytes reports whether s holds letters, digits and extra only.
func actionBytes(s, extra string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') && strings.IndexByte(extra, s[i]) < 0 {
			return false
		}
	}
	return true
}

// Match reports whether the pattern covers an action, whatever its case.
func (a Action) Match(action string) bool {
	if a.service == "" {
		return true
	}
	service, name, _ := strings.Cut(action, ":")
	if !strings.EqualFold(service, a.service) {
		return false
	}
	if a.literal != "" {
		return strings.EqualFold(name, a.literal)
	}
	return a.name.Match(strings.ToLower(name))
}

// MatchAction reports whether a statement is about an action.
func (s *Statement) MatchAction(action string) Truth {
	t := False
	for i := range s.Actions {
		if s.Actions[i].Match(action) {
			t = True
			break
		}
	}
	if s.Doubts.Action != "" {
		t = t.Or(Unknown)
	}
	if s.NotAction {
		t = t.Not()
	}
	return t
}
