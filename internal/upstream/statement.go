package upstream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/writ-project/writ/internal/rights"
)

// SessionPolicyLimit is how many characters AWS takes as a session policy
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
const SessionPolicyLimit = 2048

// PolicyError says that legs cannot be put into an IAM policy which allows
// them and nothing else.
type PolicyError struct {
	Reason string
	Hint   string // may be empty
}

func (e *PolicyError) Error() string { return "writing an IAM policy: " + e.Reason }

// Statement is one statement of an IAM policy that allows.
type Statement struct {
	Effect    string
	Action    []string // sorted
	Resource  []string // sorted
	Condition map[string]map[string]string
}

// MarshalJSON writes it as short as IAM takes it: a list of one is a string.
func (s Statement) MarshalJSON() ([]byte, error) {
	out := struct {
		Effect    string
		Action    any
		Resource  any
		Condition map[string]map[string]string `json:",omitempty"`
	}{s.Effect, oneOrMany(s.Action), oneOrMany(s.Resource), s.Condition}
	return plainJSON(out)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Statement) UnmarshalJSON(b []byte) error {
	var in struct {
		Effect           string
		Action, Resource words
		Condition        map[string]map[string]string
	}
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	*s = Statement{in.Effect, in.Action, in.Resource, in.Condition}
	return nil
}

// words is a string or a list of strings.
type words []string

func (w *words) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(b, []byte(`"`)) {
		*w = make(words, 1)
		return json.Unmarshal(b, &(*w)[0])
	}
	return json.Unmarshal(b, (*[]string)(w))
}

func oneOrMany(list []string) any {
	if len(list) == 1 {
		return list[0]
	}
	return list
}

// Document is an IAM policy.
type Document struct {
	Version   string
	Statement []Statement
}

// policyVersion is IAM's current policy language.
const policyVersion = "2012-10-17"

// Text is the policy as AWS counts and takes it: compact, and in ASCII, since
// STS refuses characters beyond Latin-1 in a policy.
func (d Document) Text() (string, error) {
	text, err := plainJSON(d)
	if err != nil {
		return "", fmt.Errorf("writing an IAM policy: %w", err)
	}
	return inASCII(string(text)), nil
}

func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// inASCII writes what is beyond ASCII as JSON's \u escapes.
func inASCII(s string) string {
	var b strings.Builder
	for _, c := range s {
		switch {
		case c < 0x80:
			b.WriteRune(c)
		case c > 0xffff:
			c -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+c>>10, 0xdc00+c&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, c)
		}
	}
	return b.String()
}

// uses gathers which actions are used on which resources.
type uses map[string][]string

// add notes a use; the actions of a resource stay sorted and unique.
func (u uses) add(action, resource string) {
	if i, found := slices.BinarySearch(u[resource], action); !found {
		u[resource] = slices.Insert(u[resource], i, action)
	}
}

// statements names every resource once, with the others that are used alike.
func (u uses) statements() []Statement {
	alike := map[string]*Statement{}
	for _, resource := range slices.Sorted(maps.Keys(u)) {
		actions := u[resource]
		key := strings.Join(actions, " ")
		if alike[key] == nil {
			alike[key] = &Statement{Effect: "Allow", Action: actions}
		}
		alike[key].Resource = append(alike[key].Resource, resource)
	}
	out := make([]Statement, 0, len(alike))
	for _, key := range slices.Sorted(maps.Keys(alike)) {
		out = append(out, *alike[key])
	}
	return out
}

// SessionPolicy is the policy of a session that may do exactly what legs are
// about: no leg more, none less, and none that AWS would read as a pattern. It
// is a *PolicyError when there is no such policy, or AWS would not take it.
func SessionPolicy(legs []rights.Leg) (string, error) {
	if len(legs) == 0 {
		return "", &PolicyError{Reason: "there is nothing to allow"}
	}
	all := uses{}
	for _, l := range legs {
		if reason := inexact(l.Action, l.Resource); reason != "" {
			return "", &PolicyError{Reason: reason}
		}
		all.add(l.Action, l.Resource)
	}
	text, err := Document{Version: policyVersion, Statement: all.statements()}.Text()
	if err != nil {
		return "", err
	}
	if len(text) > SessionPolicyLimit {
		return "", &PolicyError{
			Reason: fmt.Sprintf("a session that may do what this call needs has a policy of %d characters, and AWS takes %d", len(text), SessionPolicyLimit),
			Hint:   "name fewer resources in one call, or a profile with fewer destinations",
		}
	}
	return text, nil
}

// inexact says why IAM would not read an action and a resource as just what
// they are, or nothing. A star, a question mark or a variable would make the
// policy wider than the leg.
func inexact(action, resource string) string {
	service, name, ok := strings.Cut(action, ":")
	switch {
	case !ok || !only(service, lower+digits+"-") || !only(name, lower+upper+digits):
		return fmt.Sprintf("%.80q is not the name of one action", action)
	case !strings.HasPrefix(resource, "arn:") || strings.Count(resource, ":") < 5:
		return fmt.Sprintf("%.120q is not the ARN of one resource", resource)
	case strings.ContainsAny(resource, "*?") || strings.Contains(resource, "${"):
		return fmt.Sprintf("%.120q holds a wildcard or a variable", resource)
	case !utf8.ValidString(resource) || strings.ContainsFunc(resource, func(c rune) bool { return c < ' ' || c >= 0x7f && c < 0xa0 }):
		return fmt.Sprintf("%.120q holds control characters", resource)
	}
	return ""
}

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits = "0123456789"
)

func only(s, set string) bool { return s != "" && strings.Trim(s, set) == "" }
