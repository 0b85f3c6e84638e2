// Package awsiam is the language of AWS IAM policies: reading documents,
// matching actions, resources, principals and conditions, and deciding one
// concrete request over all the layers that AWS puts on top of one another.
//
// It is the plain reading of the rules, kept simple enough to be checked by
// eye; the algebra in package rights is tested against it, and certificates are
// re-checked with it. It trusts nothing of its input: documents are bytes from
// outside. What AWS does not document, or would have refused, is Unknown and
// never guessed. The package is pure: no I/O and no clock.
//
// Sources: the IAM User Guide, "Policy evaluation logic", "IAM JSON policy
// elements" and "Single-valued vs. multivalued context keys"
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies.html).
package awsiam

// Truth is a truth value with a third for what cannot be known.
type Truth uint8

// The truth values, in the order of how much they assert.
const (
	False Truth = iota
	Unknown
	True
)

// And is false when one is, true when both are.
func (t Truth) And(u Truth) Truth { return min(t, u) }

// Or is true when one is, false when both are.
func (t Truth) Or(u Truth) Truth { return max(t, u) }

// Not is the opposite; of Unknown, Unknown.
func (t Truth) Not() Truth { return True - t }

// Of is the truth of a fact that is known.
func Of(b bool) Truth {
	if b {
		return True
	}
	return False
}

// Position is a place in an input file. Line and Column count from 1, Column
// in bytes; zero is unknown.
type Position struct {
	File   string `json:"file,omitempty"`
	Offset int64  `json:"offset,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// Problem is something in a document that AWS would have refused or that
// cannot be read. The rest of the document still counts; what the problem
// touches is Unknown unless Reason says how it was read instead.
type Problem struct {
	Position
	Document  string // its name
	Statement int    // its index from 0; -1: the document itself
	Reason    string
}

// Document is one policy document.
type Document struct {
	Name       string // how answers call it
	Version    string
	Statements []Statement
	Chars      int    // its size as IAM counts it: without white space
	Doubt      string // why it could not be read as a whole; then it may say anything
}

// Statement is one statement of a document. An element that could not be read
// is nil, or not listed, and its name is in Doubts: it matches as Unknown.
type Statement struct {
	Index       int // from 0, as the document has it
	Sid         string
	Effect      Effect
	NotAction   bool
	Actions     []Action
	NotResource bool
	Resources   []Text // none in a trust policy
	Principal   *Principals
	Conditions  []Condition
	Doubts      Doubts
	Position    Position
}

// Effect is what a statement does when it matches.
type Effect uint8

// The effects. A statement whose effect cannot be read may be either.
const (
	NoEffect Effect = iota
	Allow
	Deny
)

func (e Effect) String() string { return [...]string{"unreadable", "Allow", "Deny"}[e] }

// Doubts says why elements of a statement are Unknown; empty is no doubt.
type Doubts struct {
	Effect, Action, Resource, Principal, Condition string
}

// First is the first doubt there is.
func (d Doubts) First() string {
	for _, s := range []string{d.Effect, d.Action, d.Resource, d.Principal, d.Condition} {
		if s != "" {
			return s
		}
	}
	return ""
}
