// Package report is what the offline analyser says, as a stream of typed
// messages, and the renderers of that stream: text for a terminal, JSON, SARIF
// 2.1.0, CSV and one self-contained HTML page.
//
// The analyser writes to a Handler and knows no renderer; this room imports
// nothing of the analyser. Order within the stream carries no meaning: a
// renderer collects, sorts and writes at Flush, so equal streams in any order
// give equal bytes. Nothing is read from a clock: Run.At says when.
//
// It trusts the rules, which are the product's own text. Every other string may
// come from an account under analysis (names of roles, policies, files), so no
// renderer lets a character act: control characters, line breaks and
// characters that reorder text are written as escapes, markup stays text, and a
// cell of CSV is never a formula.
package report

import "encoding/json"

// Handler receives the stream. Config comes first and once, Flush last and
// once. An error of any method ends the analysis; it is the writer's, or says
// which finding is not well formed.
type Handler interface {
	Config(Run) error
	// Progress is for whoever waits: dropping it changes no report.
	Progress(text string) error
	Finding(Finding) error
	Right(Right) error
	NotEvaluable(NotEvaluable) error
	Measure(Measure) error
	// Flush writes what the renderer has not written yet.
	Flush() error
}

// Severity is how much a finding matters: info, low, medium, high, critical.
type Severity string

// The severities, in rising order.
const (
	Info     Severity = "info"
	Low      Severity = "low"
	Medium   Severity = "medium"
	High     Severity = "high"
	Critical Severity = "critical"
)

// Severities are all of them, the worst first: the order of every report.
var Severities = []Severity{Critical, High, Medium, Low, Info}

// Rank is 1 for info to 5 for critical, and 0 for a word that is no severity.
func (s Severity) Rank() int {
	for i, known := range Severities {
		if s == known {
			return len(Severities) - i
		}
	}
	return 0
}

// Raise is the next severity up; critical and unknown words stay.
func (s Severity) Raise() Severity {
	rank := s.Rank()
	if rank == 0 || rank == len(Severities) {
		return s
	}
	return Severities[len(Severities)-rank-1]
}

// Rule is one thing the analyser looks for, in the product's own words.
type Rule struct {
	ID       string   `json:"id"` // e.g. BR-WIDE-01
	Title    string   `json:"title"`
	Severity Severity `json:"severity"` // by default; a finding may be raised
	// Help says what it means and what to do, in two to five sentences.
	Help      string   `json:"help"`
	Reference []string `json:"reference,omitempty"` // URLs
}

// Position is where something stands in an input file. Line and Column count
// from 1, Column in code points, Offset in bytes from 0; a zero Line is
// unknown. File is as the user named it, relative where they did.
type Position struct {
	File   string `json:"file,omitempty"`
	Offset int64  `json:"offset,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// Statement is one statement of a policy that a finding or a hop stands on.
type Statement struct {
	Policy string `json:"policy"` // e.g. "inline policy p of role/App"
	// Layer is identity, boundary, session, scp, rcp, resource, trust or endpoint.
	Layer  string `json:"layer"`
	Sid    string `json:"sid,omitempty"`
	Index  int    `json:"index"`            // from 0, within the policy
	Effect string `json:"effect,omitempty"` // Allow or Deny
	// Text is the statement as JSON; empty: not kept. Part of the fingerprint.
	Text     json.RawMessage `json:"text,omitempty"`
	Position Position        `json:"position,omitzero"`
}

// Hop is one step of a path from a principal to a right.
type Hop struct {
	From       string      `json:"from"`
	To         string      `json:"to"`
	By         string      `json:"by"` // what the hop is, e.g. sts:AssumeRole
	Condition  string      `json:"condition,omitempty"`
	Statements []Statement `json:"statements,omitempty"`
}

// Finding is one thing found by one rule.
type Finding struct {
	Rule      string   `json:"rule"`
	Severity  Severity `json:"severity"`
	Account   string   `json:"account,omitempty"`
	Principal string   `json:"principal,omitempty"` // ARN
	// Resource is what the finding is about beside the principal (a model, a
	// profile, an action). It keeps two findings of one rule and principal apart.
	Resource string `json:"resource,omitempty"`
	// Title is one line. It does not repeat the principal, so that findings
	// which differ in nothing else are shown together.
	Title      string          `json:"title"`
	Detail     string          `json:"detail,omitempty"` // one paragraph
	Statements []Statement     `json:"statements,omitempty"`
	Path       []Hop           `json:"path,omitempty"`
	Condition  string          `json:"condition,omitempty"`
	Witness    json.RawMessage `json:"witness,omitempty"` // a request that shows it
	Proposal   *Proposal       `json:"proposal,omitempty"`
	Position   Position        `json:"position,omitzero"`
	// Fingerprint is the same in every run that finds the same; empty: the
	// renderers fill in Fingerprint(f).
	Fingerprint string `json:"fingerprint"`
	Suppressed  string `json:"suppressed,omitempty"` // why it does not count; empty: it counts
}

// Proposal is what would put a finding right.
type Proposal struct {
	Text   string          `json:"text"`
	Policy json.RawMessage `json:"policy,omitempty"`
	Proof  string          `json:"proof,omitempty"` // what was proven of Policy, and how
}

// Right is one right to invoke, as it is in effect after every layer.
type Right struct {
	Account   string `json:"account"`
	Principal string `json:"principal"` // ARN
	Kind      string `json:"kind"`      // role, user or root
	Action    string `json:"action"`
	Target    string `json:"target"` // model or profile id
	Region    string `json:"region,omitempty"`
	// Decision is allowed, conditional, undetermined, implicit_deny or explicit_deny.
	Decision  string `json:"decision"`
	Condition string `json:"condition,omitempty"`
	From      string `json:"from,omitempty"`  // RFC 3339; empty: since ever
	Until     string `json:"until,omitempty"` // RFC 3339; empty: no end
	Hops      int    `json:"hops"`            // role changes needed; 0: none
	Used      string `json:"used,omitempty"`  // used, unused or unknown
}

// Measure is one number of the yardstick, with its definition beside it.
type Measure struct {
	Name       string `json:"name"`
	Value      string `json:"value"`
	Unit       string `json:"unit,omitempty"`
	Definition string `json:"definition"`
	Note       string `json:"note,omitempty"` // what the number does not cover
}

// NotEvaluable says that a rule was not asked, and why: absence of its findings
// means nothing.
type NotEvaluable struct {
	Rule   string `json:"rule"`
	Reason string `json:"reason"`
	Input  string `json:"input,omitempty"` // what would make it evaluable, e.g. --used FILE
}

// Input is one file that was read.
type Input struct {
	File   string `json:"file"`
	Kind   string `json:"kind"`             // e.g. "account authorization details"
	Digest string `json:"digest,omitempty"` // sha256:HEX of its bytes as given
}

// Run says what was analysed, by what, and what is missing.
type Run struct {
	Tool             string   `json:"tool"` // empty: Writ
	Version          string   `json:"version,omitempty"`
	CatalogueVersion string   `json:"catalogueVersion,omitempty"`
	At               string   `json:"at,omitempty"` // RFC 3339: the instant decisions are for
	Inputs           []Input  `json:"inputs,omitempty"`
	Incomplete       []string `json:"incomplete,omitempty"` // what was not given and could change answers
	Principals       int      `json:"principals"`
	Accounts         int      `json:"accounts"`
	// Advisory is empty only with a dated chokepoint proof; else the words that
	// every report must carry: "advisory: direct path open (N principals)".
	Advisory string `json:"advisory,omitempty"`
}
