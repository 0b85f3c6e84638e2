package rights

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/writ-project/writ/internal/awsiam"
)

// Statement is one statement of a policy that Writ writes. Texts are IAM's:
// what comes from elsewhere goes through Literal or LiteralPattern first. Of
// When no test may be inverted.
type Statement struct {
	Sid       string // letters and digits
	Effect    awsiam.Effect
	Actions   []string
	Resources []string
	When      Term
}

// PolicyText is a policy as text and as it was read back.
type PolicyText struct {
	Text     json.RawMessage
	Document *awsiam.Document
}

// WritePolicy writes statements as a policy document and reads it back. An
// error says which statement IAM could not express.
func WritePolicy(name string, statements []Statement) (PolicyText, error) {
	doc := policyDocument{Version: "2012-10-17", Statement: []policyStatement{}}
	for _, s := range statements {
		w, err := s.written()
		if err != nil {
			return PolicyText{}, fmt.Errorf("statement %s: %w", s.Sid, err)
		}
		doc.Statement = append(doc.Statement, w)
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return PolicyText{}, fmt.Errorf("writing policy %q: %w", name, err)
	}
	read, problems := awsiam.Parse(name, text, awsiam.Position{})
	if len(problems) > 0 {
		return PolicyText{}, fmt.Errorf("policy %q: %s", name, problems[0].Reason)
	}
	return PolicyText{Text: text, Document: read}, nil
}

type policyDocument struct {
	Version   string
	Statement []policyStatement
}

type policyStatement struct {
	Sid       string `json:",omitempty"`
	Effect    string
	Action    []string
	Resource  []string
	Condition map[string]map[string][]string `json:",omitempty"`
}

func (s Statement) written() (policyStatement, error) {
	w := policyStatement{Sid: s.Sid, Effect: s.Effect.String(), Action: sorted(s.Actions), Resource: sorted(s.Resources)}
	if len(s.When) > 0 {
		w.Condition = map[string]map[string][]string{}
	}
	for _, t := range s.When {
		keys := w.Condition[t.Op]
		if keys == nil {
			keys = map[string][]string{}
			w.Condition[t.Op] = keys
		}
		values := sorted(t.Values)
		before, twice := keys[t.Key]
		switch {
		case t.Inverted:
			return w, fmt.Errorf("%s is inverted", t)
		case twice && !slices.Equal(before, values):
			return w, fmt.Errorf("%s stands twice on %s, with different values", t.Op, t.Key)
		}
		keys[t.Key] = values
		if err := encodable(values); err != nil {
			return w, fmt.Errorf("%s: %w", t.Key, err)
		}
	}
	return w, encodable(w.Resource)
}

// encodable refuses text that JSON would change.
func encodable(texts []string) error {
	for _, s := range texts {
		if !utf8.ValidString(s) || strings.ContainsRune(s, utf8.RuneError) {
			return fmt.Errorf("%.80q is not UTF-8", s)
		}
	}
	return nil
}

func sorted(list []string) []string {
	out := slices.Clone(list)
	slices.Sort(out)
	return slices.Compact(out)
}

// Literal writes a text so that no part of it is a policy variable.
func Literal(s string) string { return strings.ReplaceAll(s, "${", "${$}{") }

// LiteralPattern writes a text so that it stands for itself where wildcards
// count.
func LiteralPattern(s string) string { return patternLiterals.Replace(s) }

var patternLiterals = strings.NewReplacer("*", "${*}", "?", "${?}", "${", "${$}{")

// opaquePrefix begins the keys that stand for what AWS has no key for.
const opaquePrefix = "writ:"

// Opaque is the key for an attribute that rules know and AWS does not, by its
// path in policy/schema.cedarschema without "context": writ:prompt.regulated.
// An empty string and an empty set are an absent key.
func Opaque(path ...string) string { return opaquePrefix + strings.Join(path, ".") }

// IsOpaque reports whether a key is one of those.
func IsOpaque(key string) bool { return strings.HasPrefix(key, opaquePrefix) }

func equals(key string, values ...string) Test {
	return Test{Op: "StringEquals", Key: key, Values: literals(values)}
}

func literals(values []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = Literal(v)
	}
	return out
}

func isBool(key string, is bool) Test {
	return Test{Op: "Bool", Key: key, Values: []string{fmt.Sprint(is)}}
}

func isAbsent(key string, is bool) Test {
	return Test{Op: "Null", Key: key, Values: []string{fmt.Sprint(is)}}
}

// allAmong demands that all values of a key are among those listed; of none,
// that there are none.
func allAmong(key string, listed []string) Test {
	if len(listed) == 0 {
		return isAbsent(key, true)
	}
	return Test{Op: "ForAllValues:StringEquals", Key: key, Values: literals(listed)}
}

// noneAmong demands that no value of a key is among those listed.
func noneAmong(key string, listed []string) Test {
	return Test{Op: "ForAllValues:StringNotEquals", Key: key, Values: literals(listed)}
}
